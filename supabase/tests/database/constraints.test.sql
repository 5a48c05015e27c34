\ir fixture.psql
-- What a table refuses from everybody: named CHECKs, keys and foreign keys.

select is(tests.attempt('owner', statement), expected, expected)
from (
  values
    ($$ insert into mentorcert.organisations (slug, name) values ('Not a slug', 'x') $$, '23514 organisations_slug_valid'),
    ($$ insert into mentorcert.organisations (slug, name) values ('x', ' ') $$, '23514 organisations_name_valid'),
    ($$ insert into mentorcert.organisations (slug, name) values ('alfa', 'x') $$, '23505 organisations_slug_key'),
    ($$ insert into mentorcert.organisations (slug, name, time_zone) values ('x', 'x', 'Oslo') $$, 'MC008 organisations_time_zone_valid'),

    ($$ update mentorcert.chapters set code = 'a b' $$, '23514 chapters_code_valid'),
    ($$ update mentorcert.chapters set code = 'a|b' $$, '23514 chapters_code_valid'),
    ($$ update mentorcert.chapters set name = '' $$, '23514 chapters_name_valid'),
    ($$ update mentorcert.chapters set name = 'a|b' $$, '23514 chapters_name_valid'),
    ($$ update mentorcert.chapters set code = '1b' where code = '1a' $$, '23505 chapters_organisation_id_code_key'),
    (
      $$
        insert into mentorcert.chapters (id, organisation_id, code, name)
        values (tests.id('1a'), tests.id('alfa'), 'new', 'New')
      $$,
      '23505 chapters_pkey'
    ),
    ($$ insert into mentorcert.chapters (organisation_id, code, name) values (tests.id('none'), 'x', 'x') $$, '23503 chapters_organisation_id_fkey'),
    ($$ update mentorcert.chapters set parent_id = tests.id('countyb') where code = '1a' $$, '23503 chapters_parent_id_fkey'),
    ($$ update mentorcert.chapters set parent_id = id where code = '1a' $$, 'MC009 chapters_no_cycle'),
    ($$ update mentorcert.chapters set parent_id = tests.id('1a') where code = 'county1' $$, 'MC009 chapters_no_cycle'),

    ($$ update mentorcert.peer_mentors set erased_at = now() $$, '23514 peer_mentors_erased_at_valid'),
    ($$ update mentorcert.peer_mentors set external_id = 'erased-1' $$, '23514 peer_mentors_external_id_not_reserved'),
    ($$ update mentorcert.peer_mentors set left_reason = 'Moved' $$, '23514 peer_mentors_left_reason_valid'),
    ($$ update mentorcert.peer_mentors set language = 'sv' $$, '23514 peer_mentors_language_valid'),
    ($$ update mentorcert.certification_types set retired_on = '2020-01-01' where code = 'basic' $$, '23514 certification_types_retired_reason_valid'),
    ($$ update mentorcert.certification_types set retired_on = '2020-01-01', retired_reason = '' where code = 'basic' $$, '23514 certification_types_retired_reason_valid'),
    ($$ update mentorcert.chapters set merged_into_id = tests.id('1b') where code = '1a' $$, '23514 chapters_merged_into_id_valid'),
    ($$ insert into mentorcert.chapters (organisation_id, code, name, retired_on, retired_reason, merged_into_id) values (tests.id('alfa'), 'm', 'M', '2020-01-01', 'x', tests.id('b1')) $$, '23503 chapters_merged_into_id_fkey'),
    ($$ update mentorcert.certification_types set merged_into_id = tests.id('alfa.life') where id = tests.id('alfa.short') $$, '23514 certification_types_merged_into_id_valid'),
    ($$ update mentorcert.certification_types set retired_on = '2020-01-01', retired_reason = 'x', merged_into_id = id where id = tests.id('alfa.short') $$, '23514 certification_types_merged_into_id_valid'),
    ($$ update mentorcert.certification_types set retired_on = '2020-01-01', retired_reason = 'x', merged_into_id = tests.id('beta.basic') where id = tests.id('alfa.short') $$, '23503 certification_types_merged_into_id_fkey'),
    ($$ update mentorcert.chapters set retired_reason = 'x' where code = '1b' $$, '23514 chapters_retired_reason_valid'),
    ($$ update mentorcert.certification_types set early_renewal_days = 0 where code = 'basic' $$, '23514 certification_types_early_renewal_days_valid'),
    ($$ update mentorcert.certification_types set early_renewal_days = 365 where code = 'basic' $$, '23514 certification_types_early_renewal_days_valid'),
    ($$ update mentorcert.certification_types set early_renewal_days = 28 where code = 'short' $$, '23514 certification_types_early_renewal_days_valid'),
    ($$ update mentorcert.certification_types set early_renewal_days = 30 where code = 'life' $$, '23514 certification_types_early_renewal_days_valid'),
    ($$ update mentorcert.certification_types set refresher_months = -1 where code = 'basic' $$, '23514 certification_types_refresher_months_valid'),
    ($$ update mentorcert.certification_types set refresher_months = 1201 where code = 'basic' $$, '23514 certification_types_refresher_months_valid'),
    ($$ update mentorcert.certification_types set after_lapse = 'nothing' where code = 'basic' $$, '23514 certification_types_after_lapse_valid'),
    ($$ update mentorcert.certification_types set reminder_days = '{7,7}' $$, '23514 certification_types_reminder_days_valid'),
    ($$ update mentorcert.certification_types set reminder_days = '{-1}' $$, '23514 certification_types_reminder_days_valid'),
    ($$ update mentorcert.certification_types set reminder_days = '{366}' $$, '23514 certification_types_reminder_days_valid'),
    ($$ update mentorcert.certification_types set reminder_days = '{1,null}' $$, '23514 certification_types_reminder_days_valid'),
    ($$ update mentorcert.certification_types set reminder_days = '{1,2,3,4,5,6,7}' $$, '23514 certification_types_reminder_days_valid'),
    (
      $$ insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor) values (tests.id('none'), 'x', 'x', 'erase', '{}') $$,
      '23503 audit_log_organisation_id_fkey'
    ),
    (
      $$ insert into mentorcert.audit_log (table_name, row_id, action, actor, before, after) values ('x', 'x', 'guess', '{}', '{}', '{}') $$,
      '23514 audit_log_action_valid'
    ),
    (
      $$ insert into mentorcert.audit_log (table_name, row_id, action, actor, after) values ('x', 'x', 'update', '{}', '{}') $$,
      '23514 audit_log_before_valid'
    ),
    (
      $$ insert into mentorcert.audit_log (table_name, row_id, action, actor, before) values ('x', 'x', 'update', '{}', '{}') $$,
      '23514 audit_log_after_valid'
    ),

    (
      $$ insert into mentorcert.memberships (organisation_id, user_id, role) values (tests.id('alfa'), tests.id('nora'), 'king') $$,
      '23514 memberships_role_valid'
    ),
    (
      $$ insert into mentorcert.memberships (organisation_id, user_id, role) values (tests.id('alfa'), tests.id('nora'), 'coordinator') $$,
      '23514 memberships_chapter_id_valid'
    ),
    (
      $$
        insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
        values (tests.id('alfa'), tests.id('nora'), 'org_admin', tests.id('1a'))
      $$,
      '23514 memberships_chapter_id_valid'
    ),
    (
      $$ insert into mentorcert.memberships (organisation_id, user_id, role) values (tests.id('alfa'), tests.id('adam'), 'org_admin') $$,
      '23505 memberships_current_key'
    ),
    (
      $$ insert into mentorcert.memberships (organisation_id, user_id, role) values (tests.id('none'), tests.id('nora'), 'org_admin') $$,
      '23503 memberships_organisation_id_fkey'
    ),
    (
      $$ insert into mentorcert.memberships (organisation_id, user_id, role) values (tests.id('alfa'), tests.id('none'), 'org_admin') $$,
      '23503 memberships_user_id_fkey'
    ),
    (
      $$
        insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
        values (tests.id('alfa'), tests.id('nora'), 'coordinator', tests.id('b1'))
      $$,
      '23503 memberships_chapter_id_fkey'
    ),

    ($$ update mentorcert.peer_mentors set external_id = ' ' $$, '23514 peer_mentors_external_id_valid'),
    ($$ update mentorcert.peer_mentors set full_name = ' ' $$, '23514 peer_mentors_full_name_valid'),
    (
      $$ update mentorcert.peer_mentors set external_id = 'mia' where external_id = 'per' $$,
      '23505 peer_mentors_organisation_id_external_id_key'
    ),
    ($$ update mentorcert.peer_mentors set user_id = tests.id('mia') where external_id = 'per' $$, '23505 peer_mentors_user_id_key'),
    ($$ update mentorcert.peer_mentors set user_id = tests.id('none') where external_id = 'per' $$, '23503 peer_mentors_user_id_fkey'),
    (
      $$ insert into mentorcert.peer_mentors (organisation_id, external_id, full_name) values (tests.id('none'), 'x', 'x') $$,
      '23503 peer_mentors_organisation_id_fkey'
    ),
    (
      $$
        insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name)
        values (tests.id('mia'), tests.id('alfa'), 'x', 'x')
      $$,
      '23505 peer_mentors_pkey'
    ),

    (
      $$
        insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
        values (tests.id('alfa'), tests.id('mia'), tests.id('1a'))
      $$,
      '23505 peer_mentor_chapters_current_key'
    ),
    (
      $$
        insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
        values (tests.id('alfa'), tests.id('bert'), tests.id('1a'))
      $$,
      '23503 peer_mentor_chapters_peer_mentor_id_fkey'
    ),
    (
      $$
        insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
        values (tests.id('alfa'), tests.id('mia'), tests.id('b1'))
      $$,
      '23503 peer_mentor_chapters_chapter_id_fkey'
    ),

    (
      $$
        insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule)
        values (tests.id('alfa'), 'Not a code', 'x', 'x', 'unlimited')
      $$,
      '23514 certification_types_code_valid'
    ),
    ($$ update mentorcert.certification_types set name_en = '' $$, '23514 certification_types_name_valid'),
    ($$ update mentorcert.certification_types set validity_rule = 'days' where validity_months > 0 $$, '23514 certification_types_validity_rule_valid'),
    (
      $$ update mentorcert.certification_types set validity_months = null where validity_rule = 'months' $$,
      '23514 certification_types_validity_months_valid'
    ),
    (
      $$ update mentorcert.certification_types set validity_months = 0 where validity_rule = 'months' $$,
      '23514 certification_types_validity_months_valid'
    ),
    (
      $$ update mentorcert.certification_types set validity_months = 1 where validity_rule = 'unlimited' $$,
      '23514 certification_types_validity_months_valid'
    ),
    (
      $$
        insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule)
        values (tests.id('alfa'), 'life', 'x', 'x', 'unlimited')
      $$,
      '23505 certification_types_organisation_id_code_key'
    ),
    (
      $$
        insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule)
        values (tests.id('none'), 'life', 'x', 'x', 'unlimited')
      $$,
      '23503 certification_types_organisation_id_fkey'
    ),

    (
      $$ update public.peer_mentor_certifications set status = 'revoked' where id = tests.id('mia.basic') $$,
      'MC001 certification_transition'
    ),
    (
      $$
        insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, status)
        values (tests.id('alfa'), tests.id('mia'), 'life', tests.day(), 'revoked')
      $$,
      '23514 peer_mentor_certifications_status_valid'
    ),
    (
      $$
        insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
        values (tests.id('alfa'), tests.id('mia'), 'basic', tests.day())
      $$,
      '23505 peer_mentor_certifications_one_of_a_type'
    ),
    (
      $$
        insert into public.peer_mentor_certifications (id, organisation_id, peer_mentor_id, certification_type, issued_at)
        values (tests.id('mia.basic'), tests.id('alfa'), tests.id('mia'), 'life', tests.day())
      $$,
      '23505 peer_mentor_certifications_pkey'
    ),
    (
      $$
        insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
        values (tests.id('alfa'), tests.id('bert'), 'life', tests.day())
      $$,
      '42501 certification_right'
    ),
    (
      $$ update public.peer_mentor_certifications set certification_type = 'beta-only' where id = tests.id('mia.basic') $$,
      'MC002 certification_type_known'
    )
) as refused (statement, expected);

