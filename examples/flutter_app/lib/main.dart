import 'package:flutter/material.dart';
import 'package:shared_preferences/shared_preferences.dart';
import 'package:supabase_flutter/supabase_flutter.dart';

import 'app.dart';
import 'offline_queue.dart';
import 'registry.dart';

Future<void> main() async {
  WidgetsFlutterBinding.ensureInitialized();
  await Supabase.initialize(
    url: const String.fromEnvironment('SUPABASE_URL'),
    publishableKey: const String.fromEnvironment('SUPABASE_PUBLISHABLE_KEY'),
  );
  final registry = Registry(Supabase.instance.client);
  final queue = OfflineQueue(registry, await SharedPreferences.getInstance());
  runApp(App(registry: registry, queue: queue));
}
