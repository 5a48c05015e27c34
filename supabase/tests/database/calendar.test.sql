\ir fixture.psql
-- Days and instants that no calendar, client or program can hold are stored nowhere and taken by no function.

select is_empty(
  $$
    select attribute.attrelid::regclass || '.' || attribute.attname
    from pg_catalog.pg_attribute as attribute
    join pg_catalog.pg_class as class on class.oid = attribute.attrelid
    where
      class.relkind in ('r', 'p') and attribute.attnum > 0 and not attribute.attisdropped
      and class.relnamespace::regnamespace::text in ('mentorcert', 'mentorcert_private', 'mentorcert_portal')
      and attribute.atttypid::regtype::text in ('date', 'timestamp with time zone', 'timestamp without time zone')
      and not exists (
        select from pg_catalog.pg_constraint as bound
        where bound.conrelid = class.oid and bound.contype = 'c' and bound.convalidated
          and bound.conname = format('%s_%s_in_calendar', class.relname, attribute.attname)
          and pg_get_constraintdef(bound.oid) ~ format('^CHECK \(\(\(%s >= ''1899-12-31.*AND \(%s <= ''9999-12-31', attribute.attname, attribute.attname)
      )
  $$,
  'every column of days and instants is bounded'
);

create table tests.outside (value text);
insert into tests.outside values
  ('infinity'), ('-infinity'), ('0044-03-15 BC'), ('2024-03-15 BC'), ('0001-01-01'), ('1850-01-01'), ('10000-01-01'), ('12000-01-01'), ('200000-01-01');

select matches(
  tests.attempt('service_role', format('update mentorcert.%I set ended_at = %L where id = tests.id(%L)', table_name, value, row_name)),
  '^23514 ' || table_name || '_ended_at_', format('no %s ends at %s', table_name, value)
)
from tests.outside cross join (values ('memberships', 'm.cora'), ('peer_mentor_chapters', 'mia.1a')) as rows (table_name, row_name);
select is(
  tests.attempt('adam', format('update mentorcert.%I set ended_at = %L where id = tests.id(%L)', table_name, '2201-01-01', row_name)),
  format('23514 %s_ended_at_valid', table_name), 'an end so far away is a slip of the hand: ' || table_name
)
from (values ('memberships', 'm.cora'), ('peer_mentor_chapters', 'mia.1a')) as rows (table_name, row_name);

select is(
  tests.attempt('adam', format(call, value)), 'MC008 ' || argument, format('%s takes no %s %s', split_part(call, '(', 1), argument, value)
)
from tests.outside
cross join (
  values
    ($$ select public.register_certification(tests.id('mia'), 'life', %L) $$, 'issued_on'),
    ($$ select public.register_certification(tests.id('mia'), 'life', null, %L) $$, 'last_valid_day'),
    ($$ select public.renew_certification(tests.id('mia.basic'), %L) $$, 'renewed_on'),
    ($$ select public.renew_certification(tests.id('mia.basic'), null, %L) $$, 'last_valid_day'),
    ($$ select public.preview_changes('renew', array[tests.id('mia.basic')], %L) $$, 'renewed_on'),
    ($$ select public.change_certifications('renew', array[tests.id('mia.basic')], %L) $$, 'renewed_on'),
    ($$ select public.extend_certifications('basic', %L, 'why') $$, 'last_valid_day'),
    ($$ select public.extend_certifications('basic', '2030-01-01', 'why', null, %L) $$, 'expired_since'),
    ($$ select public.certification_as_of(tests.id('mia.basic'), %L) $$, 'at'),
    ($$ select public.consent_as_of(tests.id('mia'), %L) $$, 'at'),
    ($$ select public.certification_as_of(tests.id('mia.basic'), now(), %L) $$, 'known_at'),
    ($$ select public.certifications_page(after_expires_at => %L, after_id => tests.id('mia.basic')) $$, 'after_expires_at'),
    ($$ select public.certifications_page(expiring_before => %L) $$, 'expiring_before'),
    ($$ select public.search_certifications(first_day => %L) $$, 'first_day'),
    ($$ select public.search_certifications(last_day => %L) $$, 'last_day')
) as calls (call, argument);

analyze mentorcert_portal.connections; -- empty and known to be so: no plan may leave a check out
select is(
  tests.attempt('owner', format(call, value)), 'MC008 as_of', format('%s takes no as_of %s', substring(call from 'portal\.(\w+)'), value)
)
from tests.outside
cross join unnest(array[
  $$ select mentorcert_portal.connect(tests.id('alfa'), 'webhook', 'v1', 'why', as_of => %L) $$,
  $$ select mentorcert_portal.set_mode(tests.id('alfa'), 'live', 'why', as_of => %L) $$,
  $$ select mentorcert_portal.due(%L) $$,
  $$ select mentorcert_portal.claim(tests.id('alfa'), as_of => %L) $$,
  $$ select mentorcert_portal.requeue(tests.id('alfa'), as_of => %L) $$,
  $$ select mentorcert_portal.acknowledge(tests.id('alfa'), '[]', 'w', as_of => %L) $$,
  $$ select mentorcert_portal.fail(tests.id('alfa'), '[]', 'w', as_of => %L) $$,
  $$ select mentorcert_portal.reconciliations_due(%L) $$,
  $$ select mentorcert_portal.renew_reconciliation(1, %L) $$
]) as call;
select mentorcert_portal.connect(tests.id('alfa'), 'webhook', 'v1', 'why');
select is(
  tests.attempt(who, format(call, jsonb_build_object('since', value))), 'MC008 since', format('%s takes no replay since %s', who, value)
)
from tests.outside
cross join (
  values
    ('owner', $$ select mentorcert_portal.start_replay(tests.id('alfa'), %L, 'why') $$),
    ('adam', $$ select mentorcert_portal.request_replay(%L, 'why') $$),
    ('adam', $$ select mentorcert_private.preview_replay(%L) $$)
) as calls (who, call);

create table tests.ledger as select * from mentorcert_private.nights;
select is(tests.attempt('owner', format('select mentorcert_private.run_nightly(%L)', value)), 'MC008 as_of', 'there is no night of ' || value)
from (select value from tests.outside union all values ('9000-01-01')) as moments;
select is(tests.attempt('owner', format('select mentorcert_private.start_notices(%L)', value)), 'MC008 as_of', 'nor a morning')
from tests.outside;
select set_eq('select * from mentorcert_private.nights', 'select * from tests.ledger', 'the ledger knows of none');

select is(
  tests.attempt('owner', format(
    $$
      insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, renewal_history)
      values (tests.id('alfa'), tests.id('lone'), 'life', tests.day(-1), jsonb_build_array(jsonb_build_object(
        'schema_version', 1, 'entry_id', gen_random_uuid(), 'kind', 'imported', 'actor', '{}'::jsonb, 'recorded_at', %L,
        'effective_at', tests.day(-2), 'after', '{"certification_type": "life", "issued_at": null, "expires_at": null, "status": "active"}'::jsonb
      )))
    $$, value
  )),
  'MC008 recorded_at', 'no history says that it was learned at ' || value
)
from tests.outside;

select * from finish();
rollback;
