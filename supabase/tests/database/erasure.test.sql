\ir fixture.psql
-- Erasing a person: what says who it was goes at once, what counts must show stays.

create function tests.erase(who text, with_login boolean default false) returns text
language sql as $$ select mentorcert_private.erase_peer_mentor(tests.id(who), with_login) $$;

update mentorcert.peer_mentors set
  full_name = 'Mia Secret', display_name = 'Mia S', email = 'mia@secret.example', phone = '+47 99999999'
where id = tests.id('mia');
update auth.users set email = 'mia@secret.example' where id = tests.id('mia');
select tests.perform('cora', $$ select public.renew_certification(tests.id('mia.basic'), note => 'Mia has moved', evidence => '{"seen": "Secret diploma", "seen_on": "2026-01-01"}') $$);
select tests.perform('cora', $$ select public.suspend_certification(tests.id('mia.short'), 'Mia is ill') $$);
insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
select (entry ->> 'entry_id')::uuid, tests.id('alfa'), tests.id('mia.short'), position, entry
from public.certification_history(tests.id('mia.short')) with ordinality as history (entry, position);

create table tests.before as
select id, certification_type, issued_at, expires_at, status, jsonb_array_length(renewal_history) as entries
from public.peer_mentor_certifications;

select is((select count(*) from public.listed_peer_mentors where peer_mentor_id = tests.id('mia')), 1::bigint, 'mia is listed before');
select is(tests.erase('mia'), 'kept', 'the login is kept where nobody says otherwise');

select is_empty(
  $$
    select 'peer_mentors ' || mentor from mentorcert.peer_mentors as mentor where mentor::text ~* 'secret|99999999'
    union all
    select 'certifications ' || held.id from public.peer_mentor_certifications as held where held::text ~* 'secret|ill|moved'
    union all
    select 'events ' || event.entry_id from mentorcert.certification_renewal_events as event where event::text ~* 'secret|ill"|moved'
    union all
    select 'list ' || listed from public.listed_peer_mentors as listed where listed.peer_mentor_id = tests.id('mia')
    union all
    select 'memberships ' || membership.id from mentorcert.memberships as membership where membership.user_id = tests.id('mia')
    union all
    select 'audit ' || entry.id from mentorcert.audit_log as entry
    where entry.table_name <> 'peer_mentor_chapters' and concat(entry.before, entry.after) like '%' || tests.id('mia') || '%'
  $$,
  'nothing says any more who it was'
);
select results_eq(
  $$
    select external_id, full_name, erased_at = now(), user_id, chapter_ids, listing_consent
    from mentorcert.peer_mentors where id = tests.id('mia')
  $$,
  $$ values ('erased-' || tests.id('mia'), 'erased', true, null::uuid, '{}'::uuid[], false) $$, 'the row stays, for counts'
);
select set_eq(
  $$
    select held.certification_type, held.status, jsonb_array_length(held.renewal_history) - was.entries
    from public.peer_mentor_certifications as held
    join tests.before as was using (id, certification_type, issued_at, expires_at)
    where held.peer_mentor_id = tests.id('mia')
  $$,
  $$ values ('basic', 'suspended', 1), ('short', 'suspended', 0) $$,
  'types and dates stay; what was active is suspended, by an entry of its own; what was suspended stays so'
);
select is(tests.kinds('mia.basic'), 'issued,renewed,suspended', 'the history keeps what happened');
select is(tests.newest('mia.basic') -> 'actor', '{"job": "erasure"}', 'and that the erasure did it');
select results_eq(
  $$
    select organisation_id, row_id, actor, before, after from mentorcert.audit_log where action = 'erase'
  $$,
  $$
    values (
      tests.id('alfa'), tests.id('mia')::text, jsonb_build_object('user_id', null, 'role', session_user), null::jsonb, null::jsonb
    )
  $$,
  'the audit log knows of it, and by whom'
);
select is(tests.attempt('cora', $$ select id from mentorcert.peer_mentors where id = tests.id('mia') $$), '', 'no coordinator sees the row');
select is(tests.attempt('adam', $$ select id from mentorcert.peer_mentors where id = tests.id('mia') $$), '', 'nor does the administrator');
select is(tests.attempt('mia', $$ select id from public.peer_mentor_certifications $$), '', 'the login sees nothing any more');
select is(
  tests.attempt('adam', $$ update mentorcert.peer_mentors set full_name = 'Mia Secret' where id = tests.id('mia') $$),
  '0 rows', 'and nobody writes the name back'
);
select is(
  tests.attempt(who, $$ update mentorcert.peer_mentors set full_name = 'Mia Secret' where id = tests.id('mia') $$),
  '23514 peer_mentors_erased_at_valid', 'not ' || who || ' either'
) from unnest(array['service_role', 'owner']) as who;
select is((select count(*) from auth.users where id = tests.id('mia')), 1::bigint, 'the login itself stays');
select is(
  tests.attempt('owner', statement), 'MC008 peer_mentor_id', statement
)
from unnest(array[
  $$ select mentorcert_private.erase_peer_mentor(tests.id('mia')) $$, $$ select mentorcert_private.erase_peer_mentor(gen_random_uuid()) $$
]) as statement;

