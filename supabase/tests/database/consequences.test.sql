\ir fixture.psql
-- Changes of weight: what they would do is said before, and they are made as they were shown.

update auth.users set email = 'paula@alfa.example' where id = tests.id('paula');
update auth.users set email = 'cora@alfa.example' where id = tests.id('cora');

-- What would come of a change, as somebody sees it: "kind subjects names; …".
create function tests.preview(who text, arguments text) returns text
language sql
as $$
  select tests.attempt(who, format(
    $q$
      select coalesce(string_agg(
        each ->> 'kind' || ' ' || (each ->> 'subjects') || ': '
          || (select string_agg(name, ', ') from jsonb_array_elements_text(each -> 'names') as name),
        '; ' order by each ->> 'kind'
      ), 'nothing')
      from jsonb_array_elements(public.preview_consequences(%s) -> 'consequences') as each
    $q$, arguments
  ))
$$;
-- The change as previewed by somebody, confirmed after another statement of the owner.
create function tests.confirm(who text, arguments text, meanwhile text default 'select 1') returns text
language plpgsql
as $$
declare
  fingerprint constant text := tests.perform(who, format('select public.preview_consequences(%s) ->> ''fingerprint''', arguments));
begin
  execute meanwhile;
  return tests.perform(
    who, format('select public.confirm_consequences(%s, fingerprint => %L) is not null', arguments, fingerprint)
  );
end
$$;

-- Types

select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.life'), '{"required_for_listing": true}' $$),
  'leaves_list 1: Full name of mia (mia)', 'a type that becomes required takes mia off the list'
);
select is(
  tests.preview('adam', $$ 'add_type', null, '{"code": "new", "name_nb": "n", "name_en": "n", "validity_rule": "unlimited", "required_for_listing": true}' $$),
  'leaves_list 1: Full name of mia (mia)', 'so does a new one'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.short'), '{"required_for_listing": true}' $$),
  'nothing', 'one that mia holds takes nobody off'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.life'), '{"name_nb": "Another"}' $$), 'nothing', 'a name has no consequences'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.life'), '{"validity_rule": "months", "validity_months": 12}' $$),
  'renews_by_other_rule 1: Full name of per (per)', 'a rule counts for those who hold the type'
);
-- lone's basic ended on the 71st day before today.
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), '{"refresher_months": 1}' $$),
  'becomes_outdated 1: Full name of lone (lone)', 'a limit says who is outdated then'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), '{"refresher_months": 3, "after_lapse": "registration"}' $$),
  'nothing', 'one that nobody is past says nothing'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.short'), '{"refresher_months": 1}' $$), 'nothing', 'nor does one of another type'
);
create function tests.limit_refresher(months integer) returns void
language plpgsql
as $$
begin
  perform set_config('mentorcert.noted_state', '{}', true); -- as where the consequences were seen
  update mentorcert.certification_types set refresher_months = months where code = 'basic' and organisation_id = tests.id('alfa');
  perform set_config('mentorcert.noted_state', '', true);
end
$$;
do $$ begin perform tests.limit_refresher(1); end $$;
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), '{"refresher_months": null}' $$),
  'is_outdated_no_more 1: Full name of lone (lone)', 'no limit says who is outdated no more'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), '{"refresher_months": 0}' $$),
  'nothing', 'who is outdated before and after is not named'
);
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), '{"after_lapse": "registration"}' $$),
  'is_outdated_otherwise 1: Full name of lone (lone)', 'it is said who needs something else'
);
select matches(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), jsonb_build_object('retired_on', tests.today(), 'retired_reason', 'x') $$),
  '^is_not_renewed [^_]*(leaves_list [^_]*)?$', 'of a type that is retired, the retirement is said'
);
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('lone.basic');
select is(
  tests.preview('adam', $$ 'change_type', tests.id('alfa.basic'), '{"refresher_months": null}' $$), 'nothing', 'what is suspended is not outdated'
);
update public.peer_mentor_certifications set status = 'expired' where id = tests.id('lone.basic');
do $$ begin perform tests.limit_refresher(null); end $$;
select is(
  (select count(*) from public.listed_peer_mentors where organisation_id = tests.id('alfa')), 1::bigint, 'and nothing of it was made'
);