-- What the triggers of peer_mentor_certifications would refuse first is refused by the table itself as well.
alter table public.peer_mentor_certifications disable trigger record_change_on_insert;
alter table public.peer_mentor_certifications disable trigger record_change_on_update;
select is(tests.attempt('owner', statement), expected, expected)
from (
  values
    (
      $$
        insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
        values (tests.id('alfa'), tests.id('bert'), 'life', tests.day())
      $$,
      '23503 peer_mentor_certifications_peer_mentor_id_fkey'
    ),
    (
      $$ update public.peer_mentor_certifications set certification_type = 'beta-only' where id = tests.id('mia.basic') $$,
      '23503 peer_mentor_certifications_certification_type_fkey'
    ),
    (
      $$ update public.peer_mentor_certifications set status = 'revoked' where id = tests.id('mia.basic') $$,
      '23514 peer_mentor_certifications_status_valid'
    ),
    (
      $$ update public.peer_mentor_certifications set renewal_history = '{}' where id = tests.id('mia.basic') $$,
      'MC005 certification_history_append_only' -- as what a prolongation says
    ),
    (
      $$
        update public.peer_mentor_certifications set renewal_history = renewal_history || '{"schema_version": 1}'
        where id = tests.id('mia.basic')
      $$,
      '23514 peer_mentor_certifications_renewal_history_valid'
    ),
    (
      $$ update public.peer_mentor_certifications set renewal_history = null where id = tests.id('mia.basic') $$,
      '23502'
    ),
    (
      $$ insert into public.listed_peer_mentors values (tests.id('per'), tests.id('beta'), 'beta', 'Per', '{}', now()) $$,
      '23503 listed_peer_mentors_peer_mentor_id_fkey'
    ),
    (
      $$ insert into public.listed_peer_mentors values (tests.id('mia'), tests.id('alfa'), 'alfa', 'Mia', '{}', now()) $$,
      '23505 listed_peer_mentors_pkey'
    )
) as refused (statement, expected);

