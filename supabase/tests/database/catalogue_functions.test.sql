\ir fixture.psql
-- Which functions a client's role may execute, name by name; and how functions are made.

-- All of these are for authenticated, and but for the last group for service_role.
create table tests.allowed (signature text, is_for_service_role boolean not null default true);
insert into tests.allowed (signature) values
  -- the Data API
  ('public.calendar_feed_created_at()'),
  ('public.calendar_of(text)'), ('public.courses_of_calendar(text)'),
  ('mentorcert.certifications_page(timestamp with time zone,uuid,integer,text,text,uuid,timestamp with time zone)'),
  ('public.certification_as_of(uuid,timestamp with time zone,timestamp with time zone)'),
  ('public.certification_history(uuid)'),
  ('public.certifications_page(timestamp with time zone,uuid,integer,text,text,uuid,timestamp with time zone,boolean)'),
  ('public.change_certifications(text,uuid[],date,text,jsonb)'),
  ('public.certificate_details(uuid)'),
  ('public.check_certificate(uuid)'),
  ('public.consent_as_of(uuid,timestamp with time zone)'),
  ('public.create_calendar_feed()'),
  ('public.current_status(public.peer_mentor_certifications)'),
  ('public.early_renewal_from(public.peer_mentor_certifications)'),
  ('public.refresher_until(public.peer_mentor_certifications)'),
  ('public.after_lapse(public.peer_mentor_certifications)'),
  ('public.is_outdated(public.peer_mentor_certifications)'),
  ('public.extend_certifications(text,date,text,uuid,date)'),
  ('public.get_user_organisation_id()'),
  ('public.last_valid_day(public.peer_mentor_certifications)'),
  ('public.mark_left(uuid,date,text,bigint)'),
  ('public.mark_returned(uuid,bigint)'),
  ('public.my_coordinators()'),
  ('public.pause_reminders(uuid,boolean)'),
  ('public.preview_changes(text,uuid[],date)'),
  ('public.public_chapters(text)'),
  ('public.public_organisation(text)'),
  ('public.public_search(text,text)'),
  ('public.public_topics(text)'),
  ('public.register_certification(uuid,text,date,date,text,jsonb)'),
  ('public.reinstate_certification(uuid,text)'),
  ('public.reminders_of(uuid)'),
  ('public.renew_certification(uuid,date,date,text,jsonb)'),
  ('public.revert_change(uuid,text)'),
  ('public.revert_change(uuid,uuid,text)'),
  ('public.revoke_calendar_feed()'),
  ('public.search_certifications(text,text,text,uuid,date,date,boolean,text,boolean,text,timestamp with time zone,uuid,integer,boolean)'),
  ('public.search_peer_mentors(text,uuid,boolean,uuid[],text,text,text,date,date,date,boolean,text,uuid,integer)'),
  ('public.set_contact(uuid,text,text,text,text,bigint)'),
  ('public.set_my_language(text)'),
  ('public.suspend_certification(uuid,text)'),
  -- what policies and the functions above call
  ('mentorcert_private.absent_peer_mentor_ids(boolean)'),
  ('mentorcert_private.acting_user()'),
  ('mentorcert_private.is_client()'),
  ('mentorcert_private.administered_organisation_id()'),
  ('mentorcert_private.set_change_context(jsonb)'),
  ('mentorcert_private.are_distinct(smallint[])'),
  ('mentorcert_private.are_places(text[])'),
  ('mentorcert_private.use_sort_plan(uuid[],integer)'),
  ('mentorcert_private.seen_at(timestamp with time zone)'),
  ('mentorcert_private.searched_certifications(text,text,text,uuid,date,date,boolean,text,boolean,text,timestamp with time zone,uuid,integer,boolean)'),
  ('mentorcert_private.count_certifications(text,text,text,uuid,date,date,boolean,boolean,integer)'),
  ('mentorcert_private.sorted_peer_mentors(text,uuid,boolean,uuid[],text,text,text,date,date,date,boolean,text,uuid,integer)'),
  ('mentorcert_private.standing_condition(text,text,date,date,date,text)'),
  ('mentorcert_private.check_endpoint(text)'),
  ('mentorcert_private.coordinated_chapter_ids()'),
  ('mentorcert_private.coordinated_peer_mentor_ids()'),
  ('mentorcert_private.current_history_version()'),
  ('mentorcert_private.day_of(timestamp with time zone,text)'),
  ('mentorcert_private.day_starts(date,text)'),
  ('mentorcert_private.raise_forbidden(text)'),
  ('mentorcert_private.evidence(jsonb)'),
  ('mentorcert_private.each_id(uuid[])'),
  ('mentorcert_private.each_outcome(uuid[],text[],timestamp with time zone[],timestamp with time zone[],text[])'),
  ('mentorcert_private.entry_of_reversal(jsonb,jsonb,text,timestamp with time zone)'),
  ('mentorcert_private.expires_at_by_rule(mentorcert.certification_types,timestamp with time zone,date,text)'),
  ('mentorcert_private.expires_at_by_rule(public.peer_mentor_certifications,date,text)'),
  ('mentorcert_private.found_peer_mentors(uuid,text,uuid[],integer)'),
  ('mentorcert_private.history_is_in_events()'),
  ('mentorcert_private.replaced_history(uuid)'),
  ('mentorcert_private.require_type(uuid,text)'),
  ('mentorcert_private.counted_from(date,date,integer)'),
  ('mentorcert_private.refresher_until(date,integer)'),
  ('mentorcert_private.oldest_refreshed_end(date,integer)'),
  ('mentorcert_private.outdated_limits(uuid)'),
  ('mentorcert_private.outdated_by(uuid)'),
  ('mentorcert_private.last_valid_day(text,integer,date,date,integer)'),
  ('mentorcert_private.renewal_counted_from(mentorcert.certification_types,public.peer_mentor_certifications,public.peer_mentor_certifications,text)'),
  ('mentorcert_private.latest_change(uuid)'),
  ('mentorcert_private.reverted_entry(public.peer_mentor_certifications,jsonb)'),
  ('mentorcert_private.lock_certification(uuid)'),
  ('mentorcert_private.name_patterns(text,boolean)'),
  ('mentorcert_private.left_peer_mentor_ids()'),
  ('mentorcert_private.own_peer_mentor_ids()'),
  ('mentorcert_private.require_instants(jsonb)'),
  ('mentorcert_private.require_settled(uuid,timestamp with time zone)'),
  ('mentorcert_private.reject_revert(text,text)'),
  ('mentorcert_private.reject_transition(text,text)'),
  ('mentorcert_private.require_administered_organisation(text)'),
  ('mentorcert_private.require_administrator(boolean,text)'),
  ('mentorcert_private.require_certifications()'),
  ('mentorcert_private.require_reason(text)'),
  ('mentorcert_private.status_at(boolean,timestamp with time zone,timestamp with time zone)'),
  ('mentorcert_private.state_before(public.peer_mentor_certifications,jsonb)'),
  ('mentorcert_private.time_zone_of(uuid)'),
  ('mentorcert_private.upgrade_history_entry(jsonb)'),
  ('mentorcert_private.scan_certifications(uuid,uuid[],boolean,timestamp with time zone,timestamp with time zone,uuid,uuid,integer,text,text,uuid,uuid[])'),
  ('mentorcert_private.with_chapters_below(uuid[])'),
  ('mentorcert_private.canonical_text(text)'),
  ('mentorcert_private.canonical_line(text)'),
  ('mentorcert_private.canonical_email(text)'),
  ('mentorcert_private.folded(text)'),
  ('mentorcert_private.unaccented(text)'),
  ('mentorcert_private.search_key(text)'),
  ('mentorcert_private.search_keys(text)'),
  ('mentorcert_private.sort_key(text)'),
  ('mentorcert_private.sorted_at_most(integer)'),
  ('mentorcert_private.is_readable(text)'),
  ('mentorcert_private.is_readable_line(text)'),
  ('mentorcert_private.is_email(text)'),
  ('mentorcert_private.is_number(text)'),
  ('mentorcert_private.look_alikes(text,text,text)'),
  ('mentorcert_private.is_phone(text)'),
  ('mentorcert_private.number_key(text)'),
  ('mentorcert_private.check_extension(text,date,date)'),
  ('mentorcert_private.record_reversal(uuid,text)'),
  ('mentorcert_private.preview_extension(text,date,uuid,date)'),
  ('mentorcert_private.preview_reversal(uuid)'),
  ('mentorcert_private.record_batch(text,uuid[])'),
  ('mentorcert_private.preview_batch_reversal(uuid)'),
  ('mentorcert_private.revert_batch(uuid,text,boolean)'),
  ('mentorcert_private.prolong_certifications(uuid[],timestamp with time zone[],timestamp with time zone[])'),
  ('mentorcert_private.take_back_extension(uuid[])');