select tests.everybody_gets(
  $$ update mentorcert.certification_types set required_for_listing = not required_for_listing where code = 'life' returning 'changed' $$,
  'no client makes a type required without the consequences',
  'adam: PT428 consequences_seen', 'anon: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'service_role: changed'
);
select is(tests.attempt('adam', statement), 'PT428 consequences_seen', statement)
from unnest(array[
  $$ update mentorcert.certification_types set validity_months = 3 where code = 'basic' $$,
  $$ update mentorcert.certification_types set refresher_months = 3 where code = 'basic' $$,
  $$ update mentorcert.certification_types set after_lapse = 'registration' where code = 'basic' $$,
  $$ update mentorcert.certification_types set validity_rule = 'unlimited', validity_months = null where code = 'basic' $$,
  $$
    insert into mentorcert.certification_types (code, name_nb, name_en, validity_rule, required_for_listing)
    values ('new', 'n', 'n', 'unlimited', true)
  $$,
  $$ update mentorcert.chapters set parent_id = tests.id('county2') where code = '1a' $$
]) as statement;
select is(tests.attempt('adam', statement), '1 rows', statement)
from unnest(array[
  $$ update mentorcert.certification_types set name_nb = 'x', required_for_listing = true, validity_months = 24 where code = 'basic' $$,
  $$
    insert into mentorcert.certification_types (code, name_nb, name_en, validity_rule, required_for_listing)
    values ('new', 'n', 'n', 'unlimited', false)
  $$,
  $$ update mentorcert.chapters set name = 'x', parent_id = parent_id where code = '1a' $$
]) as statement;

-- Confirmed

select is(
  tests.confirm(
    'adam', $$ 'change_type', subject => tests.id('alfa.life'), new_values => '{"required_for_listing": true}' $$,
    $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('cait') $$
  ),
  'PT409 consequences_as_shown', 'where others would leave than were shown, nothing is made'
);
select is(
  tests.confirm(
    'adam', $$ 'change_type', subject => tests.id('alfa.life'), new_values => '{"required_for_listing": true}' $$,
    $$ update mentorcert.certification_types set name_nb = 'Other' where id = tests.id('alfa.life') $$
  ),
  'PT409 consequences_as_shown', 'nor where the type was changed'
);
select is(
  tests.perform('adam', $$
    select public.confirm_consequences(
      'change_type', public.preview_consequences('change_type', tests.id('alfa.life'), '{"required_for_listing": true}') ->> 'fingerprint',
      tests.id('alfa.life'), '{"required_for_listing": true, "name_nb": "Another"}'
    )
  $$),
  'PT409 consequences_as_shown', 'nor another change than the one that was shown'
);
select is(
  tests.confirm('adam', $$ 'change_type', subject => tests.id('alfa.life'), new_values => '{"required_for_listing": true}' $$),
  'true', 'confirmed as shown, it is made'
);
select is((select count(*) from public.listed_peer_mentors where organisation_id = tests.id('alfa')), 0::bigint, 'the list has followed');
select is(
  tests.attempt('adam', $$ update mentorcert.certification_types set required_for_listing = false where code = 'life' $$),
  'PT428 consequences_seen', 'and the next change needs its own preview'
);
select is(
  (
    select entry.actor ->> 'user_id' from mentorcert.audit_log as entry
    where entry.row_id = tests.id('alfa.life')::text and entry.after = '{"required_for_listing": true}'
  ),
  tests.id('adam')::text, 'the audit log has it'
);

-- Undone

create function tests.entry(type text) returns uuid
language sql
as $$
  select id from mentorcert.audit_log where row_id = tests.id(type)::text and action = 'update' order by recorded_at desc limit 1
$$;
grant execute on function tests.entry to authenticated;
select is(
  tests.preview('adam', $$ 'undo', tests.entry('alfa.life') $$),
  'joins_list 2: Full name of cait (cait), Full name of mia (mia)', 'to undo it brings them back'
);
select is(
  tests.attempt('bea', format('select public.preview_consequences(%L, %L)', 'undo', tests.entry('alfa.life'))),
  '42501 certification_right', 'but not at the hands of another organisation'
);
update mentorcert.certification_types set name_nb = 'Third' where id = tests.id('alfa.life');
update mentorcert.certification_types set name_nb = 'Fourth' where id = tests.id('alfa.life');
select is(
  tests.attempt('adam', format($$
    select public.preview_consequences('undo', id) from mentorcert.audit_log
    where row_id = %L and after ->> 'name_nb' = 'Third'
  $$, tests.id('alfa.life'))),
  'MC006 consequences_undoable', 'what was changed again since is not undone'
);
select is(
  tests.confirm('adam', format($$ 'undo', subject => %L $$, (
    select id from mentorcert.audit_log where row_id = tests.id('alfa.life')::text and after = '{"required_for_listing": true}'
  ))),
  'true', 'other fields do not stand in the way'
);
select is(
  (select count(*) from public.listed_peer_mentors where organisation_id = tests.id('alfa')), 2::bigint, 'undone, everybody is back'
);

