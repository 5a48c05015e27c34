\ir fixture.psql
-- Who reads consents, and that nobody writes them but by a change of the consent.

select tests.everybody_gets(
  $$ select peer_mentor_id from mentorcert.listing_consents $$,
  'peer mentors read their own, coordinators those of their chapters and of those below, administrators all',
  'adam: lone,mia,per', 'cora dora@alfa mia mixa: mia', 'sev: lone,per', 'paula: mia,per', 'per: per', 'bea bob: bert',
  'dora dora@beta gone nora: ', 'anon: 42501', 'service_role: bert,lone,mia,per'
);
select tests.everybody_gets(
  $$
    insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way)
    values (tests.id('alfa'), tests.id('mia'), true, now(), '{}', 'form')
  $$,
  'nobody adds one', 'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ update mentorcert.listing_consents set is_given = true $$, 'nobody changes one',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ delete from mentorcert.listing_consents $$, 'nobody removes one',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
);
select tests.everybody_gets(
  $$ select public.set_listing_consent(tests.id('mia'), false) $$, 'the person, the chapter''s coordinators and the administrator withdraw it',
  'adam cora dora@alfa mia mixa paula: true', 'bea bob dora dora@beta gone nora per sev: 42501 certification_right',
  'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select public.consent_as_of(tests.id('mia'), clock_timestamp()) $$, 'who may read it learns what it was',
  'adam cora dora@alfa mia mixa paula service_role: true', 'bea bob dora dora@beta gone nora per sev: ', 'anon: 42501'
);

select * from finish();
rollback;
