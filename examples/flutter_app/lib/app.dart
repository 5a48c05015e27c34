/// The app: which page is shown, by the session.
library;

import 'dart:async';

import 'package:flutter/material.dart';
import 'package:supabase_flutter/supabase_flutter.dart';

import 'l10n/app_localizations.dart';
import 'offline_queue.dart';
import 'pages/own_page.dart';
import 'pages/sign_in_page.dart';
import 'registry.dart';

class App extends StatefulWidget {
  const App({super.key, required this.registry, required this.queue, this.locale});

  final Registry registry;
  final OfflineQueue queue;

  /// The phone's own where none is given.
  final Locale? locale;

  @override
  State<App> createState() => _AppState();
}

class _AppState extends State<App> {
  late final StreamSubscription<AuthState> _sessions;
  final GlobalKey<NavigatorState> _navigator = GlobalKey<NavigatorState>();
  bool _isSignedIn = false;

  @override
  void initState() {
    super.initState();
    // The first event of every start is initialSession; at the first start it has no session. Without a connection the listener
    // gets an error, which is no reason to sign anybody out.
    _sessions = widget.registry.sessions.listen(
      (state) => _show(state.session != null),
      onError: (Object _) {},
    );
  }

  @override
  void dispose() {
    unawaited(_sessions.cancel());
    super.dispose();
  }

  void _show(bool isSignedIn) {
    if (!mounted) return;
    if (!isSignedIn) _navigator.currentState?.popUntil((route) => route.isFirst);
    setState(() => _isSignedIn = isSignedIn);
    if (isSignedIn) unawaited(widget.queue.send());
  }

  @override
  Widget build(BuildContext context) => MaterialApp(
        navigatorKey: _navigator,
        locale: widget.locale,
        localizationsDelegates: AppLocalizations.localizationsDelegates,
        supportedLocales: AppLocalizations.supportedLocales,
        onGenerateTitle: (context) => AppLocalizations.of(context).title,
        home: _isSignedIn
            ? OwnPage(registry: widget.registry, queue: widget.queue)
            : SignInPage(registry: widget.registry),
      );
}