-- Chapters and memberships

select is(
  tests.preview('adam', $$ 'change_chapter', tests.id('1a'), '{"parent_id": null}' $$),
  'loses_reach 1: paula@alfa.example (1)', 'a chapter that leaves its county is out of reach there'
);
select is(
  tests.preview('adam', $$ 'change_chapter', tests.id('2a'), jsonb_build_object('parent_id', tests.id('county1')) $$),
  'gains_reach 1: paula@alfa.example (2)', 'one that enters it is within reach: per was already, through another chapter'
);
select is(
  tests.preview('adam', $$ 'end_membership', tests.id('m.paula') $$),
  'loses_last_coordinator 1: Full name of cait (cait); loses_last_coordinator_of_chapter 1: Chapter county1; '
  || 'loses_reach 1: paula@alfa.example (3)',
  'without its coordinator a county has none any more'
);
select is(
  tests.preview('adam', $$ 'end_membership', tests.id('m.cora') $$),
  'loses_reach 1: cora@alfa.example (1)', 'where others coordinate, nobody is left alone'
);
select is(
  tests.preview('adam', $$ 'leave_chapter', tests.id('cait.county1') $$),
  'leaves_list 1: Full name of cait (cait); loses_last_coordinator 1: Full name of cait (cait); loses_reach 1: paula@alfa.example (1)',
  'who leaves the last chapter is out of reach, and off the list'
);
update mentorcert.memberships set ended_at = now() + interval '1 day' where id = tests.id('m.cora');
update mentorcert.peer_mentor_chapters set ended_at = now() + interval '1 day' where id = tests.id('cait.county1');
select is(tests.preview('adam', $$ 'end_membership', tests.id('m.cora') $$), 'loses_reach 1: cora@alfa.example (1)', 'what ends tomorrow holds today');
select is(
  tests.preview('adam', $$ 'leave_chapter', tests.id('cait.county1') $$),
  'leaves_list 1: Full name of cait (cait); loses_last_coordinator 1: Full name of cait (cait); loses_reach 1: paula@alfa.example (1)',
  'in a chapter as well'
);
update mentorcert.memberships set ended_at = now() where id = tests.id('m.cora');
select is(tests.preview('adam', $$ 'end_membership', tests.id('m.cora') $$), '42501 certification_right', 'what has ended ends no more');
update mentorcert.memberships set ended_at = null where id = tests.id('m.cora');
update mentorcert.peer_mentor_chapters set ended_at = null where id = tests.id('cait.county1');
select is(
  tests.confirm('adam', $$ 'change_chapter', subject => tests.id('1a'), new_values => '{"parent_id": null}' $$),
  'true', 'a chapter is moved as shown'
);
select is(tests.attempt('paula', $$ select id from mentorcert.peer_mentors where id = tests.id('mia') $$), '', 'and its reach with it');
select is(tests.confirm('adam', $$ 'undo', subject => tests.entry('1a') $$), 'true', 'and back');
select is(tests.attempt('paula', $$ select id from mentorcert.peer_mentors where id = tests.id('mia') $$), 'mia', 'reach and all');
select is(tests.preview('adam', $$ 'end_membership', tests.id('m.adam') $$), 'MC011 memberships_last_administrator', 'a rule is a rule in a preview');

-- An end that lies ahead

