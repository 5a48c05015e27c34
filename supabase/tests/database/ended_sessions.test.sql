\ir fixture.psql
-- After a sign-out no token of the session opens anything, on any path; those of other sessions go on.

create function tests.token(session text, minutes integer default 60) returns jsonb
language sql
as $$
  select jsonb_build_object('session_id', session, 'iat', extract(epoch from now())::bigint, 'exp', extract(epoch from now())::bigint + 60 * minutes)
$$;

create function tests.sign_out(who text, token jsonb) returns void
language sql
as $$ select tests.act_as(who, token); select mentorcert_private.end_session(); select tests.act_as_owner(); $$;

select tests.sign_out('adam', tests.token('one'));
-- A second window signs out as well.
select tests.sign_out('adam', tests.token('one'));

select is(tests.attempt('adam', statement, tests.token('one')), 'PT401 session_open', 'none of its tokens opens: ' || statement)
from unnest(array[
  'select slug from mentorcert.organisations', 'select id from public.peer_mentor_certifications', 'select id from mentorcert.peer_mentors',
  'select count(*) from public.certifications_page()', 'select table_name from mentorcert.audit_log',
  'select peer_mentor_id from public.listed_peer_mentors', $$ update mentorcert.peer_mentors set full_name = 'X' $$,
  $$ insert into mentorcert.chapters (code, name) values ('x', 'X') $$
]) as statement;
select is(
  tests.attempt('adam', 'select slug from mentorcert.organisations', tests.token('one') || '{"exp": 4102444800}'), 'PT401 session_open',
  'nor one that was fetched meanwhile'
);
select is(tests.attempt(who, 'select slug from mentorcert.organisations', token), 'alfa', who || ' goes on in another')
from (values ('adam', tests.token('two')), ('adam', '{}'), ('cora', tests.token('one'))) as others (who, token);
select is(tests.attempt('anon', 'select count(*) >= 0 from public.listed_peer_mentors'), 'true', 'the public list is open to all');

-- Without the id of a session the token stands for it.
select tests.sign_out('cora', tests.token('one') - 'session_id');
select is(tests.attempt('cora', 'select slug from mentorcert.organisations', tests.token('one') - 'session_id'), 'PT401 session_open', 'a token ends');
select is(
  tests.attempt('cora', 'select slug from mentorcert.organisations', tests.token('one', 30) - 'session_id'), 'alfa', 'another one does not'
);

-- Until no token of it can be good, and no longer.
select set_eq(
  'select ends_at from mentorcert_private.ended_sessions', array[now() + interval '61 minutes'], 'it is kept for as long as a token is good'
);
update mentorcert_private.ended_sessions set ends_at = now() - interval '1 second' where session <> (
  select session from mentorcert_private.ended_sessions order by session limit 1
);
select tests.sign_out('nora', tests.token('three'));
select is((select count(*) from mentorcert_private.ended_sessions), 2::bigint, 'a sign-out removes those that are over');

select is(tests.attempt(who, statement), '42501', who || ' does not get at the list: ' || statement)
from
  unnest(array['adam', 'anon', 'service_role']) as who,
  unnest(array['select session from mentorcert_private.ended_sessions', 'delete from mentorcert_private.ended_sessions']) as statement;
select is(tests.attempt(who, 'select mentorcert_private.end_session()'), '42501', who || ' has no session to end')
from unnest(array['anon', 'service_role']) as who;

-- An app signs out at Supabase Auth, which deletes its row of the session; without such a table, ours alone counts.
create function tests.opens(session text, who text default 'adam') returns text
language sql
as $$ select tests.attempt(who, 'select slug from mentorcert.organisations', jsonb_build_object('session_id', session)) $$;
select is(tests.opens(tests.id('open')::text), 'alfa', 'where Supabase Auth keeps no sessions');
create table auth.sessions (id uuid primary key, user_id uuid not null);
insert into auth.sessions (id, user_id) values (tests.id('open'), tests.id('adam')), (tests.id('other'), tests.id('adam'));
select is(tests.opens(session), answer, 'where it keeps them: ' || session)
from (
  values
    (tests.id('open')::text, 'alfa'), (tests.id('gone')::text, 'PT401 session_open'), ('one', 'PT401 session_open'),
    ('', 'PT401 session_open'), (tests.id('open') || ' ', 'PT401 session_open')
) as sessions (session, answer);
select is(tests.attempt('adam', 'select slug from mentorcert.organisations'), 'alfa', 'a token that names no session is none of its sessions');
select is(tests.attempt('anon', 'select count(*) >= 0 from public.listed_peer_mentors'), 'true', 'and the public list is open to all');
delete from auth.sessions where id = tests.id('open');
select is(tests.opens(tests.id('open')::text), 'PT401 session_open', 'signed out at Supabase Auth');
select is(tests.opens(tests.id('other')::text), 'alfa', 'another session goes on');
select is(
  tests.attempt('adam', statement), '42501', 'nobody reads whose sessions there are: ' || statement
)
from unnest(array[
  'select id from auth.sessions', $$ select mentorcert_private.is_session_in_auth('x') $$
]) as statement;
-- The owner of our functions must read all of them: else everybody would be signed out.
create role session_tester;
grant usage on schema auth, mentorcert_private to session_tester;
grant execute on function mentorcert_private.is_session_in_auth to session_tester;
create function tests.finds(session uuid) returns boolean
language plpgsql
as $$
declare
  found boolean;
begin
  set local role session_tester;
  found := mentorcert_private.is_session_in_auth(session::text);
  set local role none;
  return found;
exception when insufficient_privilege then
  return null;
end
$$;
select is(tests.finds(tests.id('gone')), true, 'without the right to read them');
grant select on auth.sessions to session_tester;
select is(tests.finds(tests.id('gone')), false, 'with the right');
alter table auth.sessions enable row level security;
select is(tests.finds(tests.id('gone')), true, 'with row-level security that hides them');

select * from finish();
rollback;
