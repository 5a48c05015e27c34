/// The certifications of the signed-in person.
library;

import 'package:flutter/material.dart';

import '../l10n/app_localizations.dart';
import '../models.dart';
import '../offline_queue.dart';
import '../registry.dart';
import 'certification_page.dart';
import 'coordinator_page.dart';
import 'loaded.dart';
import 'words.dart';

typedef _Own = ({String? organisation, bool mayRenew, List<Certification> certifications, List<CertificationType> types});

class OwnPage extends StatelessWidget {
  const OwnPage({super.key, required this.registry, required this.queue});

  final Registry registry;
  final OfflineQueue queue;

  Future<_Own> _load() async {
    // An empty list alone would not say whether the person has no certification or no access.
    final organisation = await registry.organisation();
    return (
      organisation: organisation,
      mayRenew: await registry.mayRenew(),
      certifications: await registry.ownCertifications(),
      types: await registry.types(),
    );
  }

  Future<void> _signOut() async {
    await queue.forget();
    try {
      await registry.signOut();
    } catch (_) {
      // The session has ended on the phone, whatever the server says.
    }
  }

  @override
  Widget build(BuildContext context) {
    final texts = AppLocalizations.of(context);
    return Scaffold(
      appBar: AppBar(
        title: Text(texts.title),
        actions: [TextButton(key: const Key('sign-out'), onPressed: _signOut, child: Text(texts.signOut))],
      ),
      body: Loaded<_Own>(load: _load, show: _list),
    );
  }

  Widget _list(BuildContext context, _Own own, VoidCallback again) {
    final texts = AppLocalizations.of(context);
    if (own.organisation == null) return Text(texts.noAccess);
    return ListView(
      children: [
        if (own.certifications.isEmpty) ListTile(title: Text(texts.none)),
        for (final certification in own.certifications)
          ListTile(
            key: Key(certification.id),
            title: Text(typeName(certification.type, own.types, texts)),
            subtitle: Text([
              status(certification.status, texts),
              validity(certification, texts),
              if (endsSoon(certification, DateTime.now())) texts.endsSoon,
            ].join('. ')),
            onTap: () => Navigator.of(context).push(MaterialPageRoute<void>(
              builder: (_) => CertificationPage(registry: registry, certification: certification, types: own.types),
            )),
          ),
        if (own.mayRenew)
          ListTile(
            key: const Key('coordinate'),
            title: Text(texts.coordinate),
            onTap: () => Navigator.of(context).push(MaterialPageRoute<void>(
              builder: (_) => CoordinatorPage(registry: registry, queue: queue, types: own.types),
            )),
          ),
        ListTile(title: Text(texts.deleteAccount)),
      ],
    );
  }
}
