\ir fixture.psql
-- What an extension, and taking one back, would do: exactly that is done then; and which extensions there were.

select tests.everybody_gets(
  $$ select certification_id from mentorcert_private.preview_extension('basic', tests.today(100)) where outcome = 'extended' $$,
  'administrators preview an extension in their organisation', 'adam: mia.basic,mixa.basic,old.basic', 'bea: bert.basic,dora.basic',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501 certification_right', 'anon: 42501'
);
select is(
  tests.perform('adam', $$
    select outcome || ': ' || string_agg(tests.name(certification_id), ' ' order by tests.name(certification_id))
    from mentorcert_private.preview_extension('basic', tests.today(100)) group by outcome
  $$),
  'expired: lone.basic,extended: mia.basic mixa.basic old.basic,holds_longer: cait.basic lost.basic', 'each with its result'
);
select is(tests.attempt('adam', statement), answer, statement)
from (
  values
    ($$ select 1 from mentorcert_private.preview_extension('beta-only', tests.today(100)) $$, 'MC002 certification_type_known'),
    ($$ select 1 from mentorcert_private.preview_extension('basic', null) $$, 'MC008 last_valid_day'),
    ($$ select certification_id from mentorcert_private.preview_extension('life', tests.today(100)) where outcome <> 'holds_longer' $$, '')
) as attempts (statement, answer);
update mentorcert.peer_mentors set
  erased_at = now(), full_name = 'erased', external_id = 'erased-' || id, display_name = null, user_id = null,
  listing_consent = false
where id = tests.id('old');
select is(
  tests.attempt('adam', $$
    select certification_id from mentorcert_private.preview_extension('basic', tests.today(100)) where certification_id = tests.id('old.basic')
  $$),
  '', 'an erased person is left alone'
);

-- Whatever the arguments: what was foreseen is what is done.
create function tests.foreseen_and_done(arguments text) returns table (foreseen text, done text)
language plpgsql
as $$
declare
  plan text;
  extended text;
begin
  plan := tests.perform('adam', format(
    $ask$ select tests.name(certification_id) || ' ' || new_expires_at from mentorcert_private.preview_extension(%s) where outcome = 'extended' $ask$, arguments
  ));
  begin
    perform tests.perform('adam', format(
      'select public.extend_certifications(type, day, ''why'', chapter, since) from (select %s) as given (type, day, chapter, since)', arguments
    ));
    extended := (
      select coalesce(string_agg(tests.name(id) || ' ' || expires_at, ',' order by tests.name(id) || ' ' || expires_at), '')
      from public.peer_mentor_certifications where renewal_history -> -1 ->> 'kind' = 'extended'
    );
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return query select plan, extended;
  end;
end
$$;
select is(outcome.done, outcome.foreseen, arguments)
from unnest(array[
  $$ 'basic', tests.today(100), null::uuid, null::date $$, $$ 'basic', tests.today(29), null::uuid, null::date $$,
  $$ 'basic', tests.today(30), null::uuid, null::date $$, $$ 'basic', tests.today(900), tests.id('county1'), null::date $$,
  $$ 'basic', tests.today(100), tests.id('2a'), tests.today(-70) $$, $$ 'basic', tests.today(100), tests.id('2a'), tests.today(-71) $$,
  $$ 'short', tests.today(100), null::uuid, null::date $$
]) as arguments
cross join lateral tests.foreseen_and_done(arguments) as outcome;
select isnt((select foreseen from tests.foreseen_and_done($$ 'basic', tests.today(100), null::uuid, null::date $$)), '', 'of some');

-- The extensions there were
select is(
  tests.perform('adam', $$ select public.extend_certifications('basic', tests.today(100), 'pandemic', tests.id('1a')) is not null $$), 'true',
  'adam extends'
);
select tests.everybody_gets(
  $$ select reason || ' ' || cardinality(certification_ids) from mentorcert_private.extensions $$, 'administrators read the extensions of their organisation',
  'adam: pandemic 1', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select is(tests.attempt('bea', $$
  insert into mentorcert_private.extensions (batch_id, organisation_id, certification_type, last_valid_day, reason, certification_ids, extended_by)
  values (gen_random_uuid(), tests.id('alfa'), 'basic', tests.today(), 'x', '{}', auth.uid())
$$), '42501', 'nobody notes one of another organisation');
select is(tests.attempt('adam', $$
  insert into mentorcert_private.extensions (batch_id, organisation_id, certification_type, last_valid_day, reason, certification_ids, extended_by)
  values (gen_random_uuid(), tests.id('alfa'), 'basic', tests.today(), 'x', '{}', tests.id('cora'))
$$), '42501', 'or in somebody else''s name');
select is(tests.attempt('bea', $$ update mentorcert_private.extensions set reverted_at = now(), reversal_reason = 'x' $$), '0 rows', 'or takes one back there');

create function tests.reversal(who text default 'adam') returns text
language sql
as $$
  select tests.perform(who, format(
    'select tests.name(certification_id) || '' '' || outcome from mentorcert_private.preview_reversal(%L)', (select batch_id from mentorcert_private.extensions)
  ))
$$;
grant execute on all functions in schema tests to authenticated;
select is(tests.reversal(), 'mia.basic reverted', 'what taking it back would do');
select is(tests.reversal('bea'), '', 'nothing of it to others');
select is(
  tests.perform('adam', format('select new_expires_at = tests.day(30) from mentorcert_private.preview_reversal(%L)', (select batch_id from mentorcert_private.extensions))),
  'true', 'the day of before'
);
select is(tests.attempt('cora', $$ select id from public.renew_certification(tests.id('mia.basic')) $$), 'mia.basic', 'cora may renew');
do $$ begin perform tests.perform('cora', 'select public.renew_certification(tests.id(''mia.basic''))'); end $$;
select is(tests.reversal(), 'mia.basic changed_since', 'what was renewed since is not taken back');
do $$
begin
  perform tests.perform('adam', format(
    'select public.revert_change(tests.id(''mia.basic''), %L::uuid, ''why'')', tests.newest('mia.basic') ->> 'entry_id'
  ));
end
$$;
select is(tests.reversal(), 'mia.basic reverted', 'unless the renewal was');
select is(
  tests.perform('adam', format('select public.revert_change(%L::uuid, ''over'')', (select batch_id from mentorcert_private.extensions))), '1',
  'adam takes it back'
);
select is(
  (select tests.name(reverted_by) || ' ' || reversal_reason from mentorcert_private.extensions where reverted_at = now()), 'adam over', 'which is noted'
);
select is(tests.reversal(), 'mia.basic changed_since', 'a second time it cannot be');
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'x');
select is(tests.reversal(), 'MC010 endpoint_enabled', 'switched off with the certifications');
select is(
  tests.attempt('adam', $$ select 1 from mentorcert_private.preview_extension('basic', tests.today(100)) $$), 'MC010 endpoint_enabled', 'as is the preview'
);

select * from finish();
rollback;