-- what answers requests calls; service_role has no user who could be asked for, or whose access could be logged
insert into tests.allowed (signature, is_for_service_role)
select signature, false
from unnest(array[
  'mentorcert_private.acknowledge_portal_alert(text,text)', 'mentorcert_private.decide_portal_conflict(uuid,text,text)',
  'mentorcert_private.apply_change(text,uuid,jsonb)',
  'mentorcert_private.merge_chapter(uuid,uuid,text)',
  'mentorcert_private.merge_type(uuid,uuid,text)',
  'mentorcert_private.undo_merge_of_type(uuid)',
  'mentorcert_private.undo_merge_of_chapter(uuid)',
  'mentorcert_private.cancel_task(uuid)',
  'mentorcert_private.change_and_compare(text,uuid,jsonb)',
  'mentorcert_private.consequences()',
  'mentorcert_private.end_session()',
  'mentorcert_private.found_login(uuid)',
  'mentorcert_private.look_up_login(text)',
  'mentorcert_private.log_access(text,uuid[],text)',
  'mentorcert_private.member_organisation_ids()',
  'mentorcert_private.sees_organisation(uuid)',
  'mentorcert_private.member_logins()',
  'mentorcert_private.merge_peer_mentors(uuid,uuid,jsonb)',
  'mentorcert_private.note_state()',
  'mentorcert_private.withdraw_consents(uuid[],text)',
  'mentorcert_private.preview_replay(jsonb,integer)',
  'mentorcert_private.registry_state(uuid)',
  'mentorcert_private.request_task(text,text,bytea,jsonb,uuid)',
  'mentorcert_private.is_unaddressable(uuid,text)', 'mentorcert_private.set_portal_mode(text,text,uuid[])',
  'mentorcert_private.undo_change(uuid)',
  'mentorcert_private.undo_merge(uuid)',
  'mentorcert_private.peer_mentors_to_invite(uuid,uuid[])',
  'mentorcert_private.addresses_to_invite(uuid,text[],text,uuid)',
  'mentorcert_private.invite(uuid,text[],text,uuid,integer,text)',
  'mentorcert_private.invite_peer_mentors(uuid,uuid[],integer)',
  'mentorcert_private.withdraw_invitations(uuid,uuid[])',
  'mentorcert_private.resend_invitations(uuid,uuid[],integer)',
  'mentorcert_private.draft_letter(uuid[])', 'mentorcert_private.letter_recipients(uuid[])', 'mentorcert_private.write_letter(uuid,text,text)',
  'mentorcert_private.send_letter(uuid,timestamp with time zone)', 'mentorcert_private.reply_address()', 'mentorcert_private.letters_to(uuid)',
  'mentorcert_private.peer_mentor_merged_into(uuid)',
  'mentorcert_private.letter_mails(uuid)', 'public.remind_now(uuid)',
  'mentorcert_private.reminders_ahead(boolean,timestamp with time zone,uuid,integer)',
  'mentorcert_private.reminders_sent(timestamp with time zone,uuid,integer)',
  'public.accept_invitations()',
  'public.certificate_design()', 'public.set_certificate_design(text,text,bytea,boolean)', 'public.set_type_certificate(uuid,boolean,text,text,bigint)',
  'public.confirm_consequences(text,text,uuid,jsonb)',
  'public.look_alike_pairs(uuid,uuid,integer)',
  'public.mark_distinct(uuid,uuid,boolean)',
  'public.merges_of(uuid)',
  'public.figures(date,date,date,boolean)', 'public.course_figures(date,date,date,boolean)', 'public.forecast_renewals(integer,uuid)', 'public.forecast_coverage(integer)', 'public.certifications_on(date,boolean,uuid,uuid,text,text,uuid,integer)', 'public.note_responsibles(uuid)', 'public.peer_mentor_notes(uuid)', 'public.follow_ups(boolean)', 'public.write_note(uuid,text,date,uuid)',
  'public.saved_filters()', 'public.save_filter(text,text,jsonb,boolean)', 'public.rename_filter(uuid,text,bigint)', 'public.remove_filter(uuid,bigint)',
  'public.change_note(uuid,text,date,uuid,bigint)', 'public.settle_note(uuid,boolean,bigint)', 'public.remove_note(uuid,bigint)',
  'public.renewal_requests(boolean,uuid,uuid)', 'public.request_renewal(uuid,text,date)',
  'public.answer_renewal_request(uuid,text,date,bigint)', 'public.withdraw_renewal_request(uuid,bigint)',
  'public.ask_back_renewal_request(uuid,text,bigint)', 'public.refuse_renewal_request(uuid,text,bigint)',
  'mentorcert_private.request_to_approve(uuid,bigint)', 'public.approve_renewal_request(uuid,date,date,text,bigint)',
  'public.plan_course(text,text,text[],date[],text,time without time zone[],time without time zone[],uuid[],text[],text,text,integer,uuid,text)',
  'public.change_course(uuid,text,text,text[],date[],text,time without time zone[],time without time zone[],uuid[],text[],text,text,integer,uuid,text,bigint)',
  'public.cancel_course(uuid,text,bigint)', 'public.course_responsibles()', 'public.courses(uuid,date,date)', 'public.course_sign_ups(uuid,uuid)',
  'public.missing_for_course(uuid,uuid[])', 'public.sign_up_for_course(uuid,uuid)', 'public.sign_up_people_for_course(uuid,uuid[])', 'public.withdraw_from_course(uuid,uuid)',
  'public.set_course_attendance(uuid,uuid[],uuid[],uuid[])', 'public.preview_course_closing(uuid)', 'public.close_course(uuid,text)',
  'public.reopen_course(uuid,text,boolean)', 'mentorcert_private.course_to_close(uuid,text)',
  'mentorcert_private.close_locked_course(uuid)', 'mentorcert_private.counted_state(pg_snapshot)', 'mentorcert_private.course_to_open(uuid)',
  'public.organisation_topics()',
  'public.own_organisations()', 'mentorcert_private.own_organisation()',
  'public.peer_mentor_topics(uuid)',
  'public.preview_consequences(text,uuid,jsonb)',
  'public.readmit_erased(text,text,text)',
  'public.save_organisation_topic(uuid,text,text,text,boolean,bigint)',
  'public.set_chapter_contact(uuid,text,text,text,text[],bigint)',
  'public.set_listing_consent(uuid,boolean,text)',
  'public.set_peer_mentor_topics(uuid,uuid[])'
]) as signature;

