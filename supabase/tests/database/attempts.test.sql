\ir fixture.psql
-- Attempts to sign in or to guess are counted within five minutes, and nobody but the pages counts.

create function tests.counts(variadic keys text[]) returns boolean
language sql
as $$
  select mentorcert_private.count_attempt(
    array(select sha256(convert_to(key, 'UTF8')) from unnest(keys) with ordinality as given (key, position) order by position),
    array_fill(2, array[cardinality(keys)])
  )
$$;
create function tests.counted() returns text
language sql
as $$ select string_agg(number::text, ' ' order by number) from mentorcert_private.attempts $$;

select is(array[tests.counts('one'), tests.counts('one'), tests.counts('one')], '{t,t,f}', 'as often as the limit');
select is(tests.counted(), '2', 'and what is refused adds nothing');
select is(tests.counts('one', 'login'), false, 'where one client tries too often');
select is(tests.counted(), '2', 'it counts against no login');
select is(array[tests.counts('two', 'login'), tests.counts('three', 'login'), tests.counts('four', 'login')], '{t,t,f}', 'a login by all clients');

update mentorcert_private.attempts set ends_at = now() where key = sha256('one');
select is(tests.counts('one'), true, 'after five minutes one begins again');
select is((select number from mentorcert_private.attempts where key = sha256('one')), 1, 'at one');
select set_eq('select ends_at from mentorcert_private.attempts', array[now() + interval '5 minutes'], 'for five minutes more');

insert into mentorcert_private.attempts (key, number, ends_at)
select sha256(convert_to('old' || number, 'UTF8')), 1, now() from generate_series(1, 25) as number;
select tests.counts('five');
select is((select count(*) from mentorcert_private.attempts where ends_at <= now()), 15::bigint, 'each attempt removes more than it adds');
select lives_ok('select mentorcert_private.delete_outdated()', 'what is outdated goes');
select is((select count(*) from mentorcert_private.attempts where ends_at <= now()), 0::bigint, 'removes all that are over');

select throws_ok('select mentorcert_private.count_attempt(array[''kari@example.org''::bytea], ''{2}'')', '23514', null, 'a key is a digest');
select is(tests.attempt(who, statement), '42501', who || ': ' || statement)
from
  unnest(array['adam', 'anon', 'service_role']) as who,
  unnest(array[
    $$ select mentorcert_private.count_attempt('{}', '{}') $$, 'select number from mentorcert_private.attempts',
    'delete from mentorcert_private.attempts', 'select mentorcert_private.delete_outdated_attempts()'
  ]) as statement;

select * from finish();
rollback;
