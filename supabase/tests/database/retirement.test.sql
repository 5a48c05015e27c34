\ir fixture.psql
-- Types and chapters are retired: what is refused then, what follows, and that they may come back.

create function tests.retire(who text, what text, days integer default 0, reason text default 'No more courses') returns text
language sql
as $$
  select tests.perform(who, format(
    $q$
      select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L, %3$L) ->> 'fingerprint', %2$L, %3$L) is not null
    $q$,
    case when what like 'alfa.%' then 'change_type' else 'change_chapter' end, tests.id(what),
    jsonb_build_object('retired_on', case when reason is not null then tests.today(days) end, 'retired_reason', reason)
  ))
$$;
create function tests.concerned(change text, what text, new_values jsonb) returns text
language sql
as $$
  select tests.attempt('adam', format(
    $q$
      select coalesce(string_agg(each ->> 'kind' || ' ' || (each ->> 'subjects'), ', ' order by each ->> 'kind'), 'nobody')
      from jsonb_array_elements(public.preview_consequences(%L, %L, %L) -> 'consequences') as each
    $q$, change, tests.id(what), new_values
  ))
$$;

-- Types

select is(tests.retire('adam', 'alfa.short', 1), 'MC008 certification_types_retired_on_not_future', 'a day to come has no consequences to show yet');
select is(tests.retire('adam', 'alfa.short', 0, ' '), '23514 certification_types_retired_reason_valid', 'a reason has words');
select is(
  tests.concerned('change_type', 'alfa.basic', jsonb_build_object('retired_on', tests.today(), 'retired_reason', 'x')),
  'is_not_renewed 5, leaves_list 1', 'who holds it, and who was on the list by it alone'
);
select tests.everybody_gets(
  $$ update mentorcert.certification_types set retired_on = tests.today(), retired_reason = 'x' where code = 'short' returning 'changed' $$,
  'no client retires a type without the consequences',
  'adam: PT428 consequences_seen', 'anon: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'service_role: changed'
);
update mentorcert.certification_types set required_for_listing = true where id = tests.id('alfa.life');
select is_empty($$ select 1 from public.listed_peer_mentors where peer_mentor_id = tests.id('mia') $$, 'mia lacks a required type');
select is(
  tests.concerned('change_type', 'alfa.life', jsonb_build_object('retired_on', tests.today(), 'retired_reason', 'x')),
  'is_not_renewed 1, joins_list 1', 'who lacks it comes to the list'
);
select is(tests.retire('adam', 'alfa.life'), 'true', 'it is retired');
select isnt_empty($$ select 1 from public.listed_peer_mentors where peer_mentor_id = tests.id('mia') $$, 'and required no more');
select is((select status from public.peer_mentor_certifications where id = tests.id('per.life')), 'active', 'what is held is kept');

select is(tests.retire('adam', 'alfa.short', -5), 'true', 'retired some days ago');
select is(tests.attempt(who, statement), expected, who || ': ' || statement)
from (
  values
    ('cora', $$ select public.renew_certification(tests.id('mia.short')) $$, 'MC024 certification_type_retired'),
    ('adam', $$ select public.renew_certification(tests.id('mia.short'), tests.today(-5)) $$, 'MC024 certification_type_retired'),
    ('cora', $$ select id from public.renew_certification(tests.id('mia.short'), tests.today(-6)) $$, 'mia.short'),
    ('cora', $$ select refusal from public.preview_changes('renew', array[tests.id('mia.short')]) $$, 'certification_type_retired'),
    ('cora', $$ select refusal from public.preview_changes('renew', array[tests.id('mia.short')], tests.today(-6)) $$, ''),
    ('cora', $$ select public.change_certifications('renew', array[tests.id('mia.short')]) $$, 'MC024 certification_type_retired'),
    ('cora', $$ update public.peer_mentor_certifications set issued_at = tests.day() where id = tests.id('mia.short') $$, 'MC024 certification_type_retired'),
    ('service_role', $$ update public.peer_mentor_certifications set issued_at = tests.day(-2) where id = tests.id('mia.short') $$, 'MC024 certification_type_retired'),
    ('sev', $$ select public.register_certification(tests.id('per'), 'short') $$, 'MC024 certification_type_retired'),
    ('sev', $$ select certification_type from public.register_certification(tests.id('per'), 'short', tests.today(-6)) $$, 'short'),
    ('cora', $$ select id from public.suspend_certification(tests.id('mia.short'), 'x') $$, 'mia.short'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(20) where id = tests.id('mia.short') $$, '1 rows')
) as asked (who, statement, expected);
select is(
  tests.perform('cora', $$ select id from public.renew_certification(tests.id('mia.short'), tests.today(-6)) $$), 'mia.short', 'renewed before the day'
);
select is(
  tests.attempt('cora', format('select id from public.revert_change(tests.id(%L), %L, %L)', 'mia.short', tests.newest('mia.short') ->> 'entry_id', 'x')),
  'mia.short', 'and that can be taken back'
);
select is_empty($$ select 1 from mentorcert_private.due_notices(now()) as due where due.certification_type = 'short' $$, 'no reminders of it');
select is_empty(
  $$ select 1 from mentorcert_private.digest_contents(tests.id('alfa'), tests.id('cora'), now()) as line where line.name_nb = 'short' $$, 'nor in digests'
);
select is(tests.concerned('change_type', 'alfa.short', '{"retired_on": null, "retired_reason": null}'), 'is_renewed_again 1', 'it may come back');
select is(tests.retire('adam', 'alfa.short', 0, null), 'true', 'and does');
select is(tests.attempt('cora', $$ select id from public.renew_certification(tests.id('mia.short')) $$), 'mia.short', 'then it is renewed as before');

