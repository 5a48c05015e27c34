\ir fixture.psql
-- Certificates: who says what stands on them, and what the check of a code says.

select tests.everybody_gets(
  $$ select signatory from public.certificate_design() $$, 'there is no design yet',
  'adam bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select public.set_certificate_design('Kari Nord', 'Leader', null, true)::text as done $$, 'administrators write it',
  'adam bea: ', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.perform('adam', statement), expected, statement)
from (
  values
    ($$ select public.set_certificate_design(E'x\u0001', null, null, true) $$, '23514 certificate_designs_signatory_characters'),
    ($$ select public.set_certificate_design(repeat('x', 101), null, null, true) $$, '23514 certificate_designs_signatory_length'),
    ($$ select public.set_certificate_design(' ', 'Leader', null, true) $$, '23514 certificate_designs_signatory_valid'),
    ($$ select public.set_certificate_design('x', null, '\x3c7376673e3c2f7376673e', true) $$, '23514 certificate_designs_logo_valid'),
    ($$ select public.set_certificate_design('x', null, '\x89504e470d0a1a0a'::bytea || decode(repeat('00', 300000), 'hex'), true) $$, '23514 certificate_designs_logo_length'),
    ($$ select public.set_certificate_design(E' Kari\u00a0 Nord ', ' Leader ', '\x89504e470d0a1a0a00', true)::text as done $$, '')
) as attempts (statement, expected);
select tests.everybody_gets(
  $$ select concat_ws('/', signatory, signatory_title, encode(logo, 'hex')) as design from public.certificate_design() $$, 'members read it',
  'adam cora dora@alfa mia mixa paula per sev: Kari Nord/Leader/89504e470d0a1a0a00', 'bea bob dora dora@beta gone nora: ', 'anon service_role: 42501'
);
select is(tests.perform('adam', $$ select public.set_certificate_design('Ola', null, null, true)::text as done $$), '', 'another signatory');
select is(tests.perform('adam', $$ select signatory || octet_length(logo) as design from public.certificate_design() $$), 'Ola9', 'keeps the logo');
select is(tests.perform('adam', $$ select public.set_certificate_design(null, null, '\x89504e470d0a1a0a00', false)::text as done $$), '', 'no logo');
select is(tests.perform('adam', $$ select coalesce(logo::text, 'none') as design from public.certificate_design() $$), 'none', 'takes it away');
select is(
  (select string_agg(distinct after::text, ',') from mentorcert.audit_log where table_name = 'certificate_designs' and action = 'update' and after::text ~ 'Ola'),
  '{"signatory": "Ola", "signatory_title": null}', 'the audit log has who signed, and no picture'
);

-- What those of a type say
select tests.everybody_gets(
  format(
    'select public.set_type_certificate(%L, true, ''kan det'', ''can do it'')::text as done',
    (select id from mentorcert.certification_types where organisation_id = tests.id('alfa') and code = 'basic')
  ),
  'administrators write it', 'adam: ', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
create function tests.text_of(gives boolean, nb text, en text, version bigint default null) returns text
language sql set search_path = ''
as $$
  select tests.perform('adam', format(
    'select public.set_type_certificate((select id from mentorcert.certification_types where code = %L and organisation_id = %L), %L, %L, %L, %L)::text as done',
    'basic', tests.id('alfa'), gives, nb, en, version
  ))
$$;
select is(tests.text_of(true, 'kan det', null), '23514 certification_types_certificate_valid', 'in both languages');
select is(tests.text_of(true, '', ''), '23514 certification_types_certificate_valid', 'not empty');
select is(tests.text_of(true, repeat('x', 301), 'x'), '23514 certification_types_certificate_length', 'with an end');
select is(tests.text_of(true, E'x\u0001', 'x'), '23514 certification_types_certificate_characters', 'readable');
select is(tests.text_of(null, null, null), '23502', 'yes or no');
select is(tests.text_of(true, null, null, 99), 'PT409 certification_types_version_current', 'as it was read');
select is(tests.text_of(true, E' kan\u200b det ', 'can do it'), '', 'written');
select is((select certificate_nb from mentorcert.certification_types where organisation_id = tests.id('alfa') and code = 'basic'), 'kan det', 'as everything is');

-- The check of a code
create function tests.said(certification text) returns text
language sql set search_path = ''
as $$
  select tests.attempt('anon', format(
    'select concat_ws(''/'', state, organisation, name_en, initials, expires_at is not null) as said from public.certificate_details(%L)', tests.id(certification)
  ))
$$;
update mentorcert.peer_mentors set full_name = 'Mia-Lise von Øst' where id = tests.id('mia');
select tests.everybody_gets(
  $$ select state || ' ' || initials as said from public.certificate_details(tests.id('mia.basic')) $$, 'everybody gets the same',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: valid M. L. v. Ø.'
);
select is(tests.said('mia.basic'), 'valid/Alfa/' || (select name_en from mentorcert.certification_types where organisation_id = tests.id('alfa') and code = 'basic') || '/M. L. v. Ø./t', 'what the paper must say');
select alike(tests.said('per.life'), 'valid/Alfa/%/f', 'without an end');
select alike(tests.said('lone.basic'), 'expired/Alfa/%', 'expired');
select is(tests.said('nobody'), '', 'an unknown code says nothing');
select is(tests.attempt('anon', 'select state from public.certificate_details(null)'), '', 'nor does none');
select is(tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'mia.basic', 'suspended');
select alike(tests.said('mia.basic'), 'suspended/Alfa/%', 'says so');
select is(tests.perform('cora', $$ select id from public.reinstate_certification(tests.id('mia.basic')) $$), 'mia.basic', 'reinstated');
select is(tests.text_of(false, null, null), '', 'the type gives none any more');
select alike(tests.said('mia.basic'), 'withdrawn/Alfa/%', 'says so, too');
select is(tests.text_of(true, null, null), '', 'it does again');
set local session_replication_role = replica;
update public.peer_mentor_certifications set issued_at = now() + interval '1 microsecond' where id = tests.id('mia.basic');
set local session_replication_role = origin;
select alike(tests.said('mia.basic'), 'expired/%', 'not before its first day');
select mentorcert_private.erase_peer_mentor(tests.id('mia'));
select is(tests.said('mia.basic'), '', 'of somebody erased it says nothing');
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'A test');
select is(tests.said('per.life'), 'MC010 endpoint_enabled', 'off with the certifications');

select * from finish();
rollback;
