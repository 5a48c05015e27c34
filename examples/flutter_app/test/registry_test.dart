import 'package:flutter_test/flutter_test.dart';
import 'package:mentorcert_app/failure.dart';
import 'package:mentorcert_app/models.dart';

import 'replay.dart';

Map<String, dynamic> _row(dynamic rows, int index) => (rows as List<dynamic>)[index] as Map<String, dynamic>;

Future<Failure> _failureOf(Future<dynamic> call) async {
  try {
    await call;
  } catch (error) {
    return failureOf(error);
  }
  fail('The call was not refused.');
}

void main() {
  test('the client returns only the signed-in person\'s certifications', () async {
    final (registry, replay) = await replaying(['own_certifications_mentor'], signedInAs: 'mentor');
    final own = await registry.ownCertifications();
    expect(own, isNotEmpty);
    expect(own.map((certification) => certification.holder).toSet(), {'kari'});
    expect(replay.left, isEmpty);
    final everything = Exchange('certifications_page_mentor').answered as List<dynamic>;
    expect(
      everything.map((row) => (row as Map<String, dynamic>)['id']).toSet(),
      own.map((certification) => certification.id).toSet(),
      reason: 'asked for everything within reach, the registry shows a peer mentor the same',
    );
  });

  test('a last valid day is taken as it is', () async {
    final (registry, _) = await replaying(['own_certifications_mentor'], signedInAs: 'mentor');
    final own = await registry.ownCertifications();
    expect(own.first.lastValidDay, matches(RegExp(r'^\d{4}-\d{2}-\d{2}$')));
    expect(own.last.lastValidDay, isNull, reason: 'does not expire');
  });

  test('signing in by code, and out', () async {
    final (registry, replay) = await replaying(
      ['send_code', 'enter_code_mentor', 'sign_out'],
    );
    await registry.sendCode('mentor@example.org');
    await registry.enterCode('mentor@example.org', '123456');
    expect(registry.userId, isNotNull);
    await registry.signOut();
    expect(registry.userId, isNull);
    expect(replay.left, isEmpty);
  });

  test('a wrong code and an unknown address are told apart', () async {
    final (registry, _) = await replaying(['enter_code_wrong', 'send_code_unknown']);
    expect(await _failureOf(registry.enterCode('mentor@example.org', '000000')), Failure.wrongCode);
    expect(await _failureOf(registry.sendCode('nobody@example.org')), Failure.unknownAddress);
  });

  test('who has no access, and who has', () async {
    final (registry, _) = await replaying(['organisation_stranger'], signedInAs: 'stranger');
    expect(await registry.organisation(), isNull);
    final (other, _) = await replaying(['organisation_mentor', 'may_renew_mentor'], signedInAs: 'mentor');
    expect(await other.organisation(), isNotNull);
    expect(await other.mayRenew(), isFalse);
    final (third, _) = await replaying(['may_renew_coordinator'], signedInAs: 'coordinator');
    expect(await third.mayRenew(), isTrue);
  });

  test('the types have names in both languages', () async {
    final (registry, _) = await replaying(['types_mentor'], signedInAs: 'mentor');
    final List<CertificationType> types = await registry.types();
    expect(types.every((type) => type.name('nb').isNotEmpty && type.name('en').isNotEmpty), isTrue);
  });

  test('page after page', () async {
    final (registry, replay) = await replaying(
      ['certifications_page_coordinator', 'certifications_page_coordinator_next'],
      signedInAs: 'coordinator',
    );
    final first = await registry.certificationsPage();
    final next = await registry.certificationsPage(first.last);
    expect(first, isNotEmpty);
    expect(next.where(first.contains), isEmpty);
    expect(replay.left, isEmpty);
  });

  test('the history, and the certificate', () async {
    final (registry, _) = await replaying(['history_mentor', 'check_certificate'], signedInAs: 'mentor');
    final id = _row(Exchange('own_certifications_mentor').answered, 0)['id'] as String;
    final history = await registry.history(id);
    expect(history.first.kind, 'issued');
    expect(await registry.checkCertificate(id), isTrue);
  });

  test('a coordinator renews', () async {
    final (registry, replay) = await replaying(['renew_coordinator'], signedInAs: 'coordinator');
    final sent = Exchange('renew_coordinator').sent as Map<String, dynamic>;
    await registry.renew(
      sent['certification_id'] as String,
      seen: 'Diploma',
      seenOn: sent['renewed_on'] as String,
    );
    expect(replay.left, isEmpty);
  });

  test('refusals have words of their own', () async {
    final expected = {
      'renew_coordinator_again': ('coordinator', Failure.dateWrong),
      'renew_coordinator_foreign': ('coordinator', Failure.notYours),
      'renew_mentor': ('mentor', Failure.notYours),
      'renew_coordinator_signed_out': ('coordinator', Failure.signInAgain),
      'renew_coordinator_closed': ('coordinator', Failure.closedForNow),
    };
    for (final MapEntry(key: name, value: (person, failure)) in expected.entries) {
      final (registry, _) = await replaying([name], signedInAs: person);
      final sent = Exchange(name).sent as Map<String, dynamic>;
      final call = registry.renew(
        sent['certification_id'] as String,
        seen: 'Diploma',
        seenOn: sent['renewed_on'] as String,
      );
      expect(await _failureOf(call), failure, reason: name);
    }
  });
}
