import 'package:flutter/material.dart';
import 'package:flutter_test/flutter_test.dart';
import 'package:mentorcert_app/l10n/app_localizations.dart';
import 'package:mentorcert_app/models.dart';
import 'package:mentorcert_app/pages/words.dart';

const Certification _ends = Certification(
  id: 'a',
  type: 'basic',
  status: 'active',
  lastValidDay: '2027-03-01',
  holder: 'Kari',
);

void main() {
  testWidgets('a last valid day is the same day in every time zone', (tester) async {
    for (final (language, expected) in [
      ('nb', 'Gyldig til og med 1. mars 2027'),
      ('en', 'Valid through March 1, 2027'),
    ]) {
      late AppLocalizations texts;
      await tester.pumpWidget(MaterialApp(
        locale: Locale(language),
        localizationsDelegates: AppLocalizations.localizationsDelegates,
        supportedLocales: AppLocalizations.supportedLocales,
        home: Builder(builder: (context) {
          texts = AppLocalizations.of(context);
          return Text(validity(_ends, texts));
        }),
      ));
      await tester.pumpAndSettle();
      expect(find.text(expected), findsOneWidget);
      expect(kind('a kind of next year', texts), texts.kindOther);
    }
  });

  test('what ends within 90 days', () {
    expect(endsSoon(_ends, DateTime(2026, 12, 1)), isTrue);
    expect(endsSoon(_ends, DateTime(2026, 11, 30)), isFalse);
  });

  test('a chosen day is written as it was chosen', () {
    expect(isoDay(DateTime(2026, 3, 2, 23, 59)), '2026-03-02');
  });
}