-- With an empty search_path every name comes out in full.
create function tests.signature(function oid) returns text
language sql set search_path = ''
as $$ select function::regprocedure::text $$;

create view tests.functions as
select
  function.oid, function.proname::text as name, function.prosecdef as definer, function.proconfig as settings,
  function.pronamespace::regnamespace::text as schema, tests.signature(function.oid) as signature
from pg_catalog.pg_proc as function
where function.pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace, 'mentorcert_private'::regnamespace);

select set_eq(
  format(
    'select signature from tests.functions where has_function_privilege(%L, oid, ''execute'')', role_name
  ),
  format(
    'select signature from tests.allowed where %L <> ''service_role'' or is_for_service_role', role_name
  ),
  role_name || ' executes what is on the list'
)
from unnest(array['authenticated', 'service_role']) as role_name;
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('anon', oid, 'execute') $$,
  array[
    'mentorcert_private.check_endpoint(text)', 'public.calendar_of(text)', 'public.courses_of_calendar(text)', 'public.certificate_details(uuid)', 'public.check_certificate(uuid)',
    'public.public_chapters(text)', 'public.public_organisation(text)', 'public.public_search(text,text)', 'public.public_topics(text)'
  ],
  'anon executes what policies call for it and what needs no login, and nothing else'
);
-- Both call them with the rights of who writes: without one of them every change would be refused.
select is_empty(
  $$
    select role.rolname, asking.relation::regclass, used.refobjid::regprocedure
    from (
      select 'pg_class'::regclass as catalogue, index.indexrelid as id, index.indrelid as relation from pg_index as index
      union all
      select 'pg_constraint'::regclass, constraint_of.oid, constraint_of.conrelid from pg_constraint as constraint_of
    ) as asking
    join pg_class as class on class.oid = asking.relation
    join pg_depend as used
      on used.classid = asking.catalogue and used.objid = asking.id and used.refclassid = 'pg_proc'::regclass
    join pg_roles as role on role.rolname in ('anon', 'authenticated', 'service_role') or role.rolname ~ '^mentorcert_'
    where class.relnamespace::regnamespace::text ~ '^(public|mentorcert)'
      and (
        has_any_column_privilege(role.oid, class.oid, 'insert') or has_any_column_privilege(role.oid, class.oid, 'update')
      )
      and not has_function_privilege(role.oid, used.refobjid, 'execute')
  $$,
  'who writes into a table executes what its constraints and indexes ask'
);
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('mentorcert_jobs', oid, 'execute') $$,
  array[
    'mentorcert_private.beat()', 'mentorcert_private.claim_digests(uuid[],uuid[],timestamp with time zone)',
    'mentorcert_private.claim_invitations(integer)', 'mentorcert_private.claimed_invitations(uuid[])', 'mentorcert_private.claim_queued(integer)',
    'mentorcert_private.claimed_letters(uuid[])', 'mentorcert_private.claimed_requests(uuid[])', 'mentorcert_private.claimed_courses(uuid[])',
    'mentorcert_private.queue_course_reminders()', 'mentorcert_private.claimed_follow_ups(uuid[])', 'mentorcert_private.refuse_mails(uuid[])',
    'mentorcert_private.claim_notices(uuid[],timestamp with time zone,integer)',
    'mentorcert_private.claimed_digests(uuid[],timestamp with time zone)', 'mentorcert_private.claimed_outdated(uuid[],timestamp with time zone)', 'mentorcert_private.claimed_notices(uuid[],timestamp with time zone)',
    'mentorcert_private.delete_outdated(integer)', 'mentorcert_private.due_digests(timestamp with time zone,uuid[],uuid[])',
    'mentorcert_private.due_notices(timestamp with time zone,integer,uuid[])',
    'mentorcert_private.finish_notices(uuid[],timestamp with time zone,text)',
    'mentorcert_private.job_figures()', 'mentorcert_private.next_nightly_at(timestamp with time zone)', 'mentorcert_private.next_notices_at(timestamp with time zone)', 'mentorcert_private.notices_are_held()',
    'mentorcert_private.journal_entries()', 'mentorcert_private.journal_lacks()', 'mentorcert_private.mark_journal(uuid)',
    'mentorcert_private.note_journal(uuid,timestamp with time zone,text)', 'mentorcert_private.registry_watch()',
    'mentorcert_private.see_server()',
    'mentorcert_private.report_notices(uuid[],uuid[])', 'mentorcert_private.run_nightly(timestamp with time zone,integer)',
    'mentorcert_private.start_notices(timestamp with time zone,integer,boolean)', 'mentorcert_private.uncertain_notices()'
  ],
  'the role of the jobs executes the job functions'
);
select set_eq(
  $$ select signature from tests.functions where has_function_privilege('mentorcert_web', oid, 'execute') $$,
  array['mentorcert_private.count_attempt(bytea[],integer[])', 'mentorcert_private.seconds_behind()', 'mentorcert_private.sign_in_by_oidc(text,text,text)'],
  'before it becomes somebody the role of the web counts attempts, asks whose login an identity is and how far a standby is behind, and no more'
);
select is_empty(
  $$
    select function.signature
    from tests.functions as function
    join pg_catalog.pg_proc as proc on proc.oid = function.oid
    cross join lateral pg_catalog.aclexplode(coalesce(proc.proacl, pg_catalog.acldefault('f', proc.proowner))) as acl
    where acl.grantee = 0
  $$,
  'nothing is granted to public'
);
select is_empty(
  $$ select signature from tests.functions where settings is null or not 'search_path=""' = any(settings) $$,
  'every function has an empty search_path'
);
select set_eq(
  $$ select name || ': ' || setting from tests.functions, unnest(settings) as setting where setting <> 'search_path=""' $$,
  array[
    'certifications_page: plan_cache_mode=force_generic_plan',
    'found_peer_mentors: plan_cache_mode=force_custom_plan', 'peer_mentors_to_invite: plan_cache_mode=force_custom_plan',
    'digest_contents: plan_cache_mode=force_custom_plan', 'due_notices: plan_cache_mode=force_custom_plan',
    'reminders_ahead: enable_bitmapscan=on', 'reminders_ahead: enable_sort=on', 'reminders_ahead: enable_hashjoin=off', 'reminders_ahead: enable_mergejoin=off',
    'reminders_sent: enable_bitmapscan=on', 'reminders_sent: enable_sort=on', 'reminders_sent: enable_hashjoin=off', 'reminders_sent: enable_mergejoin=off',
    'scan_certifications: plan_cache_mode=force_custom_plan',
    'scan_certifications: enable_bitmapscan=off', 'scan_certifications: enable_sort=off',
    'search_certifications: enable_bitmapscan=on', 'search_certifications: enable_sort=on',
    'count_certifications: enable_bitmapscan=on', 'count_certifications: enable_sort=on',
    'refresh_listing: jit=off', 'count_figures: jit=off', 'count_figures: plan_cache_mode=force_custom_plan', 'count_course_figures: jit=off', 'count_course_figures: plan_cache_mode=force_custom_plan', 'settle_requests: plan_cache_mode=force_custom_plan',
    'search_peer_mentors: enable_hashjoin=off', 'search_peer_mentors: enable_mergejoin=off',
    'sorted_peer_mentors: enable_bitmapscan=on', 'sorted_peer_mentors: enable_sort=on',
    'sorted_peer_mentors: enable_hashjoin=off', 'sorted_peer_mentors: enable_mergejoin=off',
    'use_sort_plan: enable_seqscan=off', 'list_renewals: enable_seqscan=off'
  ],
  'and no other setting but these'
);
select set_eq(
  $$ select name from tests.functions where schema in ('public', 'mentorcert') and definer $$,
  array[
    'accept_invitations', 'calendar_feed_created_at', 'calendar_of', 'courses_of_calendar', 'check_certificate', 'create_calendar_feed', 'get_user_organisation_id',
    'figures', 'course_figures', 'forecast_renewals', 'forecast_coverage', 'look_alike_pairs', 'mark_distinct', 'mark_left', 'mark_returned', 'merges_of', 'my_coordinators', 'own_organisations', 'pause_reminders', 'remind_now', 'reminders_of', 'public_organisation', 'readmit_erased',
    'revoke_calendar_feed',
    'saved_filters', 'save_filter', 'rename_filter', 'remove_filter',
    'renewal_requests', 'request_renewal', 'answer_renewal_request', 'withdraw_renewal_request', 'ask_back_renewal_request',
    'refuse_renewal_request',
    'plan_course', 'change_course', 'cancel_course', 'course_responsibles', 'courses', 'course_sign_ups', 'missing_for_course',
    'sign_up_for_course', 'sign_up_people_for_course',
    'withdraw_from_course', 'set_course_attendance', 'preview_course_closing',
    'note_responsibles', 'peer_mentor_notes', 'follow_ups', 'write_note', 'change_note', 'settle_note', 'remove_note',
    'certificate_design', 'certificate_details', 'set_certificate_design', 'set_type_certificate',
    'organisation_topics', 'peer_mentor_topics', 'public_chapters', 'public_search', 'public_topics', 'save_organisation_topic',
    'set_chapter_contact', 'set_contact', 'set_listing_consent', 'set_my_language', 'set_peer_mentor_topics'
  ],
  'but for these, the functions of the Data API run with the rights of the caller'
);
select set_eq(
  $$ select name from tests.functions where definer $$,
  array[
    'accept_invitations', 'claim_invitations', 'claimed_invitations', 'invite', 'invite_peer_mentors', 'refuse_mails',
    'claim_queued', 'claimed_letters', 'draft_letter', 'forget_letters', 'forget_refused_address', 'letter_mails', 'letter_recipients',
    'letters_to', 'reply_address', 'send_letter', 'write_letter',
    'resend_invitations', 'withdraw_invitations', 'withdraw_of_member', 'withdraw_of_peer_mentor',
    'acknowledge_portal_alert', 'beat', 'seconds_behind', 'decide_portal_conflict', 'absent_peer_mentor_ids', 'acting_user', 'check_left_on', 'check_retired_chapter', 'mark_left', 'mark_returned', 'merge_chapter', 'merge_type', 'undo_merge_of_chapter', 'undo_merge_of_type', 'readmit_erased', 'record_first_consents', 'record_listing_consents',
    'reject_erased', 'reject_retired_chapter', 'reject_stale_consent', 'set_listing_consent', 'set_contact', 'my_coordinators', 'pause_reminders', 'remind_now', 'reminders_ahead', 'reminders_of', 'reminders_sent',
    'keep_merged', 'keep_peer_mentor', 'look_alike_pairs', 'mark_distinct', 'merge_peer_mentors', 'merges_of', 'peer_mentor_merged_into', 'reads_peer_mentor',
    'replaced_history', 'undo_merge',
    'administered_organisation_id', 'use_sort_plan', 'audit_delete', 'audit_insert', 'audit_personal_data', 'audit_update',
    'calendar_feed_created_at', 'calendar_of', 'courses_of_calendar', 'cancel_task', 'check_certificate', 'check_endpoint', 'claim_digests',
    'claim_notices', 'claimed_digests', 'claimed_outdated', 'figures', 'course_figures', 'forecast_renewals', 'forecast_coverage', 'claimed_notices', 'coordinated_chapter_ids', 'coordinated_peer_mentor_ids',
    'copy_chapter_ids', 'count_attempt', 'counted_state', 'mark_counted', 'mark_all_counted', 'create_calendar_feed', 'delete_outdated', 'due_digests', 'due_notices', 'end_calendar_feed', 'end_session', 'found_login', 'finish_notices', 'keep_latest_form_drafts', 'look_up_login', 'sign_in_by_oidc', 'get_user_organisation_id',
    'is_unaddressable', 'job_figures', 'journal_entries', 'journal_lacks', 'mark_journal', 'note_journal', 'registry_watch', 'see_server',
    'history_is_in_events', 'keep_an_administrator', 'left_peer_mentor_ids', 'member_logins', 'member_organisation_ids', 'next_nightly_at', 'next_notices_at', 'notices_are_held', 'note_change',
    'own_organisations', 'own_peer_mentor_ids', 'preview_replay', 'prolong_certifications', 'public_organisation', 'record_change', 'refresh_listing_of_certifications',
    'refresh_listing_of_chapters', 'refresh_listing_of_links', 'refresh_listing_of_peer_mentors', 'refresh_listing_of_types', 'take_back_extension',
    'reject_chapter_cycle', 'reject_other_chapters', 'reject_second_current', 'report_notices', 'request_task', 'revoke_calendar_feed', 'run_nightly', 'set_my_language',
    'add_task_rows', 'analyze_import', 'claim_task', 'create_import_staging', 'delete_outdated_tasks', 'drop_import_staging', 'erased_kinds',
    'finish_task', 'give_back_task', 'has_erased', 'lock_import', 'prolong_task', 'register_imported', 'running_task_organisation_ids',
    'saved_filters', 'save_filter', 'rename_filter', 'remove_filter',
    'renewal_requests', 'request_renewal', 'answer_renewal_request', 'withdraw_renewal_request', 'ask_back_renewal_request',
    'refuse_renewal_request', 'request_to_approve', 'check_named_requests', 'settle_requests', 'close_requests',
    'queue_request_mails', 'claimed_requests', 'claimed_follow_ups', 'claimed_courses', 'queue_course_reminders', 'queue_sign_up_mail', 'queue_mails_of_course',
    'plan_course', 'change_course', 'cancel_course', 'course_responsibles', 'courses', 'course_sign_ups', 'missing_for_course',
    'sign_up_for_course', 'sign_up_people_for_course',
    'withdraw_from_course', 'set_course_attendance', 'preview_course_closing',
    'course_to_close', 'close_locked_course', 'course_to_open', 'check_named_courses', 'open_course', 'follow_people', 'keep_seats',
    'note_responsibles', 'peer_mentor_notes', 'follow_ups', 'write_note', 'change_note', 'settle_note', 'remove_note',
    'certificate_design', 'certificate_details', 'set_certificate_design', 'set_type_certificate',
    'organisation_topics', 'peer_mentor_topics', 'public_chapters', 'public_search', 'public_topics', 'refresh_listing_of_topics',
    'save_organisation_topic', 'set_chapter_contact', 'set_peer_mentor_topics',
    'set_portal_mode', 'start_notices', 'store_events', 'uncertain_notices'
  ],
  'these functions, and no others, run with the rights of their owner'
);
select is_empty(
  $$ select signature from tests.functions where pg_catalog.obj_description(oid, 'pg_proc') is null $$,
  'every function has a comment'
);
select ok(not has_schema_privilege('anon', schema, 'usage'), 'anon does not get into the schema ' || schema)
from unnest(array['mentorcert', 'mentorcert_private']) as schema;

-- Of chapters and types there are few. A plan is kept from the first change on, and that is mostly one of a row.
select set_eq(
  $$
    select function.proname::text from pg_proc as function
    where function.pronamespace::regnamespace::text ~ '^(public|mentorcert.*)$' and function.prosrc ~ 'join \s*(old|new|changed)_rows'
  $$,
  array['enqueue_after_change_of_types', 'refresh_listing_of_chapters'],
  'no trigger joins what was with what is, row by row, of tables that change by thousands'
);

select * from finish();
rollback;
