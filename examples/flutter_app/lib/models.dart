/// What the Data API returns, as the app shows it.
library;

import 'package:flutter/foundation.dart';

/// A certification; [lastValidDay] is a plain day in the organisation's time zone, null where it does not expire.
@immutable
class Certification {
  const Certification({
    required this.id,
    required this.type,
    required this.status,
    required this.lastValidDay,
    required this.holder,
  });

  factory Certification.fromJson(Map<String, dynamic> json) {
    final holder = json['peer_mentors'] as Map<String, dynamic>?;
    return Certification(
      id: json['id'] as String,
      type: json['certification_type'] as String,
      status: json['current_status'] as String,
      lastValidDay: json['last_valid_day'] as String?,
      holder: holder == null ? '' : holder['full_name'] as String,
    );
  }

  final String id;
  final String type;
  final String status;
  final String? lastValidDay;
  final String holder;
}

/// A type of certification, with its name in both languages.
@immutable
class CertificationType {
  const CertificationType({required this.code, required this.nb, required this.en});

  factory CertificationType.fromJson(Map<String, dynamic> json) => CertificationType(
        code: json['code'] as String,
        nb: json['name_nb'] as String,
        en: json['name_en'] as String,
      );

  final String code;
  final String nb;
  final String en;

  String name(String language) => language == 'nb' ? nb : en;
}

/// One entry of a certification's history. Apps meet kinds that they do not know yet.
@immutable
class HistoryEntry {
  const HistoryEntry({required this.kind, required this.recordedAt, this.by, this.note, this.seen, this.seenOn});

  factory HistoryEntry.fromJson(Map<String, dynamic> json) {
    final actor = json['actor'] as Map<String, dynamic>?;
    final evidence = json['evidence'] as Map<String, dynamic>?;
    return HistoryEntry(
      kind: json['kind'] as String,
      recordedAt: DateTime.parse(json['recorded_at'] as String),
      by: actor?['user_id'] as String?,
      note: json['note'] as String?,
      seen: evidence?['seen'] as String?,
      seenOn: evidence?['seen_on'] as String?,
    );
  }

  final String kind;
  final DateTime recordedAt;
  final String? by;
  final String? note;
  final String? seen;
  final String? seenOn;
}

/// The `YYYY-MM-DD` of a day that somebody chose, whatever the phone's time zone.
String isoDay(DateTime day) => '${day.year.toString().padLeft(4, '0')}-'
    '${day.month.toString().padLeft(2, '0')}-${day.day.toString().padLeft(2, '0')}';
