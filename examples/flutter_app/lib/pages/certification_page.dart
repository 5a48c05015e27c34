/// One certification: its certificate, and how it came to be as it is.
library;

import 'package:flutter/material.dart';
import 'package:intl/intl.dart';

import '../l10n/app_localizations.dart';
import '../models.dart';
import '../registry.dart';
import 'loaded.dart';
import 'words.dart';

typedef _Details = ({bool isValid, List<HistoryEntry> history});

class CertificationPage extends StatelessWidget {
  const CertificationPage({super.key, required this.registry, required this.certification, required this.types});

  final Registry registry;
  final Certification certification;
  final List<CertificationType> types;

  Future<_Details> _load() async => (
        isValid: await registry.checkCertificate(certification.id),
        history: await registry.history(certification.id),
      );

  @override
  Widget build(BuildContext context) {
    final texts = AppLocalizations.of(context);
    return Scaffold(
      appBar: AppBar(title: Text(typeName(certification.type, types, texts))),
      body: Loaded<_Details>(load: _load, show: _show),
    );
  }

  Widget _show(BuildContext context, _Details details, VoidCallback again) {
    final texts = AppLocalizations.of(context);
    final titles = Theme.of(context).textTheme.titleLarge;
    return ListView(
      padding: const EdgeInsets.all(16),
      children: [
        Semantics(header: true, child: Text(texts.certificate, style: titles)),
        Text(certification.holder),
        Text(validity(certification, texts)),
        Text(details.isValid ? texts.certificateValid : texts.certificateInvalid, key: const Key('validity')),
        Text('${texts.certificateCode}: ${certification.id}'),
        Semantics(header: true, child: Text(texts.history, style: titles)),
        // The newest first; an instant, so in the phone's own time.
        for (final entry in details.history.reversed)
          ListTile(
            title: Text(kind(entry.kind, texts)),
            subtitle: Text([
              DateFormat.yMMMMd(texts.localeName).format(entry.recordedAt.toLocal()),
              if (entry.seen case final seen?) '${texts.seen}: $seen',
              if (entry.note case final note?) note,
            ].join('. ')),
          ),
      ],
    );
  }
}
