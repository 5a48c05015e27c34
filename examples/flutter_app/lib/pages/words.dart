/// Words for what the registry names by a code.
library;

import 'package:intl/intl.dart';

import '../l10n/app_localizations.dart';
import '../models.dart';

/// The plain day as people write it. Its noon in UTC is the same day wherever it is formatted as UTC.
String written(String isoDay, AppLocalizations texts) =>
    DateFormat.yMMMMd(texts.localeName).format(DateTime.parse('${isoDay}T12:00:00Z'));

String validity(Certification certification, AppLocalizations texts) => switch (certification.lastValidDay) {
      final String day => texts.validThrough(written(day, texts)),
      null => texts.doesNotExpire,
    };

String status(String code, AppLocalizations texts) => switch (code) {
      'active' => texts.statusActive,
      'expired' => texts.statusExpired,
      'suspended' => texts.statusSuspended,
      _ => code,
    };

/// Other kinds come with time, so an unknown one is no fault.
String kind(String code, AppLocalizations texts) => switch (code) {
      'issued' => texts.kindIssued,
      'renewed' => texts.kindRenewed,
      'expired' => texts.kindExpired,
      'suspended' => texts.kindSuspended,
      'reinstated' => texts.kindReinstated,
      'extended' => texts.kindExtended,
      'corrected' => texts.kindCorrected,
      'reverted' => texts.kindReverted,
      'imported' => texts.kindImported,
      _ => texts.kindOther,
    };

/// Whether a last valid day lies within the next 90, counted from the phone's own day: a hint, and no rule.
bool endsSoon(Certification certification, DateTime now) {
  final day = certification.lastValidDay;
  if (day == null || certification.status != 'active') return false;
  return day.compareTo(isoDay(now.add(const Duration(days: 90)))) <= 0;
}

/// The name of a type, or its code where it is not known.
String typeName(String code, List<CertificationType> types, AppLocalizations texts) {
  for (final type in types) {
    if (type.code == code) return type.name(texts.localeName);
  }
  return code;
}
