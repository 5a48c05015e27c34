\ir fixture.psql
-- A consent is an act with a history: what was said last counts, and an older yes never undoes a later no.

create function tests.acts(who text) returns text
language sql stable as $$
  select string_agg(
    case when act.is_given then 'given' else 'withdrawn' end || ' by ' || act.way || coalesce(' (' || act.reason || ')', ''), ', '
    order by act.recorded_at
  )
  from mentorcert.listing_consents as act where act.peer_mentor_id = tests.id(who)
$$;

select is(tests.acts('mia'), 'given by sql', 'a consent that a new peer mentor comes with is an act');
select is(tests.acts('cait'), null, 'none is not');
select is(tests.perform('mia', $$ select public.set_listing_consent(tests.id('mia'), false, E' I\u200b move ') $$), 'true', 'the person withdraws it');
select is(tests.perform('mia', $$ select public.set_listing_consent(tests.id('mia'), false) $$), 'false', 'once');
select is((select listing_consent from mentorcert.peer_mentors where id = tests.id('mia')), false, 'it is so at once');
select is_empty($$ select 1 from public.listed_peer_mentors where peer_mentor_id = tests.id('mia') $$, 'also on the public list');

-- An older yes, by every door
select is(
  tests.attempt(who, $$ update mentorcert.peer_mentors set listing_consent = true, phone = '12345678' where id = tests.id('mia') $$),
  'MC020 listing_consent_withdrawn', who || ' writes the whole row as it was'
) from unnest(array['adam', 'service_role', 'owner']) as who;
select is(
  tests.attempt('owner', $$
    insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, listing_consent)
    values (tests.id('alfa'), 'mia', 'Mia', true)
    on conflict (organisation_id, external_id) do update set listing_consent = excluded.listing_consent
  $$),
  'MC020 listing_consent_withdrawn', 'or by an upsert'
);
select is(tests.attempt('adam', $$ update mentorcert.peer_mentors set listing_consent = false, phone = '12345678' where id = tests.id('mia') $$), '1 rows', 'a no is no news');
select is(
  tests.attempt('adam', $$ update mentorcert.peer_mentors set listing_consent = false $$), 'MC008 listing_consent_one_at_a_time',
  'nobody ends all consents by one statement'
);
select is(tests.perform('adam', $$ update mentorcert.peer_mentors set phone = '12345678' where id = tests.id('mia') $$), '1 rows', 'another column');
select is(tests.acts('mia'), 'given by sql, withdrawn by mentor (I move)', 'what was refused is no act, nor what changes something else');
select is(
  tests.perform('adam', $$ insert into mentorcert.peer_mentors (external_id, full_name, listing_consent) values ('new', 'New', true) $$), '1 rows',
  'somebody new who consents'
);
select is(
  (select act.way from mentorcert.listing_consents as act join mentorcert.peer_mentors as mentor on mentor.id = act.peer_mentor_id where mentor.external_id = 'new'),
  'api', 'has an act'
);

-- Given again, by an act of its own
select mentorcert_private.set_change_context('{"way": "form"}');
select is(tests.perform('cora', $$ select public.set_listing_consent(tests.id('mia'), true, 'Signed again') $$), 'true', 'by a form');
select mentorcert_private.set_change_context(null);
select is(tests.perform('adam', $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('mia') $$), '1 rows', 'withdrawn by another client');
select mentorcert_private.set_change_context('{"job": "portal"}');
select is(tests.perform('owner', $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('per') $$), '1 rows', 'withdrawn at the portal');
select mentorcert_private.set_change_context(null);
select is(tests.acts('mia'), 'given by sql, withdrawn by mentor (I move), given by form (Signed again), withdrawn by api', 'in their order');
select is(tests.acts('per'), 'given by sql, withdrawn by portal', 'each by its way');
select is(
  (select string_agg(actor ->> 'role', ',' order by recorded_at) from mentorcert.listing_consents where peer_mentor_id = tests.id('mia') and actor ->> 'user_id' is not null),
  'peer_mentor,coordinator,org_admin', 'and by whom'
);
select is(
  (
    select string_agg(public.consent_as_of(tests.id('mia'), act.recorded_at)::text, ',' order by act.recorded_at)
    from mentorcert.listing_consents as act where act.peer_mentor_id = tests.id('mia')
  ),
  'true,false,true,false', 'at each instant it is what was said last'
);
select is(public.consent_as_of(tests.id('mia'), '2020-01-01'), false, 'before the first, it is not given');
select ok(bool_and(recorded_at > now()), 'the time is the clock, not the transaction''s') from mentorcert.listing_consents;

-- Append-only
select is(tests.attempt('owner', statement), 'MC005 listing_consents_append_only', statement)
from unnest(array[
  $$ update mentorcert.listing_consents set is_given = true $$, $$ update mentorcert.listing_consents set reason = null where reason is not null $$,
  $$ delete from mentorcert.listing_consents $$, $$ truncate mentorcert.listing_consents $$
]) as statement;
select is(
  tests.attempt('adam', statement), expected, statement
)
from (
  values
    ($$ select public.set_listing_consent(tests.id('mia'), null) $$, 'MC008 listing_consent_act'),
    ($$ select public.set_listing_consent(tests.id('mia'), true, repeat('x', 2001)) $$, 'MC008 listing_consent_act'),
    ($$ select public.set_listing_consent(gen_random_uuid(), true) $$, '42501 certification_right')
) as attempts (statement, expected);

-- An erasure takes the words out, and the login of the person
select lives_ok($$ select mentorcert_private.erase_peer_mentor(tests.id('mia')) $$, 'erased');
select is_empty(
  $$ select 1 from mentorcert.listing_consents where peer_mentor_id = tests.id('mia') and (reason is not null or actor ->> 'user_id' = tests.id('mia')::text) $$,
  'nothing says who it was'
);
select is_empty(
  $$ select 1 from mentorcert.audit_log where actor ->> 'user_id' = tests.id('mia')::text $$, 'nor does the audit log'
);
select is(tests.attempt('adam', $$ select public.set_listing_consent(tests.id('mia'), true) $$), '42501 certification_right', 'and it is not given any more');
select is(tests.attempt('adam', $$ select 1 from mentorcert.listing_consents where peer_mentor_id = tests.id('mia') $$), '', 'nor read');

select * from finish();
rollback;
