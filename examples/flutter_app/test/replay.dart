/// A server that answers as the registry did when its own tests asked it: each file in exchanges/ is one call.
library;

import 'dart:convert';
import 'dart:io';

import 'package:flutter_test/flutter_test.dart';
import 'package:http/http.dart' as http;
import 'package:http/testing.dart';
import 'package:mentorcert_app/registry.dart';
import 'package:supabase_flutter/supabase_flutter.dart';

/// One recorded call.
class Exchange {
  Exchange(this.name) : _json = jsonDecode(File('test/exchanges/$name.json').readAsStringSync()) as Map<String, dynamic>;

  final String name;
  final Map<String, dynamic> _json;

  Map<String, dynamic> get request => _json['request'] as Map<String, dynamic>;
  Map<String, dynamic> get response => _json['response'] as Map<String, dynamic>;

  /// What was sent, as the client's JSON.
  dynamic get sent => request['body'];

  /// What was answered, as JSON.
  dynamic get answered => response['body'];
}

/// Answers with the exchanges in their order, and fails where the client asks something else.
class Replay {
  Replay(List<String> names) : _left = [for (final name in names) Exchange(name)];

  final List<Exchange> _left;

  /// What waits to be asked; empty at the end of a test.
  Iterable<String> get left => _left.map((exchange) => exchange.name);

  http.Client get client => MockClient(_answer);

  Future<http.Response> _answer(http.Request asked) async {
    if (_left.isEmpty) fail('Nothing more was recorded: ${asked.method} ${asked.url}');
    final exchange = _left.removeAt(0);
    final request = exchange.request;
    expect('${asked.method} ${asked.url.path}', '${request['method']} ${request['path']}', reason: exchange.name);
    expect(asked.url.queryParameters, request['query'], reason: exchange.name);
    final headers = {for (final header in asked.headers.entries) header.key.toLowerCase(): header.value};
    (request['headers'] as Map<String, dynamic>).forEach((name, value) {
      expect(headers[name], value, reason: '${exchange.name}: $name');
    });
    final Object? body = asked.body.isEmpty ? null : jsonDecode(asked.body);
    if (asked.url.path.startsWith('/auth/')) {
      // Auth's client sends more than matters here.
      expect(body, exchange.sent == null ? anything : containsAll(exchange.sent as Map<String, dynamic>));
    } else if (asked.method != 'GET') {
      expect(body, exchange.sent, reason: exchange.name);
    }
    final response = exchange.response;
    return http.Response.bytes(
      exchange.answered == null ? const [] : utf8.encode(jsonEncode(exchange.answered)),
      response['status'] as int,
      headers: {'content-type': 'application/json; charset=utf-8'},
      request: asked,
    );
  }

  static Matcher containsAll(Map<String, dynamic> parts) => allOf([
        for (final part in parts.entries) containsPair(part.key, part.value),
      ]);
}

/// A registry on recorded answers, after the person of the first two exchanges has signed in, or of nobody.
Future<(Registry, Replay)> replaying(List<String> names, {String? signedInAs}) async {
  final signIn = signedInAs == null ? const <String>[] : ['enter_code_$signedInAs'];
  final replay = Replay([...signIn, ...names]);
  final supabase = SupabaseClient(
    'http://registry.test',
    'sb_publishable_recorded',
    httpClient: replay.client,
    authOptions: const AuthClientOptions(autoRefreshToken: false, authFlowType: AuthFlowType.implicit),
  );
  addTearDown(supabase.dispose);
  final registry = Registry(supabase);
  for (final name in signIn) {
    final sent = Exchange(name).sent as Map<String, dynamic>;
    await registry.enterCode(sent['email'] as String, sent['token'] as String);
  }
  return (registry, replay);
}
