\ir fixture.psql
-- Who reads and changes certification_renewal_events, the home of the history once it has moved.

update mentorcert_private.history_storage set mode = 'events';
update public.peer_mentor_certifications set status = 'suspended' where status = 'active';

select tests.everybody_gets(
  $$ select distinct certification_id from mentorcert.certification_renewal_events $$,
  'who reads a certification reads its events',
  'adam: cait.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life',
  'bea bob: bert.basic,dora.basic', 'cora dora@alfa mia: mia.basic,mia.short',
  'mixa: mia.basic,mia.short,mixa.basic', 'sev: mixa.basic,per.life',
  'paula: cait.basic,mia.basic,mia.short,per.life', 'per: per.life', 'dora@beta: dora.basic', 'dora gone nora: ',
  'anon: 42501',
  'service_role: bert.basic,cait.basic,dora.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
    values (tests.id('e'), tests.id('alfa'), tests.id('mia.basic'), 9, jsonb_build_object('entry_id', tests.id('e')))
  $$,
  'nobody adds an event', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.certification_renewal_events set position = position + 1 $$, 'nobody changes an event', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ delete from mentorcert.certification_renewal_events $$, 'nobody deletes an event', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);

select * from finish();
rollback;