-- Nothing is certified, or comes back, afterwards.
select is(tests.attempt(who, statement), expected, who || ': ' || statement)
from (
  values
    ('adam', $$ select public.renew_certification(tests.id('mia.short'), note => 'Mia Secret') $$, '42501 certification_right'),
    ('adam', $$ select public.reinstate_certification(tests.id('mia.basic'), 'Mia Secret') $$, '42501 certification_right'),
    ('adam', $$ select public.register_certification(tests.id('mia'), 'life', note => 'Mia Secret') $$, '42501 certification_right'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(300) where id = tests.id('mia.basic') $$, '0 rows'),
    ('adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), tests.id('1a')) $$, '42501'),
    ('owner', $$ update mentorcert.peer_mentor_chapters set ended_at = null where peer_mentor_id = tests.id('mia') $$, '42501 certification_right')
) as tried (who, statement, expected);
select is(
  tests.attempt('adam', $$ with extended as (select public.extend_certifications('basic', tests.today(900), 'x')) select count(*) from extended $$),
  '1', 'who extends all leaves the erased out'
);

-- Others are left alone.
select is_empty(
  $$
    select held.id from tests.before as was
    join public.peer_mentor_certifications as held on held.id = was.id
    where held.peer_mentor_id <> tests.id('mia')
      and (held.status <> was.status or jsonb_array_length(held.renewal_history) <> was.entries)
  $$, 'nobody else''s certification has changed'
);

-- The login goes along where it is asked for and nothing needs it.
select is(tests.erase('per', true), 'deleted', 'a login that nothing else needs');
select is((select count(*) from auth.users where id = tests.id('per')), 0::bigint, 'is gone');
select is_empty(
  $$ select id from mentorcert.audit_log where table_name <> 'peer_mentor_chapters' and concat(before, after) like '%' || tests.id('per') || '%' $$, 'also from the log'
);
select is(tests.erase('mixa', true), 'kept', 'a login that is a coordinator''s as well');
select is(
  (select string_agg(role, ',') from mentorcert.memberships where user_id = tests.id('mixa')), 'coordinator',
  'keeps that membership, and loses the peer mentor''s'
);
select is(tests.erase('dora', true), 'kept', 'nor one that is a coordinator''s in another organisation');
select is(
  (select string_agg(role, ',') from mentorcert.memberships where user_id = tests.id('dora')), 'coordinator', 'which it keeps'
);
select is(tests.erase('lone', true), 'none', 'a peer mentor without a login');

-- Nobody else gets at histories by the same words.
select mentorcert_private.set_change_context('{"kind": "erased"}');
select is(
  tests.attempt('owner', statement), expected, statement
)
from (
  values
    (
      $$ update public.peer_mentor_certifications set renewal_history = mentorcert_private.without_remarks(renewal_history) - 0 where id = tests.id('mia.basic') $$,
      'MC005 certification_history_append_only'
    ),
    (
      $$ update mentorcert.certification_renewal_events set entry = entry - 'actor' $$,
      'MC005 certification_history_append_only'
    )
) as tried (statement, expected);
select mentorcert_private.set_change_context(null);
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('cait.basic');
select mentorcert_private.set_change_context('{"kind": "renewed", "note": "kept"}');
update public.peer_mentor_certifications set status = 'active' where id = tests.id('cait.basic');
select mentorcert_private.set_change_context(null);
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set renewal_history = mentorcert_private.without_remarks(renewal_history) where id = tests.id('cait.basic')
  $$),
  'MC005 certification_history_append_only', 'without an erasure remarks stay'
);

select mentorcert_private.set_change_context(null);

