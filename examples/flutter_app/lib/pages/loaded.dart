/// What is asked for when a page opens: shown while it comes, when it is there, and when it fails.
library;

import 'package:flutter/material.dart';

import '../failure.dart';
import '../l10n/app_localizations.dart';

class Loaded<T> extends StatefulWidget {
  const Loaded({super.key, required this.load, required this.show});

  final Future<T> Function() load;
  final Widget Function(BuildContext context, T loaded, VoidCallback again) show;

  @override
  State<Loaded<T>> createState() => _LoadedState<T>();
}

class _LoadedState<T> extends State<Loaded<T>> {
  late Future<T> _coming = widget.load();

  void _again() => setState(() {
        _coming = widget.load();
      });

  @override
  Widget build(BuildContext context) => FutureBuilder<T>(
        future: _coming,
        builder: (context, snapshot) {
          final texts = AppLocalizations.of(context);
          if (snapshot.connectionState != ConnectionState.done) {
            return const Center(child: CircularProgressIndicator());
          }
          if (snapshot.error case final error?) {
            final failure = failureOf(error);
            return Column(
              children: [
                Semantics(liveRegion: true, child: Text(words(failure, texts), key: const Key('failure'))),
                // Closed for everybody: asking again at once helps nobody.
                if (failure != Failure.closedForNow) TextButton(onPressed: _again, child: Text(texts.retry)),
              ],
            );
          }
          return widget.show(context, snapshot.data as T, _again);
        },
      );
}
