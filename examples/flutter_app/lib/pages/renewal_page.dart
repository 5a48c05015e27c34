/// Renewing one certification, with or without a connection.
library;

import 'package:flutter/material.dart';

import '../l10n/app_localizations.dart';
import '../models.dart';
import '../offline_queue.dart';
import 'words.dart';

class RenewalPage extends StatefulWidget {
  const RenewalPage({super.key, required this.queue, required this.certification, required this.types});

  final OfflineQueue queue;
  final Certification certification;
  final List<CertificationType> types;

  @override
  State<RenewalPage> createState() => _RenewalPageState();
}

class _RenewalPageState extends State<RenewalPage> {
  final TextEditingController _seen = TextEditingController();
  DateTime _day = DateTime.now();
  bool _isMissing = false;
  bool _isBusy = false;

  @override
  void dispose() {
    _seen.dispose();
    super.dispose();
  }

  Future<void> _choose() async {
    final now = DateTime.now();
    final chosen = await showDatePicker(
      context: context,
      initialDate: _day,
      firstDate: DateTime(now.year - 5),
      lastDate: now,
    );
    if (chosen != null && mounted) setState(() => _day = chosen);
  }

  /// The renewal is kept before it is sent, so that it is not lost whatever happens then.
  Future<void> _renew() async {
    final seen = _seen.text.trim();
    setState(() => _isMissing = seen.isEmpty);
    if (seen.isEmpty) return;
    setState(() => _isBusy = true);
    await widget.queue
        .add(WaitingRenewal(certificationId: widget.certification.id, seen: seen, seenOn: isoDay(_day)));
    await widget.queue.send();
    if (mounted) Navigator.of(context).pop();
  }

  @override
  Widget build(BuildContext context) {
    final texts = AppLocalizations.of(context);
    final type = typeName(widget.certification.type, widget.types, texts);
    return Scaffold(
      appBar: AppBar(title: Text(texts.renewFor(type, widget.certification.holder))),
      body: ListView(
        padding: const EdgeInsets.all(16),
        children: [
          Text(validity(widget.certification, texts)),
          TextField(
            key: const Key('seen'),
            controller: _seen,
            decoration: InputDecoration(labelText: texts.seen, errorText: _isMissing ? texts.seenMissing : null),
          ),
          TextButton(onPressed: _choose, child: Text(texts.seenOn(written(isoDay(_day), texts)))),
          FilledButton(key: const Key('renew'), onPressed: _isBusy ? null : _renew, child: Text(texts.renew)),
        ],
      ),
    );
  }
}