-- The erased stay erased, by every door and in every way of writing the number or the address
select is(
  tests.attempt(door.who, format(door.statement, quote_nullable(written.number), quote_nullable(written.email))), 'MC021 erased_stay_erased',
  format('%s brings back %s %s', door.who, written.number, written.email)
)
from (
  values
    ('adam', 'insert into mentorcert.peer_mentors (external_id, full_name, email) values (%s, ''X'', %s)'),
    ('owner', 'insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, email) values (tests.id(''alfa''), %s, ''X'', %s)'),
    ('owner', 'insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, email) values (tests.id(''alfa''), %s, ''X'', %s) on conflict (organisation_id, external_id) do nothing'),
    ('adam', 'update mentorcert.peer_mentors set external_id = %s, email = %s where id = tests.id(''cait'')'),
    ('service_role', 'update mentorcert.peer_mentors set external_id = %s, email = %s where id = tests.id(''cait'')')
) as door (who, statement)
cross join (
  values ('mia', null), ('MIA', null), ('m' || chr(8203) || 'ia', null), ('00mia', null), ('M ia', null), ('new', 'MIA@Secret.example')
) as written (number, email);
select is(
  tests.attempt('bea', $$ insert into mentorcert.peer_mentors (external_id, full_name, email) values ('mia', 'Mia', 'mia@secret.example') $$), '1 rows',
  'another organisation has erased nobody'
);
select is(
  tests.attempt('adam', $$ update mentorcert.peer_mentors set phone = '12345678', email = email where id = tests.id('cait') $$), '1 rows', 'others are changed as ever'
);
select is(
  tests.attempt(who, $$ update mentorcert.peer_mentors set external_id = 'Erased-1' where id = tests.id('cait') $$), '23514 peer_mentors_external_id_not_reserved',
  who || ' takes no number of the erased'
) from unnest(array['adam', 'owner']) as who;
select is_empty(
  $$ select 1 from mentorcert_private.erased_identities as erased where erased::text ~* 'mia' or encode(erased.digest, 'escape') ~* 'mia' $$, 'the number itself is kept nowhere'
);
select isnt(
  mentorcert_private.identity_digest(tests.id('alfa'), 'external_id', 'mia'), mentorcert_private.identity_digest(tests.id('beta'), 'external_id', 'mia'),
  'nobody compares those of two organisations'
);
select tests.everybody_gets(
  $$ select public.readmit_erased('mia', null, 'Came back') $$, 'the administrator readmits somebody', 'adam: 1', 'bea: MC008 erased_identity',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select public.readmit_erased('mia', null, ' ') $$), 'MC004 readmission_reason', 'with a reason');
select is(tests.perform('adam', $$ select public.readmit_erased(' Mia', 'mia@secret.example', E'Came\u200b back ') $$), '2', 'by number and address');
select set_eq($$ select readmission_reason from mentorcert_private.erased_identities where readmitted_at is not null $$, array['Came back'], 'the reason is kept in its canonical form');
select is(
  tests.attempt('owner', 'update mentorcert_private.erased_identities set readmission_reason = ' || quote_literal(reason) || ' where readmitted_at is not null'), expected, 'a reason is readable and has an end'
) from (values (E'a\u0007', '23514 erased_identities_readmission_reason_characters'), (repeat('x', 2001), '23514 erased_identities_readmission_reason_length')) as reasons (reason, expected);
select is(
  tests.attempt('adam', $$ insert into mentorcert.peer_mentors (external_id, full_name, email) values ('mia', 'Mia', 'mia@secret.example') $$), '1 rows', 'then the person is let in'
);
select is(
  (select count(*) from mentorcert.audit_log where table_name = 'erased_identities' and action = 'update' and actor ->> 'user_id' = tests.id('adam')::text),
  2::bigint, 'which the audit log knows'
);
select is(tests.attempt('owner', statement), expected, statement)
from (
  values
    ('delete from mentorcert_private.erased_identities', 'MC005 erased_stay_erased'), ('truncate mentorcert_private.erased_identities', 'MC005 erased_stay_erased'),
    ('delete from mentorcert_private.erasure_keys', 'MC005 erased_stay_erased'), ('update mentorcert_private.erasure_keys set inner_pad = outer_pad', 'MC005 erased_stay_erased'),
    ('update mentorcert_private.erased_identities set digest = ''\x00''', 'MC007 erased_identities_digest_immutable')
) as attempts (statement, expected);

select * from finish();
rollback;
