/// Renewals that wait for the network, in the order in which they were made, until the registry has answered.
library;

import 'dart:convert';

import 'package:shared_preferences/shared_preferences.dart';

import 'failure.dart';
import 'registry.dart';

/// A renewal that was made on a day, and what the registry said if it refused it.
class WaitingRenewal {
  const WaitingRenewal({required this.certificationId, required this.seen, required this.seenOn, this.refused});

  factory WaitingRenewal.fromJson(Map<String, dynamic> json) => WaitingRenewal(
        certificationId: json['certification_id'] as String,
        seen: json['seen'] as String,
        seenOn: json['seen_on'] as String,
        refused: json['refused'] == null ? null : Failure.values.byName(json['refused'] as String),
      );

  final String certificationId;
  final String seen;
  final String seenOn;
  final Failure? refused;

  WaitingRenewal refusedWith(Failure failure) => WaitingRenewal(
        certificationId: certificationId,
        seen: seen,
        seenOn: seenOn,
        refused: failure,
      );

  Map<String, dynamic> toJson() => {
        'certification_id': certificationId,
        'seen': seen,
        'seen_on': seenOn,
        'refused': refused?.name,
      };
}

/// Keeps what waits on the phone, apart for each login. It holds ids, days and notes: [forget] empties it on signing out.
class OfflineQueue {
  OfflineQueue(this._registry, this._preferences);

  final Registry _registry;
  final SharedPreferences _preferences;
  bool _isSending = false;

  String get _key => 'waiting_renewals_${_registry.userId}';

  List<WaitingRenewal> get waiting => (_preferences.getStringList(_key) ?? const [])
      .map((text) => WaitingRenewal.fromJson(jsonDecode(text) as Map<String, dynamic>))
      .toList();

  Future<void> add(WaitingRenewal renewal) => _keep([...waiting, renewal]);

  Future<void> remove(WaitingRenewal renewal) => _keep(waiting.where((one) => !_isSame(one, renewal)).toList());

  Future<void> forget() => _preferences.remove(_key);

  /// Sends what waits, each once, and stops at the first that can only be sent later.
  ///
  /// After a lost answer the same renewal is sent again: it names its day, and the registry refuses a second one of that day
  /// with MC003. So a refusal for its date is asked about: where the history has the renewal, it was made.
  Future<void> send() async {
    if (_isSending) return;
    _isSending = true;
    try {
      for (final renewal in waiting.where((one) => one.refused == null)) {
        final failure = await _send(renewal);
        if (failure != null && isForLater(failure)) return;
        await remove(renewal);
        if (failure != null) await add(renewal.refusedWith(failure));
      }
    } finally {
      _isSending = false;
    }
  }

  Future<Failure?> _send(WaitingRenewal renewal) async {
    try {
      await _registry.renew(renewal.certificationId, seen: renewal.seen, seenOn: renewal.seenOn);
      return null;
    } catch (error) {
      final failure = failureOf(error);
      if (failure != Failure.dateWrong) return failure;
      return await _wasMade(renewal);
    }
  }

  /// Null where the history has the renewal, by this person and with this evidence.
  Future<Failure?> _wasMade(WaitingRenewal renewal) async {
    try {
      final entries = await _registry.history(renewal.certificationId);
      final isThere = entries.any((entry) =>
          entry.kind == 'renewed' &&
          entry.by == _registry.userId &&
          entry.seen == renewal.seen &&
          entry.seenOn == renewal.seenOn);
      return isThere ? null : Failure.dateWrong;
    } catch (error) {
      return failureOf(error);
    }
  }

  Future<void> _keep(List<WaitingRenewal> renewals) =>
      _preferences.setStringList(_key, [for (final one in renewals) jsonEncode(one.toJson())]);

  static bool _isSame(WaitingRenewal one, WaitingRenewal other) =>
      one.certificationId == other.certificationId && one.seenOn == other.seenOn && one.refused == other.refused;
}
