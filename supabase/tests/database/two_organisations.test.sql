\ir fixture.psql
-- In which organisation somebody acts who is a member of several, and what a token may say of it.

create function tests.organisation_of(who text, claims jsonb) returns text
language sql
as $$ select tests.attempt(who, 'select public.get_user_organisation_id()', claims) $$;

select is(tests.organisation_of('adam', '{}'), 'alfa', 'the only organisation needs no claim');
select is(
  tests.organisation_of('adam', jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', tests.id('beta')))),
  'alfa', 'and a claim for a strange one changes nothing'
);
select is(tests.organisation_of('nora', '{}'), '', 'who is a member of none acts in none');
select is(
  tests.organisation_of('nora', jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', tests.id('alfa')))),
  '', 'whatever the claim'
);
select is(tests.organisation_of('gone', '{}'), '', 'nor who was one');

select is(tests.organisation_of('dora', '{}'), '', 'a member of two without a claim acts in none');
select is(
  tests.organisation_of('dora', claims), expected, 'a member of two with the claim ' || claims::text
)
from (
  values
    (jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', tests.id('alfa'))), 'alfa'),
    (jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', tests.id('beta'))), 'beta'),
    (jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', upper(tests.id('alfa')::text))), 'alfa'),
    (jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', tests.id('gamma'))), ''),
    (jsonb_build_object('user_metadata', jsonb_build_object('organisation_id', tests.id('alfa'))), ''),
    (jsonb_build_object('organisation_id', tests.id('alfa')), ''),
    ('{"app_metadata": {"organisation_id": "no uuid"}}', ''),
    ('{"app_metadata": {"organisation_id": ""}}', ''),
    ('{"app_metadata": {"organisation_id": null}}', ''),
    ('{"app_metadata": {"organisation_id": 7}}', ''),
    ('{"app_metadata": {"organisation_id": ["alfa"]}}', ''),
    ('{"app_metadata": "text"}', ''),
    ('{"app_metadata": null}', '')
) as claim (claims, expected);

select is(
  tests.attempt(who, 'select id from unnest(mentorcert_private.coordinated_chapter_ids() || mentorcert_private.own_peer_mentor_ids()) as id'), expected,
  who || ' reaches what the one organisation gives'
)
from (values ('dora@alfa', '1a'), ('dora@beta', 'dora'), ('dora', '')) as reached (who, expected);
select is(tests.attempt('dora@alfa', 'select id from mentorcert.peer_mentors'), 'mia', 'as coordinator in the one');
select is(tests.attempt('dora@beta', 'select id from mentorcert.peer_mentors'), 'dora', 'as peer mentor in the other');
select is(
  tests.attempt('dora@beta', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$),
  '42501 certification_right', 'the role in the one is none in the other'
);
select is(
  tests.attempt('dora@alfa', $$ select public.suspend_certification(tests.id('dora.basic'), 'why') $$),
  '42501 certification_right', 'nor is the own certification in the other reached'
);

select tests.everybody_gets(
  $$ select id from public.own_organisations() $$, 'everybody sees those of the own memberships, whatever the claim',
  'adam cora mia mixa paula per sev: alfa', 'bea bob: beta', 'dora dora@alfa dora@beta: alfa,beta', 'gone nora: ',
  'anon service_role: 42501'
);
select is(
  tests.attempt(
    'dora', 'select id from public.own_organisations()',
    jsonb_build_object('app_metadata', jsonb_build_object('organisation_id', tests.id('gamma')))
  ),
  'alfa,beta', 'also where it names one that is not there'
);
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('organisations', 'A test');
select is(
  tests.attempt('dora', 'select id from public.own_organisations()'), 'MC010 endpoint_enabled',
  'but not while the endpoint is switched off'
);
delete from mentorcert_private.disabled_endpoints;

update mentorcert.memberships set ended_at = now() where id = tests.id('m.dora.beta');
select is(tests.attempt('dora', 'select id from public.own_organisations()'), 'alfa', 'who has left one does not see it');
select is(tests.organisation_of('dora', '{}'), 'alfa', 'who has left the one needs no claim any more');

-- Claims that name nobody.
create function tests.seen_with(claims text) returns text
language plpgsql
as $$
declare
  seen bigint;
begin
  begin
    perform set_config('request.jwt.claims', claims, true), set_config('role', 'authenticated', true);
    select count(*) into seen from public.peer_mentor_certifications;
  exception when others then
    perform tests.act_as_owner();
    return sqlstate;
  end;
  perform tests.act_as_owner();
  return seen;
end
$$;
select is(tests.seen_with(''), '0', 'without claims nothing is seen');
select is(tests.seen_with('{}'), '0', 'with empty claims nothing is seen');
select is(tests.seen_with('{"role": "service_role"}'), '0', 'a role in the token is not a role of the database');
select is(tests.seen_with('{"sub": null}'), '0', 'with a null sub nothing is seen');
select is(tests.seen_with('{"sub": "no uuid"}'), '22P02', 'with a sub that is no uuid nothing is seen');

select * from finish();
rollback;
