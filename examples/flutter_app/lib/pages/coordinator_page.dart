/// Whom a coordinator can renew, those that end first at the top, and what waits for the network.
library;

import 'package:flutter/material.dart';

import '../failure.dart';
import '../l10n/app_localizations.dart';
import '../models.dart';
import '../offline_queue.dart';
import '../registry.dart';
import 'loaded.dart';
import 'renewal_page.dart';
import 'words.dart';

class CoordinatorPage extends StatefulWidget {
  const CoordinatorPage({super.key, required this.registry, required this.queue, required this.types});

  final Registry registry;
  final OfflineQueue queue;
  final List<CertificationType> types;

  @override
  State<CoordinatorPage> createState() => _CoordinatorPageState();
}

class _CoordinatorPageState extends State<CoordinatorPage> {
  List<Map<String, dynamic>> _rows = const [];
  int _loads = 0;

  Future<List<Map<String, dynamic>>> _first() async {
    await widget.queue.send();
    return _rows = await widget.registry.certificationsPage();
  }

  Future<void> _more() async {
    try {
      final next = await widget.registry.certificationsPage(_rows.last);
      if (mounted) setState(() => _rows = [..._rows, ...next]);
    } catch (error) {
      if (!mounted) return;
      final texts = AppLocalizations.of(context);
      ScaffoldMessenger.of(context).showSnackBar(SnackBar(content: Text(words(failureOf(error), texts))));
    }
  }

  Future<void> _renew(Certification certification) async {
    await Navigator.of(context).push(MaterialPageRoute<void>(
      builder: (_) => RenewalPage(queue: widget.queue, certification: certification, types: widget.types),
    ));
    if (mounted) setState(() => _loads++);
  }

  @override
  Widget build(BuildContext context) => Scaffold(
        appBar: AppBar(title: Text(AppLocalizations.of(context).coordinate)),
        body: Loaded<List<Map<String, dynamic>>>(key: ValueKey(_loads), load: _first, show: _list),
      );

  Widget _list(BuildContext context, List<Map<String, dynamic>> _, VoidCallback again) {
    final texts = AppLocalizations.of(context);
    final waiting = widget.queue.waiting;
    final unsent = waiting.where((one) => one.refused == null).length;
    return ListView(
      children: [
        if (unsent > 0) ListTile(key: const Key('waiting'), title: Text(texts.waits(unsent)), onTap: again),
        for (final renewal in waiting)
          if (renewal.refused case final refused?)
            ListTile(
              title: Text(texts.refusedLater(words(refused, texts))),
              subtitle: Text('${renewal.seen}. ${texts.seenOn(written(renewal.seenOn, texts))}'),
              onTap: () async {
                await widget.queue.remove(renewal);
                if (mounted) setState(() {});
              },
            ),
        for (final certification in _rows.map(Certification.fromJson))
          ListTile(
            key: Key(certification.id),
            title: Text(certification.holder),
            subtitle: Text('${typeName(certification.type, widget.types, texts)}. ${validity(certification, texts)}'),
            onTap: () => _renew(certification),
          ),
        if (_rows.isNotEmpty) TextButton(onPressed: _more, child: Text(texts.more)),
      ],
    );
  }
}
