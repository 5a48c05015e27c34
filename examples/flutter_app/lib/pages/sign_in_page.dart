/// Signing in by a code that is mailed.
library;

import 'package:flutter/material.dart';

import '../failure.dart';
import '../l10n/app_localizations.dart';
import '../registry.dart';

class SignInPage extends StatefulWidget {
  const SignInPage({super.key, required this.registry});

  final Registry registry;

  @override
  State<SignInPage> createState() => _SignInPageState();
}

class _SignInPageState extends State<SignInPage> {
  final TextEditingController _email = TextEditingController();
  final TextEditingController _code = TextEditingController();
  bool _isSent = false;
  bool _isBusy = false;
  Failure? _failure;

  @override
  void dispose() {
    _email.dispose();
    _code.dispose();
    super.dispose();
  }

  /// Nothing that was typed is lost by a failure.
  Future<void> _try(Future<void> Function() call, {bool sends = false}) async {
    setState(() {
      _isBusy = true;
      _failure = null;
    });
    Failure? failure;
    try {
      await call();
    } catch (error) {
      failure = failureOf(error);
    }
    if (!mounted) return;
    setState(() {
      _isBusy = false;
      _failure = failure;
      _isSent = _isSent || (sends && failure == null);
    });
  }

  @override
  Widget build(BuildContext context) {
    final texts = AppLocalizations.of(context);
    final email = _email.text.trim();
    // Mails group the digits: 123 456.
    final code = _code.text.replaceAll(RegExp(r'\s'), '');
    return Scaffold(
      appBar: AppBar(title: Text(texts.signIn)),
      body: ListView(
        padding: const EdgeInsets.all(16),
        children: [
          TextField(
            key: const Key('email'),
            controller: _email,
            keyboardType: TextInputType.emailAddress,
            autofillHints: const [AutofillHints.email],
            decoration: InputDecoration(labelText: texts.email),
            onChanged: (_) => setState(() {}),
          ),
          FilledButton(
            key: const Key('send'),
            onPressed:
                _isBusy || email.isEmpty ? null : () => _try(() => widget.registry.sendCode(email), sends: true),
            child: Text(texts.sendCode),
          ),
          if (_isSent) ...[
            TextField(
              key: const Key('code'),
              controller: _code,
              keyboardType: TextInputType.number,
              autofillHints: const [AutofillHints.oneTimeCode],
              decoration: InputDecoration(labelText: texts.code),
              onChanged: (_) => setState(() {}),
            ),
            FilledButton(
              key: const Key('enter'),
              onPressed: _isBusy || code.isEmpty ? null : () => _try(() => widget.registry.enterCode(email, code)),
              child: Text(texts.enter),
            ),
          ],
          if (_failure case final failure?)
            Semantics(liveRegion: true, child: Text(words(failure, texts), key: const Key('failure'))),
        ],
      ),
    );
  }
}
