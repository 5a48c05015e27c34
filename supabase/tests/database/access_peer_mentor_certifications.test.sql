\ir fixture.psql
-- Who reads, registers and changes certifications in peer_mentor_certifications.

select tests.everybody_gets(
  $$ select id from public.peer_mentor_certifications $$,
  'peer mentors read their own, coordinators those of their chapters and of those below, administrators all',
  'adam: cait.basic,lone.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life',
  'bea bob: bert.basic,dora.basic', 'cora dora@alfa mia: mia.basic,mia.short',
  'mixa: mia.basic,mia.short,mixa.basic', 'sev: lone.basic,mixa.basic,per.life',
  'paula: cait.basic,mia.basic,mia.short,per.life', 'per: per.life', 'dora@beta: dora.basic', 'dora gone nora: ',
  'anon: 42501',
  'service_role: bert.basic,cait.basic,dora.basic,lone.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life'
);
select is(
  tests.attempt('mia', $$ select id from public.peer_mentor_certifications where peer_mentor_id = tests.id('per') $$),
  '', 'a peer mentor does not read another''s certifications'
);
select tests.everybody_gets(
  $$
    select array_length(array_agg(entry), 1) from public.certification_history(tests.id('mia.basic')) as entry
  $$,
  'who reads a certification reads its history',
  'adam cora dora@alfa mia mixa paula service_role: 1', 'anon: 42501',
  'bea bob dora dora@beta gone nora per sev: '
);

-- Registering, by an INSERT that names no organisation.
select tests.everybody_gets(
  $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
    values (tests.id('mia'), 'life', tests.day(-1)) returning tests.name(organisation_id)
  $$,
  'coordinators of one of the chapters, or above it, and administrators register',
  'adam cora dora@alfa mixa paula: alfa', 'anon: 42501',
  'bea bob dora dora@beta gone mia nora per service_role sev: 42501 certification_right'
);
select tests.everybody_gets(
  $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
    values (tests.id('lone'), 'life', tests.day(-1)) returning tests.name(organisation_id)
  $$,
  'who is only a peer mentor in a chapter registers nothing there',
  'adam sev: alfa', 'anon: 42501',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role: 42501 certification_right'
);
select is(
  tests.attempt('service_role', $$
    insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
    values (tests.id('alfa'), tests.id('mia'), 'life', tests.day(-1))
  $$),
  '1 rows', 'the service key names the organisation'
);

-- Changing; a change that reads nothing is held by the policy for UPDATE alone.
select tests.everybody_gets(
  $$ update public.peer_mentor_certifications set expires_at = expires_at returning id $$,
  'coordinators of one of the chapters, or above it, and administrators change',
  'adam: cait.basic,lone.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life',
  'bea bob: bert.basic,dora.basic', 'cora dora@alfa mixa: mia.basic,mia.short',
  'sev: lone.basic,mixa.basic,per.life', 'paula: cait.basic,mia.basic,mia.short,per.life', 'anon: 42501',
  'dora dora@beta gone mia nora per: ',
  'service_role: bert.basic,cait.basic,dora.basic,lone.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life'
);
select tests.everybody_gets(
  $$ update public.peer_mentor_certifications set certification_type = 'no-such-type' $$,
  'nor does a change that reads nothing reach further', 'anon: 42501', 'dora dora@beta gone mia nora per: 0 rows',
  'adam bea service_role: MC002 certification_type_known',
  'bob cora dora@alfa mixa paula sev: 42501 certification_right'
);
select tests.everybody_gets(
  $$ delete from public.peer_mentor_certifications $$, 'nobody deletes a certification', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ truncate public.peer_mentor_certifications, mentorcert.certification_renewal_events $$,
  'nobody empties the table', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);

-- The policies alone, with the trigger's own check of the right out of the way. A new row has no chapters yet then.
alter table public.peer_mentor_certifications disable trigger record_change_on_insert;
select tests.everybody_gets(
  $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
    values (tests.id('mia'), 'life', tests.day(-1))
  $$,
  'the policy for INSERT alone lets administrators through',
  'adam: 1 rows', 'bea: 23503 peer_mentor_certifications_peer_mentor_id_fkey', 'service_role: 23502',
  'anon bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501'
);
grant insert (chapter_ids) on public.peer_mentor_certifications to authenticated;
select tests.everybody_gets(
  $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, chapter_ids)
    values (tests.id('mia'), 'life', tests.day(-1), array[tests.id('1a')])
  $$,
  'and coordinators of one of the row''s chapters',
  'adam cora dora@alfa mixa paula: 1 rows', 'bea: 23503 peer_mentor_certifications_peer_mentor_id_fkey',
  'service_role: 23502', 'anon bob dora dora@beta gone mia nora per sev: 42501'
);

select * from finish();
rollback;