-- A correction can be taken back, though that brings back what is not given any more.
select is(
  tests.perform('adam', $$ update public.peer_mentor_certifications set certification_type = 'yearly' where id = tests.id('mia.short') $$),
  '1 rows', 'of another type after all'
);
select is(tests.retire('adam', 'alfa.short', -30), 'true', 'retired a month ago, it says later');
select is(
  tests.attempt('adam', format('select id from public.revert_change(tests.id(%L), %L, %L)', 'mia.short', tests.newest('mia.short') ->> 'entry_id', 'x')),
  'mia.short', 'the correction can be taken back'
);
select is(
  tests.perform('adam', format(
    $$ select public.confirm_consequences('undo', public.preview_consequences('undo', %1$L) ->> 'fingerprint', %1$L) is not null $$,
    (
      select entry.id from mentorcert.audit_log as entry
      where entry.row_id = tests.id('alfa.short')::text and entry.after ? 'retired_on' order by entry.recorded_at desc limit 1
    )
  )),
  'true', 'a retirement is undone like other changes of weight'
);
select is((select retired_on from mentorcert.certification_types where id = tests.id('alfa.short')), null, 'and is gone');

-- Chapters

select is(tests.retire('adam', what), 'MC024 chapters_retired_empty', what || ' is in use')
from unnest(array['1a', 'county2', '2a']) as what;
insert into mentorcert.chapters (id, organisation_id, code, name, parent_id)
values (tests.id('empty'), tests.id('alfa'), 'empty', 'Empty', tests.id('county2'));
insert into mentorcert.chapters (id, organisation_id, code, name, parent_id)
values (tests.id('below'), tests.id('alfa'), 'below', 'Below', tests.id('empty'));
select tests.everybody_gets(
  $$ update mentorcert.chapters set retired_on = tests.today(), retired_reason = 'x' where code = 'below' returning 'changed' $$,
  'no client retires a chapter without the consequences',
  'adam: PT428 consequences_seen', 'anon: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'service_role: changed'
);
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id, ended_at)
values (tests.id('alfa'), tests.id('old'), tests.id('below'), now() - interval '1 day');
select is(
  tests.perform('owner', $$
    insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
    values (tests.id('alfa'), tests.id('lone'), tests.id('below'))
  $$), '1 rows', 'lone enters it'
);
select is(tests.retire('adam', 'below'), 'MC024 chapters_retired_empty', 'somebody is in it');
select is(
  tests.perform('owner', $$ select mentorcert_private.erase_peer_mentor(tests.id('lone')) is not null $$), 'true', 'who is erased'
);
select is(tests.retire('adam', 'below', 1), 'MC008 chapters_retired_on_not_future', 'not from a day to come');
select is(tests.retire('adam', 'below'), 'true', 'the erased are in no chapter, nor are those who left it');
select is(tests.retire('adam', 'empty'), 'true', 'nor a chapter below that is retired');
select is(tests.attempt(who, statement), expected, who || ': ' || statement)
from (
  values
    ('adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), tests.id('empty')) $$, 'MC024 chapters_not_retired'),
    ('service_role', $$ insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('mia'), tests.id('empty')) $$, 'MC024 chapters_not_retired'),
    ('adam', $$ update mentorcert.peer_mentor_chapters set ended_at = null where chapter_id = tests.id('below') and peer_mentor_id = tests.id('old') $$, 'MC024 chapters_not_retired'),
    ('adam', $$ insert into mentorcert.memberships (user_id, role, chapter_id) values (tests.id('nora'), 'coordinator', tests.id('empty')) $$, 'MC024 chapters_not_retired'),
    ('adam', $$ insert into mentorcert.chapters (code, name, parent_id) values ('new', 'New', tests.id('empty')) $$, 'MC024 chapters_parent_not_retired'),
    ('adam', $$ update mentorcert.chapters set name = 'Was' where code = 'empty' $$, '1 rows')
) as asked (who, statement, expected);
select is(tests.retire('adam', 'below', 0, null), 'MC024 chapters_parent_not_retired', 'the one above comes back first');
select is(tests.retire('adam', 'empty', 0, null), 'true', 'a chapter may come back');
select is(
  tests.attempt('adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), tests.id('empty')) $$),
  '1 rows', 'and is entered as before'
);
select is(
  tests.perform('owner', $$
    insert into mentorcert.memberships (id, organisation_id, user_id, role, chapter_id, ended_at)
    values (tests.id('m.ended'), tests.id('alfa'), tests.id('nora'), 'coordinator', tests.id('empty'), now() - interval '1 day')
  $$), '1 rows', 'nora was a coordinator of it'
);
select is(tests.retire('adam', 'empty'), 'true', 'retired again');
select is(
  tests.attempt('service_role', $$ update mentorcert.memberships set ended_at = null where id = tests.id('m.ended') $$),
  'MC024 chapters_not_retired', 'no coordinator comes back to it either'
);

select * from finish();
rollback;
