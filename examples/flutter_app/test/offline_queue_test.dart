import 'package:flutter_test/flutter_test.dart';
import 'package:http/http.dart' as http;
import 'package:http/testing.dart';
import 'package:mentorcert_app/failure.dart';
import 'package:mentorcert_app/offline_queue.dart';
import 'package:mentorcert_app/registry.dart';
import 'package:shared_preferences/shared_preferences.dart';
import 'package:supabase_flutter/supabase_flutter.dart';

import 'replay.dart';

WaitingRenewal _recorded(String name) {
  final sent = Exchange(name).sent as Map<String, dynamic>;
  return WaitingRenewal(
    certificationId: sent['certification_id'] as String,
    seen: 'Diploma',
    seenOn: sent['renewed_on'] as String,
  );
}

Future<(OfflineQueue, Replay)> _queue(List<String> names) async {
  SharedPreferences.setMockInitialValues({});
  final (registry, replay) = await replaying(names, signedInAs: 'coordinator');
  return (OfflineQueue(registry, await SharedPreferences.getInstance()), replay);
}

void main() {
  TestWidgetsFlutterBinding.ensureInitialized();

  test('what the registry has taken waits no longer', () async {
    final (queue, replay) = await _queue(['renew_coordinator']);
    await queue.add(_recorded('renew_coordinator'));
    await queue.send();
    expect(queue.waiting, isEmpty);
    expect(replay.left, isEmpty);
  });

  test('without a connection it stays, and outlives the app', () async {
    SharedPreferences.setMockInitialValues({});
    final preferences = await SharedPreferences.getInstance();
    final offline = SupabaseClient(
      'http://registry.test',
      'sb_publishable_recorded',
      httpClient: MockClient((request) => throw http.ClientException('No route to host', request.url)),
      authOptions: const AuthClientOptions(autoRefreshToken: false, authFlowType: AuthFlowType.implicit),
    );
    addTearDown(offline.dispose);
    final queue = OfflineQueue(Registry(offline), preferences);
    await queue.add(_recorded('renew_coordinator'));
    await queue.send();
    expect(queue.waiting.single.refused, isNull);
    final later = OfflineQueue(Registry(offline), await SharedPreferences.getInstance());
    expect(later.waiting, hasLength(1));
  });

  test('a renewal whose answer was lost is not shown as refused', () async {
    final (queue, replay) = await _queue(['renew_coordinator_again', 'history_coordinator_renewed']);
    await queue.add(_recorded('renew_coordinator_again'));
    await queue.send();
    expect(queue.waiting, isEmpty);
    expect(replay.left, isEmpty);
  });

  test('a refusal is shown until somebody has read it', () async {
    final (queue, _) = await _queue(['renew_coordinator_foreign']);
    await queue.add(_recorded('renew_coordinator_foreign'));
    await queue.send();
    expect(queue.waiting.single.refused, Failure.notYours);
    await queue.remove(queue.waiting.single);
    expect(queue.waiting, isEmpty);
  });

  test('while the registry is closed it waits', () async {
    final (queue, _) = await _queue(['renew_coordinator_closed']);
    await queue.add(_recorded('renew_coordinator_closed'));
    await queue.send();
    expect(queue.waiting.single.refused, isNull);
  });

  test('signing out empties it', () async {
    final (queue, _) = await _queue([]);
    await queue.add(_recorded('renew_coordinator'));
    await queue.forget();
    expect(queue.waiting, isEmpty);
  });
}
