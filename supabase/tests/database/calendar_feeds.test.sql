\ir fixture.psql
-- Calendar feeds: one's own alone, by a token that is shown once, and gone with everything that it rests on.

create function tests.new_feed(who text) returns text
language sql set search_path = ''
as $$ select tests.perform(who, 'select public.create_calendar_feed()') $$;

-- What anon gets by a token: the certifications it names, and "empty" for a feed that shows none.
create function tests.feed(token text) returns text
language sql set search_path = ''
as $$
  select tests.perform(
    'anon', format('select coalesce(certification_id::text, ''empty'') as shown from public.calendar_of(%L)', token)
  )
$$;

select tests.everybody_gets(
  $$ select case when length(token) = 64 then 'made' end from public.create_calendar_feed() as token $$,
  'who is a peer mentor makes a feed',
  'adam bea bob cora dora dora@alfa gone nora paula service_role sev: 42501 certification_right', 'anon: 42501',
  'dora@beta mia mixa per: made'
);

create table tests.tokens as
select who, tests.new_feed(who) as token from unnest(array['mia', 'per', 'dora@beta']) as who;
create function tests.token(who text) returns text
language sql stable set search_path = '' as $$ select token from tests.tokens where tokens.who = token.who $$;
create function tests.shown(who text) returns text
language sql set search_path = '' as $$ select tests.feed(tests.token(who)) $$;

select is((select count(distinct token) from tests.tokens where token ~ '^[0-9a-f]{64}$'), 3::bigint, 'tokens are of 64 digits, each another');
select is(tests.shown('mia'), 'mia.basic,mia.short', 'mia''s feed shows mia''s certifications');
select is(tests.shown('per'), 'empty', 'a feed without any date is there, and empty');
select is(tests.shown('dora@beta'), 'dora.basic', 'a feed is of the organisation in which it was made');
select is(tests.feed(token), '', 'nothing for ' || what)
from (
  values
    ('guessed', repeat('0', 64)), ('empty', ''), ('null', null), ('cut off', left(tests.token('mia'), 63)),
    ('in capitals', upper(tests.token('mia'))), ('of the database', encode(sha256(convert_to(tests.token('mia'), 'UTF8')), 'hex'))
) as tokens (what, token);
select results_eq(
  format('select organisation_name, time_zone, name_nb, name_en, expires_at, reminder_days from public.calendar_of(%L)', tests.token('mia')),
  $$ values ('Alfa', 'Europe/Oslo', 'short', 'short', tests.day(10), '{90,30,7}'::smallint[]), ('Alfa', 'Europe/Oslo', 'basic', 'basic', tests.day(30), '{90,30,7}') $$,
  'and no name, soonest first'
);
select tests.everybody_gets(
  format('select certification_id from public.calendar_of(%L)', tests.token('mia')), 'anyone who has the address reads it',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: mia.basic,mia.short'
);
select tests.everybody_gets(
  'select token_hash from mentorcert_private.calendar_feeds', 'nobody reads the feeds themselves',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select is_empty(
  $$
    select feed from mentorcert_private.calendar_feeds as feed
    where strpos(feed::text, tests.token('mia')) > 0
  $$, 'the token is not stored'
);
select tests.everybody_gets(
  'select public.calendar_feed_created_at() = now() as since', 'each sees their own feed alone',
  'adam bea bob cora dora dora@alfa gone mixa nora paula service_role sev: ', 'anon: 42501', 'dora@beta mia per: true'
);

-- What it shows.
select tests.perform('cora', $$ select public.suspend_certification(tests.id('mia.short'), 'why') $$);
select is(tests.shown('mia'), 'mia.basic', 'what is suspended is not shown');
update public.peer_mentor_certifications set expires_at = tests.day(-1) where id = tests.id('mia.basic');
select is(tests.shown('mia'), 'mia.basic', 'what has ended stays where it was in the calendar');

create function tests.shown_without(endpoint text) returns text
language plpgsql set search_path = ''
as $$
declare
  answer text;
begin
  insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (shown_without.endpoint, 'A test');
  answer := tests.shown('mia');
  delete from mentorcert_private.disabled_endpoints;
  return answer;
end
$$;
select is(tests.shown_without('certifications'), 'MC010 endpoint_enabled', 'it is off with the certifications');
select is(tests.shown_without('organisations'), 'MC010 endpoint_enabled', 'and with the organisations');

-- Its end.
select tests.everybody_gets(
  'select public.revoke_calendar_feed()', 'one ends the own feed alone',
  'adam bea bob cora dora dora@alfa gone mixa nora paula service_role sev: false', 'anon: 42501', 'dora@beta mia per: true'
);
create table tests.older as select tests.token('mia') as token;
update tests.tokens set token = tests.new_feed('mia') where who = 'mia';
select is((select tests.feed(token) from tests.older), '', 'a new feed takes the place of the old');
select is(tests.shown('mia'), 'mia.basic', 'and shows the same');
select is(tests.perform('mia', 'select public.revoke_calendar_feed()'), 'true', 'revoked');
select is(tests.shown('mia'), '', 'a revoked feed shows nothing');
select is(tests.perform('mia', 'select public.revoke_calendar_feed()'), 'false', 'there is none to revoke');
select is(tests.shown('dora@beta'), 'dora.basic', 'others'' feeds go on');

create function tests.shown_after(who text, statement text) returns text
language plpgsql set search_path = ''
as $$
declare
  answer text;
begin
  begin
    execute statement;
    answer := tests.shown(who) || (select case count(*) when 2 then '' else ', ended' end from mentorcert_private.calendar_feeds);
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;
select is(tests.shown_after('dora@beta', statement), expected, statement)
from (
  values
    ($$ select 1 $$, 'dora.basic'),
    ($$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.dora.alfa') $$, 'dora.basic'),
    ($$ update mentorcert.memberships set ended_at = now() where id = tests.id('m.dora.beta') $$, ''),
    ($$ update mentorcert.peer_mentors set phone = '113' where id = tests.id('dora') $$, 'dora.basic'),
    ($$ update mentorcert.peer_mentors set user_id = tests.id('nora') where id = tests.id('dora') $$, ', ended'),
    ($$ update mentorcert.peer_mentors set user_id = null where id = tests.id('dora') $$, ', ended'),
    ($$ select mentorcert_private.erase_peer_mentor(tests.id('dora')) $$, ', ended'),
    ($$ delete from auth.users where id = tests.id('dora') $$, ', ended'),
    ($$ update auth.users set deleted_at = now() where id = tests.id('dora') $$, '')
) as ends (statement, expected);

-- As Supabase Auth has it.
alter table auth.users add column if not exists banned_until timestamptz;
update auth.users set banned_until = now() + interval '1 hour' where id = tests.id('dora');
select is(tests.shown('dora@beta'), '', 'the feed of a suspended login shows nothing');
update auth.users set banned_until = now() where id = tests.id('dora');
select is(tests.shown('dora@beta'), 'dora.basic', 'until the suspension ends');

select throws_ok(
  $$ insert into mentorcert_private.calendar_feeds values (tests.id('alfa'), tests.id('lone'), '\x00') $$, '23514', null, 'a hash has 32 bytes'
);
select throws_ok(
  $$ insert into mentorcert_private.calendar_feeds values (tests.id('beta'), tests.id('mia'), sha256('x')) $$, '23503', null,
  'a feed is of a peer mentor of its organisation'
);

select * from finish();
rollback;
