import 'dart:async';

import 'package:flutter/widgets.dart';
import 'package:flutter_test/flutter_test.dart';
import 'package:http/http.dart' show ClientException;
import 'package:mentorcert_app/failure.dart';
import 'package:mentorcert_app/l10n/app_localizations.dart';
import 'package:supabase_flutter/supabase_flutter.dart';

void main() {
  test('no answer is no refusal', () {
    for (final error in [
      ClientException('Connection refused'),
      TimeoutException('15 seconds'),
      AuthRetryableFetchException(),
      const PostgrestException(message: 'Bad Gateway', code: '502'),
    ]) {
      expect(failureOf(error), Failure.noConnection);
    }
  });

  test('what is not known is said as such', () {
    expect(failureOf(const PostgrestException(message: '', code: 'XX000')), Failure.unknown);
    expect(failureOf(StateError('a bug')), Failure.unknown);
  });

  test('every failure has words in both languages', () {
    for (final locale in AppLocalizations.supportedLocales) {
      final texts = lookupAppLocalizations(locale);
      final said = Failure.values.map((failure) => words(failure, texts)).toSet();
      expect(said, hasLength(Failure.values.length), reason: '$locale');
    }
    expect(AppLocalizations.supportedLocales, contains(const Locale('nb')));
  });
}