select is(
  tests.preview('adam', $$ 'end_membership', tests.id('m.paula'), '{"ended_at": "2100-01-01 00:00Z"}' $$),
  'loses_last_coordinator 1: Full name of cait (cait); loses_last_coordinator_of_chapter 1: Chapter county1; '
  || 'loses_reach 1: paula@alfa.example (3)',
  'of an end that lies ahead: what it would do today'
);
select is(
  tests.confirm('adam', $$ 'end_membership', subject => tests.id('m.paula'), new_values => '{"ended_at": "2100-01-01 00:00Z"}' $$),
  'true', 'confirmed, it is written'
);
select is(
  (select ended_at from mentorcert.memberships where id = tests.id('m.paula')), '2100-01-01 00:00Z', 'as the instant that was asked for'
);
select is(
  (select count(*) from mentorcert.audit_log where row_id = tests.id('m.paula')::text and action = 'update'), 1::bigint,
  'and nothing else was'
);
select is(
  tests.preview('adam', $$ 'end_membership', tests.id('m.paula') $$),
  'loses_last_coordinator 1: Full name of cait (cait); loses_last_coordinator_of_chapter 1: Chapter county1; '
  || 'loses_reach 1: paula@alfa.example (3)',
  'until then it holds, and may end sooner'
);
select is(
  tests.confirm('adam', $$ 'leave_chapter', subject => tests.id('cait.county1'), new_values => '{"ended_at": "2100-01-01 00:00Z"}' $$),
  'true', 'a chapter is left later, too'
);
select is(
  tests.attempt('adam', $$ select ended_at = '2100-01-01 00:00Z' from mentorcert.peer_mentor_chapters where id = tests.id('cait.county1') $$),
  'true', 'at the instant that was asked for'
);
select is(
  tests.preview('adam', format($$ 'leave_chapter', tests.id('cait.county1'), '{"ended_at": "%s"}' $$, ends)),
  '23514 peer_mentor_chapters_ended_at_' || violated, 'but not at ' || ends
)
from (
  values ('infinity', 'in_calendar'), ('-infinity', 'in_calendar'), ('4000-01-01 BC', 'in_calendar'), ('20260-06-30', 'in_calendar'), ('2206-06-30', 'valid')
) as refused (ends, violated);

-- Consents of many

select is(
  tests.preview('adam', $$ 'withdraw_consents', null, jsonb_build_object('peer_mentor_ids', array[tests.id('mia'), tests.id('cait'), tests.id('per')]) $$),
  'leaves_list 2: Full name of cait (cait), Full name of mia (mia); '
  || 'withdraws_consent 3: Full name of cait (cait), Full name of mia (mia), Full name of per (per)',
  'who leaves the list, and who consented without being on it'
);
select is(
  tests.preview('adam', $$ 'withdraw_consents', null, jsonb_build_object('peer_mentor_ids', array[tests.id('lost')]) $$), 'nothing',
  'who does not consent has nothing to withdraw'
);
select is(
  tests.preview('adam', format($$ 'withdraw_consents', null, jsonb_build_object('peer_mentor_ids', array[tests.id('mia'), %L::uuid]) $$, id)),
  '42501 certification_right', 'nobody of others, nor who is not there'
)
from unnest(array[tests.id('bob'), tests.id('none')]) as id;
select is(
  tests.confirm(
    'adam', $$ 'withdraw_consents', new_values => jsonb_build_object('peer_mentor_ids', array[tests.id('mia'), tests.id('per')], 'reason', ' Asked ') $$
  ),
  'true', 'withdrawn as shown'
);
select set_eq(
  $$
    select tests.name(act.peer_mentor_id) || ' ' || act.way || ' ' || act.reason from mentorcert.listing_consents as act
    where not act.is_given and act.actor ->> 'user_id' = tests.id('adam')::text
  $$,
  array['mia api Asked', 'per api Asked'], 'each is an act of its own'
);
select is_empty($$ select 1 from public.listed_peer_mentors where peer_mentor_id = tests.id('mia') $$, 'the list has followed');
select is(tests.perform('adam', 'select mentorcert_private.note_state()'), '', 'whatever consequences are seen');
select is(
  tests.attempt('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id in (tests.id('lost'), tests.id('mixa')) $$),
  'MC008 listing_consent_one_at_a_time', 'nobody gives the consents of many'
);
select set_config('mentorcert.noted_state', '', true);

-- Who may

select tests.everybody_gets(
  $$ select public.preview_consequences('change_type', tests.id('alfa.life'), '{"name_nb": "x"}') ->> 'consequences' $$,
  'only the administrator asks for the consequences, of the own organisation''s rows',
  'adam: []', 'bea: 42501 certification_right', 'anon service_role: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 administration_right'
);
select is(tests.preview('adam', $$ 'change_type', tests.id('beta.basic'), '{"name_nb": "x"}' $$), '42501 certification_right', 'no row of others');
select is(tests.preview('adam', $$ 'abolish' $$), 'MC008 change', 'no other change');
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('organisations', 'test');
select is(
  tests.preview('adam', $$ 'change_chapter', tests.id('1a'), '{"name": "x"}' $$), 'MC010 endpoint_enabled', 'nor while chapters are switched off'
);

select * from finish();
rollback;
