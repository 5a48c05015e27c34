\ir fixture.psql
-- The history in certification_renewal_events: moved there in batches, verified, switched; then written there.

create function tests.grow(certification text, entries integer) returns void
language plpgsql
as $$
begin
  set local session_replication_role = replica;
  update public.peer_mentor_certifications
  set renewal_history = (
    select jsonb_agg(tests.newest(certification) || jsonb_build_object('entry_id', tests.id('e' || number), 'note', number))
    from generate_series(1, entries) as number
  )
  where id = tests.id(certification);
  set local session_replication_role = origin;
end
$$;
create function tests.stored(certification text) returns text
language sql
as $$
  select format(
    '%s events to %s, %s in JSONB to %s',
    (select count(*) from mentorcert.certification_renewal_events where certification_id = certification.id),
    (select entry ->> 'kind' from mentorcert.certification_renewal_events where certification_id = certification.id order by position desc limit 1),
    jsonb_array_length(certification.renewal_history), certification.renewal_history #>> '{-1,kind}'
  )
  from public.peer_mentor_certifications as certification where certification.id = tests.id(stored.certification)
$$;

select tests.grow('mia.basic', 120);
select is(tests.perform('owner', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('per.life') $$), '1 rows', 'a change');
select is(tests.stored('per.life'), '0 events to , 2 in JSONB to suspended', 'before the move goes to the JSONB');

select is(tests.perform('owner', $$ select concat_ws(' ', looked_at, changed > 3) from mentorcert_private.copy_histories_to_events(null, 4) $$), '4 t', 'a batch is copied');
select is(tests.perform('owner', $$ select concat_ws(' ', looked_at, changed) from mentorcert_private.copy_histories_to_events(null, 4) $$), '4 0', 'again: nothing twice');
select is(tests.perform('owner', $$ select looked_at from mentorcert_private.copy_histories_to_events(null, 100) $$), '10', 'the rest');
select is(tests.perform('owner', $$ update public.peer_mentor_certifications set status = 'active' where id = tests.id('per.life') $$), '1 rows', 'a change meanwhile');
select is(tests.stored('per.life'), '2 events to suspended, 3 in JSONB to reinstated', 'still goes to the JSONB');

-- An event that is not what the JSONB says stops the switch.
set local session_replication_role = replica;
update mentorcert.certification_renewal_events set entry = entry || '{"note": "forged"}' where certification_id = tests.id('per.life') and position = 1;
set local session_replication_role = origin;
select is(tests.attempt('owner', 'select mentorcert_private.switch_history_to_events()'), 'MC005 certification_events_complete', 'a forged event stops the switch');
select is(tests.attempt('owner', 'select mentorcert_private.copy_histories_to_events(null, 100)'), 'MC005 certification_events_complete', 'and the batch');
set local session_replication_role = replica;
update mentorcert.certification_renewal_events set entry = entry - 'note' where certification_id = tests.id('per.life') and position = 1;
set local session_replication_role = origin;

create table tests.before_the_switch as
select id, public.certification_history(id) as entry from public.peer_mentor_certifications;
select is(tests.perform('owner', 'select mentorcert_private.switch_history_to_events()'), '', 'the switch');
select is(tests.stored('per.life'), '3 events to reinstated, 3 in JSONB to reinstated', 'takes the change meanwhile along');
select bag_eq(
  'select id, public.certification_history(id) as entry from public.peer_mentor_certifications',
  'select id, entry from tests.before_the_switch', 'every history is what it was'
);
select is(
  (select array_agg(event.position order by event.position) = array_agg(entries.position::integer order by event.position)
    from public.peer_mentor_certifications as certification,
      jsonb_array_elements(certification.renewal_history) with ordinality as entries (entry, position),
      mentorcert.certification_renewal_events as event
    where event.certification_id = certification.id and event.entry = entries.entry),
  true, 'in the same order'
);

-- From now on.
select is(tests.perform('cora', $$ select id from public.renew_certification(tests.id('mia.basic')) $$), 'mia.basic', 'a change of a long history');
select is(tests.stored('mia.basic'), '121 events to renewed, 50 in JSONB to renewed', 'goes to the events; the JSONB keeps the newest 50');
select is(
  tests.attempt('mia', $$ select count(*) from public.certification_history(tests.id('mia.basic')) $$), '121', 'the whole history is read'
);
select is(tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'mia.basic', 'the next change');
select is(tests.stored('mia.basic'), '122 events to suspended, 50 in JSONB to suspended', 'goes the same way');
select is(
  tests.perform('cora', format(
    'select status from public.revert_change(tests.id(''mia.basic''), %L, ''why'')', tests.newest('mia.basic') ->> 'entry_id'
  )),
  'active', 'a change is taken back'
);
select is(
  tests.perform('cora', format(
    'select id from public.revert_change(tests.id(''mia.basic''), %L, ''why'')', tests.history('mia.basic') #>> '{120,entry_id}'
  )),
  'mia.basic', 'and an older one'
);
select is(tests.stored('mia.basic'), '124 events to reverted, 50 in JSONB to reverted', 'by an event each');
select is(tests.perform('owner', $$ select expired from mentorcert_private.expire_due_certifications(tests.day(15)) $$), '1', 'a night passes');
select is(tests.newest('mia.short') ->> 'kind', 'expired', 'the nightly run writes events');
select is(
  tests.perform('cora', $$ select jsonb_array_length(renewal_history) from public.register_certification(tests.id('mia'), 'life') $$),
  '1', 'a new certification'
);
select is(
  (select count(*) from mentorcert.certification_renewal_events as event
    join public.peer_mentor_certifications as certification on certification.id = event.certification_id
    where certification.certification_type = 'life' and certification.peer_mentor_id = tests.id('mia')),
  1::bigint, 'has its event'
);
select is(
  tests.perform('adam', $$ select public.extend_certifications('basic', tests.today(900), 'why') is not null $$), 'true', 'a batch is extended'
);
select is(
  tests.perform('adam', format('select public.revert_change(%L::uuid, ''why'')', tests.newest('mia.basic') ->> 'batch_id')), '5', 'and taken back'
);
select is(tests.stored('mia.basic'), '126 events to reverted, 50 in JSONB to reverted', 'by events');

-- Those that nobody changed are cut by the last step.
select tests.grow('lost.basic', 60);
insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
select (entries.entry ->> 'entry_id')::uuid, organisation_id, id, 100 + entries.position, entries.entry
from public.peer_mentor_certifications, jsonb_array_elements(renewal_history) with ordinality as entries (entry, position)
where id = tests.id('lost.basic');
select is(tests.perform('owner', 'select changed from mentorcert_private.trim_histories(null, 100)'), '1', 'one long JSONB is left');
select is(jsonb_array_length(renewal_history), 50, 'and cut to 50') from public.peer_mentor_certifications where id = tests.id('lost.basic');
select is(
  tests.attempt('owner', $$ update public.peer_mentor_certifications set renewal_history = '[]' where id = tests.id('mia.basic') $$),
  'MC005 certification_history_append_only', 'and by nobody else'
);

select * from finish();
rollback;