create function tests.event(id text, certification text, place integer, entry_id text) returns text
language sql
as $$
  select tests.attempt('owner', format(
    'insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
    values (tests.id(%L), tests.id(''alfa''), tests.id(%L), %s, jsonb_build_object(''entry_id'', tests.id(%L)))',
    id, certification, place, entry_id
  ))
$$;
insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
values (tests.id('e1'), tests.id('alfa'), tests.id('mia.basic'), 1, jsonb_build_object('entry_id', tests.id('e1')));
select is(tests.event('e2', 'mia.basic', 2, 'e2'), '1 rows', 'a second event is taken');
select is(tests.event('e2', 'mia.basic', 1, 'e2'), '23505 certification_renewal_events_pkey', 'but not in the first one''s place');
select is(tests.event('e1', 'mia.basic', 2, 'e1'), '23505 certification_renewal_events_entry_id_key', 'nor the first one again');
select is(tests.event('e2', 'none', 2, 'e2'), '23503 certification_renewal_events_certification_id_fkey', 'nor of no certification');
select is(tests.event('e2', 'mia.basic', 0, 'e2'), '23514 certification_renewal_events_position_valid', 'nor before the first');
select is(tests.event('e2', 'mia.basic', 2, 'e3'), '23514 certification_renewal_events_entry_id_valid', 'nor under another id');

