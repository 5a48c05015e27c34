\ir fixture.psql
-- Who acts is taken once: a statement that changes its own claims or role is refused, wherever it does so.

-- Ways to be somebody else in the middle of a statement: a job, nobody, another user, the same user in another place, another role.
create table tests.changes (name text primary key, expression text);
insert into tests.changes
-- Of the row, so that it is evaluated for the row: after its policies.
select name, format('set_config(%L, left(id::text, 0) || %L, true)', setting, value)
from (
  values
    ('no claims', 'request.jwt.claims', ''),
    ('no user', 'request.jwt.claims', '{"role": "authenticated"}'),
    ('another user', 'request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', tests.id('bea'))::text),
    ('other claims', 'request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', tests.id('adam'), 'aal', 'aal2')::text),
    ('another role', 'role', 'none')
) as settings (name, setting, value);

-- Places of a statement in which an expression runs after the policies were asked, and before a trigger.
create table tests.places (name text primary key, statement text);
insert into tests.places values
  ('where', $$ update public.peer_mentor_certifications set expires_at = tests.day(20) where id = tests.id('mia.basic') and %s is not null $$),
  ('set', $$ update public.peer_mentor_certifications set expires_at = case when %s is not null then tests.day(20) end where id = tests.id('mia.basic') $$),
  ('cte', $$
    update public.peer_mentor_certifications set expires_at = tests.day(20) where id = tests.id('mia.basic')
      and exists (with change as materialized (select %s as changed) select from change where changed is not null)
  $$),
  ('order by', $$
    update public.peer_mentor_certifications set expires_at = tests.day(20)
    where id = (select id from public.peer_mentor_certifications where id = tests.id('mia.basic') order by %s limit 1)
  $$),
  ('returning', $$
    update public.peer_mentor_certifications set expires_at = tests.day(40) where id in (tests.id('mia.basic'), tests.id('mia.short')) returning %s
  $$),
  ('insert', $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
    select tests.id('mia'), 'life', tests.day() from mentorcert.peer_mentors where id = tests.id('mia') and %s is not null
  $$),
  ('last administrator', $$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.adam') and %s is not null $$),
  ('consent', $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('mia') and %s is not null $$),
  ('audit log', $$ update mentorcert.peer_mentors set user_id = null where id = tests.id('mia') returning %s $$),
  ('function', $$
    update mentorcert.peer_mentors set phone = '22222222' where id = tests.id('mia') and %s is not null
      and public.set_listing_consent(tests.id('per'), false)
  $$);

-- Where a policy is asked only after the change, it lets nobody else's rows in.
select matches(
  tests.attempt('adam', format(place.statement, change.expression)),
  case when place.name in ('order by', 'consent', 'function') then '^(MC022 caller_known|42501.*|0 rows)$' else '^MC022 caller_known$' end,
  format('%s in %s', change.name, place.name)
)
from tests.places as place cross join tests.changes as change;
select is(
  tests.attempt('adam', format(place.statement, '''nothing''::text')),
  case place.name
    when 'returning' then 'nothing,nothing'
    when 'audit log' then 'nothing'
    when 'last administrator' then 'MC011 memberships_last_administrator'
    else '1 rows'
  end,
  'and without it, ' || place.name || ' is as ever'
)
from tests.places as place;
select is(
  tests.perform('adam', $$
    update public.peer_mentor_certifications set expires_at = tests.day(40) where id = tests.id('mia.basic')
    returning set_config('request.jwt.claims', '', true)
  $$),
  '', 'what was changed before stays'
);
select is(tests.newest('mia.basic') #>> '{actor,user_id}', tests.id('adam')::text, 'with the one who did it');

-- What is derived once for a statement is derived again where it has changed: what the change is about, and who the caller is.
select is(
  tests.attempt('adam', format(
    $$ update public.peer_mentor_certifications set expires_at = tests.day(50)
    where id = tests.id('mia.basic') and set_config('mentorcert.change', left(id::text, 0) || %L, true) is not null $$, change
  )),
  expected, left(change, 20) || ' within the statement: ' || expected
)
from (
  values
    (jsonb_build_object('note', repeat('x', 2001))::text, 'MC008 certification_note_valid'), ('{"note": "said late"}', '1 rows')
) as said (change, expected);
select is(
  tests.perform('adam', $$
    update public.peer_mentor_certifications set expires_at = tests.day(60)
    where id = tests.id('mia.basic') and set_config('mentorcert.change', left(id::text, 0) || '{"note": " said late"}', true) is not null
  $$),
  '1 rows', 'a change may say what it is about as late as that'
);
select is(tests.newest('mia.basic') ->> 'note', 'said late', 'and its canonical form is kept');
create function tests.promote(who text) returns void
language sql security definer set search_path = ''
as $$ insert into mentorcert.memberships (organisation_id, user_id, role) values (tests.id('alfa'), tests.id(who), 'org_admin') $$;
select is(
  tests.perform('cora', $$ do $do$
    begin
      perform public.suspend_certification(tests.id('mia.basic'), 'she asked for it');
      perform tests.promote('cora');
      perform public.suspend_certification(tests.id('mia.short'), 'she asked for it');
    end
  $do$ $$),
  '0 rows', 'who is promoted within a call'
);
select is(tests.newest('mia.short') #>> '{actor,role}', 'org_admin', 'acts as that from the next change on');

-- What else is written: each table notes the caller before its first row.
select is(
  tests.attempt('adam', format(written.statement, (select expression from tests.changes where name = 'other claims'))),
  'MC022 caller_known', written.statement
)
from (
  values
    ($$ update mentorcert.organisations set name = 'New' where id = tests.id('alfa') and %s is not null $$),
    ($$ update mentorcert.chapters set name = 'New' where id = tests.id('1a') and %s is not null $$),
    ($$ update mentorcert.certification_types set name_nb = 'New' where id = tests.id('alfa.basic') and %s is not null $$),
    ($$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.cora') and %s is not null $$),
    ($$ update mentorcert.peer_mentor_chapters set ended_at = now() where id = tests.id('mia.1a') and %s is not null $$)
) as written (statement);

-- A client without a user is no job, whatever it says.
select is(
  tests.attempt('adam', $$ update mentorcert.peer_mentors set phone = '22222222' where mentorcert_private.set_change_context('{"job": "nightly"}') is null $$, '{"sub": null}'),
  'MC022 caller_known', 'authenticated without a user writes nothing'
);
select is(
  tests.attempt('anon', 'select mentorcert_private.acting_user()'), '42501', 'nor does anon'
);
select is(
  tests.attempt('service_role', $$ update mentorcert.peer_mentors set phone = '22222222' where id = tests.id('mia') $$), '1 rows',
  'the service key has no user'
);
select is(tests.attempt('owner', $$ update mentorcert.peer_mentors set phone = '22222222' where id = tests.id('mia') $$), '1 rows', 'nor has the owner');
select is(
  tests.attempt('adam', 'select mentorcert_private.is_client()'), 'true', 'authenticated is a client'
);
select is(tests.attempt(who, 'select mentorcert_private.is_client()'), 'false', who || ' is none')
from unnest(array['service_role', 'owner']) as who;

select * from finish();
rollback;
