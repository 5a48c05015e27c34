/// The app against `mentorcert dev`: signs in by code as a coordinator, sees what is within reach, and renews.
library;

import 'dart:convert';

import 'package:flutter/material.dart';
import 'package:flutter_test/flutter_test.dart';
import 'package:http/http.dart' as http;
import 'package:integration_test/integration_test.dart';
import 'package:mentorcert_app/main.dart' as app;

const String _url = String.fromEnvironment('SUPABASE_URL');
const String _email = 'coordinator@hom.example';

Future<void> _until(WidgetTester tester, Finder finder) async {
  for (var tries = 0; tries < 200 && finder.evaluate().isEmpty; tries++) {
    await tester.pump(const Duration(milliseconds: 100));
  }
  expect(finder, findsWidgets);
}

void main() {
  IntegrationTestWidgetsFlutterBinding.ensureInitialized();

  testWidgets('a coordinator signs in by code and renews', (tester) async {
    await app.main();
    await _until(tester, find.byKey(const Key('email')));
    await tester.enterText(find.byKey(const Key('email')), _email);
    await tester.pump();
    await tester.tap(find.byKey(const Key('send')));
    await _until(tester, find.byKey(const Key('code')));

    final mail = await http.get(Uri.parse('$_url/dev/codes').replace(queryParameters: {'email': _email}));
    final code = (jsonDecode(mail.body) as Map<String, dynamic>)['code'] as String;
    await tester.enterText(find.byKey(const Key('code')), code);
    await tester.pump();
    await tester.tap(find.byKey(const Key('enter')));

    await _until(tester, find.byKey(const Key('coordinate')));
    await tester.tap(find.byKey(const Key('coordinate')));
    final people = find.byWidgetPredicate((widget) => widget is ListTile && widget.subtitle != null);
    await _until(tester, people);
    await tester.tap(people.first);
    await _until(tester, find.byKey(const Key('seen')));
    await tester.enterText(find.byKey(const Key('seen')), 'Diploma');
    await tester.tap(find.byKey(const Key('renew')));
    await _until(tester, people);
    expect(find.byKey(const Key('waiting')), findsNothing);
  });
}