select is(
  tests.attempt('owner', $$ update mentorcert_private.history_storage set mode = 'paper' $$), '23514 history_storage_mode_valid', 'a history is in JSONB or events'
);
select is(
  tests.attempt('owner', $$ insert into mentorcert_private.history_storage (only_row) values (false) $$), '23514 history_storage_only_row_valid',
  'everybody''s history is in the same place'
);
select is(tests.attempt('owner', $$ insert into mentorcert_private.history_storage default values $$), '23505 history_storage_pkey', 'said once');

-- What triggers refuse first.
alter table mentorcert.peer_mentors disable trigger keep_merged;
select is(tests.attempt('owner', statement), expected, expected)
from (
  values
    ($$ update mentorcert.peer_mentors set merged_into = id where external_id = 'lone' $$, '23514 peer_mentors_merged_into_valid'),
    ($$ update mentorcert.peer_mentors set merged_into = tests.id('lone') where external_id = 'mia' $$, '23514 peer_mentors_merged_into_valid'),
    ($$ update mentorcert.peer_mentors set merged_into = tests.id('bert') where external_id = 'lone' $$, '23503 peer_mentors_merged_into_fkey')
) as refused (statement, expected);
alter table mentorcert.peer_mentors disable trigger check_left_on;
select is(tests.attempt('owner', $$ update mentorcert.peer_mentors set left_on = '2200-01-01' $$), '23514 peer_mentors_left_on_valid', 'left_on');
alter table mentorcert.listing_consents disable trigger reject_change;
select is(tests.attempt('owner', statement), expected, expected)
from (
  values
    ($$ update mentorcert.listing_consents set way = 'post' $$, '23514 listing_consents_way_valid'),
    ($$ update mentorcert.listing_consents set reason = '' $$, '23514 listing_consents_reason_valid'),
    ($$ update mentorcert.listing_consents set organisation_id = tests.id('beta') where peer_mentor_id = tests.id('mia') $$, '23503 listing_consents_peer_mentor_id_fkey'),
    (
      $$
        insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way)
        select organisation_id, peer_mentor_id, is_given, recorded_at, actor, way from mentorcert.listing_consents
      $$,
      '23505 listing_consents_one_at_an_instant'
    )
) as refused (statement, expected);

select * from finish();
rollback;
