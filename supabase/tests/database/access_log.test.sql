\ir fixture.psql
-- Who read what, as those write it who answer requests; and how long logs are kept.

select tests.perform('dora@alfa', $$ select mentorcert_private.log_access('certifications', array[tests.id('alfa'), tests.id('alfa')], 'r-1') $$);
select is(
  (
    select concat_ws(
      ' ', tests.name(user_id), endpoint, request_id, array(select tests.name(id) from unnest(row_organisation_ids) as id),
      array(select tests.name(id) from unnest(organisation_ids) as id order by 1), recorded_at = now()
    )
    from mentorcert_private.access_log
  ),
  'dora certifications r-1 {alfa} {alfa,beta} t', 'the user, all organisations of the user, and each organisation of the rows once'
);
select tests.perform('nora', $$ select mentorcert_private.log_access('/mentors/{id}', '{}', 'r-2') $$);
select is(
  (select array_length(organisation_ids, 1) from mentorcert_private.access_log where request_id = 'r-2'), null, 'a login without memberships'
);
select is(tests.attempt('adam', statement), expected, statement)
from (
  values
    ($$ select mentorcert_private.log_access('mentors?name=Kari Nordmann', '{}', 'r') $$, '23514 access_log_endpoint_valid'),
    ($$ select mentorcert_private.log_access('mentors', '{}', 'Kari Nordmann') $$, '23514 access_log_request_id_valid'),
    ($$ select count(*) from mentorcert_private.access_log $$, '42501'),
    ($$ insert into mentorcert_private.access_log (user_id) values (tests.id('bea')) $$, '42501')
) as tried (statement, expected);
select is(
  tests.attempt(who, $$ select mentorcert_private.log_access('mentors', '{}', 'r') $$), '42501', who || ' has no user whose access it could log'
)
from unnest(array['anon', 'service_role']) as who;

insert into mentorcert_private.access_log (recorded_at, user_id, organisation_ids, endpoint, row_organisation_ids, request_id) values
  (now() - interval '366 days', tests.id('adam'), '{}', 'mentors', '{}', 'old'),
  (now() - interval '364 days', tests.id('adam'), '{}', 'mentors', '{}', 'young');
insert into mentorcert.audit_log (id, recorded_at, table_name, row_id, action, actor) values
  (tests.id('old'), now() - interval '10 years 1 day', 'x', '1', 'erase', '{}'),
  (tests.id('young'), now() - interval '9 years', 'x', '2', 'erase', '{}');
select is(tests.attempt('owner', statement), 'MC005 access_log_append_only', statement)
from unnest(array[
  $$ update mentorcert_private.access_log set endpoint = 'x' $$, $$ delete from mentorcert_private.access_log where request_id = 'young' $$,
  $$ truncate mentorcert_private.access_log $$
]) as statement;
select lives_ok($$ select mentorcert_private.delete_outdated() $$, 'what is outdated is deleted');
select set_eq(
  $$
    select request_id from mentorcert_private.access_log
    union all
    select tests.name(id) from mentorcert.audit_log where table_name = 'x'
  $$,
  array['r-1', 'r-2', 'young', 'young'], 'each log is kept as long as it says'
);
update mentorcert_private.log_retention set keep = '30 days';
select lives_ok($$ select mentorcert_private.delete_outdated() $$, 'it is deleted by another setting');
select is((select count(*) from mentorcert_private.access_log where request_id = 'young'), 0::bigint, 'the setting counts');

select * from finish();
rollback;
