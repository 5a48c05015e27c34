/// Everything that the app asks of the registry.
library;

import 'package:supabase_flutter/supabase_flutter.dart';

import 'models.dart';

const String deepLink = 'org.example.mentors://login-callback';
const String _columns = 'id, certification_type, last_valid_day, current_status, expires_at, peer_mentors(full_name)';

/// The calls, one a method. Row-level security decides what they return; the app filters nothing by itself.
class Registry {
  Registry(this._supabase);

  final SupabaseClient _supabase;

  /// No answer within it counts as none.
  static const Duration limit = Duration(seconds: 15);

  SupabaseQuerySchema get _mentorcert => _supabase.schema('mentorcert');

  Stream<AuthState> get sessions => _supabase.auth.onAuthStateChange;

  String? get userId => _supabase.auth.currentUser?.id;

  /// Has a code mailed to an address that has a login.
  Future<void> sendCode(String email) => _supabase.auth
      .signInWithOtp(email: email, emailRedirectTo: deepLink, shouldCreateUser: false)
      .timeout(limit);

  Future<void> enterCode(String email, String code) async {
    await _supabase.auth.verifyOTP(email: email, token: code, type: OtpType.email).timeout(limit);
  }

  Future<void> signOut() => _supabase.auth.signOut(scope: SignOutScope.local).timeout(limit);

  /// The organisation in which the person acts; null without one, or with several of which the token names none.
  Future<String?> organisation() async {
    final Object? id = await _supabase.rpc('get_user_organisation_id', params: const {}).timeout(limit);
    return id as String?;
  }

  /// Whether the person coordinates a chapter or administers the organisation.
  Future<bool> mayRenew() async {
    final rows = await _mentorcert
        .from('memberships')
        .select('role')
        .eq('user_id', userId ?? '')
        .neq('role', 'peer_mentor')
        .isFilter('ended_at', null)
        .timeout(limit);
    return rows.isNotEmpty;
  }

  Future<List<CertificationType>> types() async {
    final rows = await _mentorcert
        .from('certification_types')
        .select('code, name_nb, name_en')
        .order('code', ascending: true)
        .timeout(limit);
    return rows.map(CertificationType.fromJson).toList();
  }

  /// The certifications of the signed-in person, those that end first at the top.
  Future<List<Certification>> ownCertifications() async {
    final rows = await _mentorcert
        .from('peer_mentor_certifications')
        .select('id, certification_type, last_valid_day, current_status, peer_mentors!inner(full_name)')
        .eq('peer_mentors.user_id', userId ?? '')
        .order('expires_at', ascending: true)
        .order('id', ascending: true)
        .timeout(limit);
    return rows.map(Certification.fromJson).toList();
  }

  /// Everything within reach, [after] the last row of the page before; null for the first page.
  Future<List<Map<String, dynamic>>> certificationsPage([Map<String, dynamic>? after]) async {
    final rows = await _mentorcert
        .rpc('certifications_page', params: {
          'after_expires_at': after?['expires_at'],
          'after_id': after?['id'],
          'status': 'active',
          'page_size': 50,
        })
        .select(_columns)
        .timeout(limit);
    return rows;
  }

  Future<List<HistoryEntry>> history(String certificationId) async {
    final Object? rows =
        await _supabase.rpc('certification_history', params: {'certification_id': certificationId}).timeout(limit);
    return [for (final row in rows! as List<dynamic>) HistoryEntry.fromJson(row as Map<String, dynamic>)];
  }

  /// Whether the certificate with this code, the certification's id, is valid now; anybody may ask.
  Future<bool> checkCertificate(String code) async {
    final Object? isValid = await _supabase.rpc('check_certificate', params: {'code': code}).timeout(limit);
    return isValid == true;
  }

  /// Renews as of the day on which somebody saw the evidence. A second renewal as of the same day is refused with MC003.
  Future<void> renew(String certificationId, {required String seen, required String seenOn}) async {
    await _supabase.rpc('renew_certification', params: {
      'certification_id': certificationId,
      'renewed_on': seenOn,
      'evidence': {'seen': seen, 'seen_on': seenOn},
    }).timeout(limit);
  }
}
