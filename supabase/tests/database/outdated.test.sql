\ir fixture.psql
-- A refresher renews for some months after the end, by every path; after that it takes what the type asks for, said in the evidence.

-- The days: the last one on which a refresher renews, and the first end that it still renews.
select is(mentorcert_private.refresher_until(ends, months), expected::date, format('%s and %s months', ends, months))
from (
  values
    (date '2026-02-28', 12, '2027-02-28'), ('2028-02-29', 12, '2029-02-28'), ('2027-02-28', 12, '2028-02-28'),
    ('2026-08-31', 6, '2027-02-28'), ('2026-08-31', 18, '2028-02-29'), ('2026-03-28', 0, '2026-03-28'), ('2026-10-31', 1, '2026-11-30'),
    ('2026-01-31', null, null), (null, 12, null), ('9998-12-31', 1200, '9999-12-31')
) as rules (ends, months, expected);
select is(mentorcert_private.oldest_refreshed_end(day, months), expected::date, format('%s months before %s', months, day))
from (
  values
    (date '2027-02-28', 12, '2026-02-28'), ('2028-02-29', 12, '2027-03-01'), ('2029-02-28', 12, '2028-02-28'), ('2027-03-01', 12, '2026-03-01'),
    ('2027-02-28', 6, '2026-08-28'), ('2026-12-31', 1, '2026-12-01'), ('2026-03-28', 0, '2026-03-28'), ('2026-03-28', null, null)
) as rules (day, months, expected);

-- lone's basic ended on the 71st day before today, mia's short ends on the 9th from today.
create function tests.limit_refresher(months integer, after_lapse text default 'course') returns void
language sql
as $$
  update mentorcert.certification_types as type set refresher_months = months, after_lapse = limit_refresher.after_lapse
  where type.organisation_id = tests.id('alfa')
$$;
create function tests.evidence(basis text) returns jsonb
language sql
as $$
  select jsonb_strip_nulls(jsonb_build_object('seen', 'Diploma', 'seen_on', current_date::text, 'seen_by', 'Cora', 'basis', basis))
$$;
grant execute on function tests.evidence(text) to authenticated, service_role;
create function tests.renewed(certification text) returns text
language sql
as $$
  select format(
    'update public.peer_mentor_certifications set issued_at = tests.day(), expires_at = tests.day(100) where id = %L returning id',
    tests.id(certification)
  )
$$;

-- Expired is not outdated yet, on any page.
select tests.limit_refresher(3);
select is(tests.attempt(who, statement), '', who || ' finds nobody: ' || statement)
from (
  values
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated') as found $$),
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from mentorcert.peer_mentor_chapters as link cross join lateral public.certifications_page(status => 'outdated', chapter_id => link.chapter_id) as found where link.peer_mentor_id = tests.id('lone') $$),
    ('sev', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated') as found $$)
) as asked (who, statement);

select tests.limit_refresher(1);
select is(tests.attempt(who, statement), expected, who || ' too late: ' || statement)
from (
  values
    ('adam', $$ select id from public.renew_certification(tests.id('lone.basic')) $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select id from public.renew_certification(tests.id('lone.basic'), evidence => tests.evidence(null)) $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select id from public.renew_certification(tests.id('lone.basic'), evidence => tests.evidence('registration')) $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select id from public.renew_certification(tests.id('lone.basic'), evidence => tests.evidence('refresher')) $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select public.renew_certification(tests.id('mia.basic'), evidence => tests.evidence('refresher')) $$, 'MC008 certification_evidence_valid'),
    ('adam', $$ select id from public.renew_certification(tests.id('lone.basic'), evidence => tests.evidence('course')) $$, 'lone.basic'),
    ('adam', tests.renewed('lone.basic'), 'MC026 certification_outdated_course'),
    ('service_role', tests.renewed('lone.basic'), 'MC026 certification_outdated_course'),
    ('adam', $$ select public.change_certifications('renew', array[tests.id('lone.basic')]) $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select public.change_certifications('renew', array[tests.id('lone.basic'), tests.id('mia.basic')]) $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select public.change_certifications('renew', array[tests.id('lone.basic')], evidence => tests.evidence('course')) $$, '1'),
    ('adam', $$ select refusal from public.preview_changes('renew', array[tests.id('lone.basic')]) $$, 'certification_outdated_course'),
    -- As of a day on which it was not too late.
    ('adam', $$ select renewed.id from public.peer_mentor_certifications as held cross join lateral public.renew_certification(held.id, public.refresher_until(held)) as renewed where held.id = tests.id('lone.basic') $$, 'lone.basic'),
    ('adam', $$ select public.renew_certification(tests.id('lone.basic'), public.refresher_until(held) + 1) from public.peer_mentor_certifications as held where held.id = tests.id('lone.basic') $$, 'MC026 certification_outdated_course'),
    ('adam', $$ select refusal from public.preview_changes('renew', array[tests.id('lone.basic')], tests.today(-71)) $$, ''),
    ('cora', $$ select id from public.renew_certification(tests.id('mia.basic')) $$, 'mia.basic'),
    ('adam', $$ select public.is_outdated(held) || ' ' || public.after_lapse(held) from public.peer_mentor_certifications as held where held.id = tests.id('lone.basic') $$, 'true course'),
    ('mia', $$ select public.is_outdated(held) || ' ' || (public.refresher_until(held) > tests.today(29)) from public.peer_mentor_certifications as held where held.id = tests.id('mia.basic') $$, 'false true'),
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from public.search_certifications(status => 'outdated') as found $$, 'lone.basic'),
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from public.search_certifications(status => 'outdated', certification_type => 'short') as found $$, ''),
    -- The same of a page: of everybody's, of a chapter's, and of those whom a coordinator of few sees.
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated') as found $$, 'lone.basic'),
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated', certification_type => 'short') as found $$, ''),
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated', expiring_before => tests.day(-80)) as found $$, ''),
    ('adam', $$ select string_agg(tests.name(found.id), ' ') from mentorcert.peer_mentor_chapters as link cross join lateral public.certifications_page(status => 'outdated', chapter_id => link.chapter_id) as found where link.peer_mentor_id = tests.id('lone') $$, 'lone.basic'),
    ('adam', $$ select count(*) from public.certifications_page(status => 'outdated', after_id => tests.id('lone.basic')) $$, '0'),
    ('sev', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated') as found $$, 'lone.basic'),
    ('mia', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated') as found $$, ''),
    -- Nobody shortens it by what is no renewal: an extension and a correction are the administrator's.
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(100) where id = tests.id('lone.basic') returning id $$, 'lone.basic')
) as asked (who, statement, expected);

-- Time goes on under a suspension, and what is suspended is a group of its own.
select is(tests.perform('adam', $$ select id from public.suspend_certification(tests.id('lone.basic'), 'Complaint') $$), 'lone.basic', 'suspended');
select is(tests.attempt('adam', $$ select public.renew_certification(tests.id('lone.basic')) $$), 'MC026 certification_outdated_course', 'it is too late all the same');
select is(
  tests.attempt('adam', $$ select public.is_outdated(held) from public.peer_mentor_certifications as held where held.id = tests.id('lone.basic') $$),
  'false', 'and not in the group'
);
select is(tests.perform('adam', $$ select id from public.reinstate_certification(tests.id('lone.basic')) $$), 'lone.basic', 'reinstated');

-- A new registration, said for good; undone and done again; and what the type asks for is asked for, and nothing else.
select tests.limit_refresher(0, 'registration');
select is(tests.attempt('adam', $$ select public.renew_certification(tests.id('lone.basic'), evidence => tests.evidence('course')) $$), 'MC026 certification_outdated_registration', 'the course is not what it takes');
select is(tests.perform('adam', $$ select id from public.renew_certification(tests.id('lone.basic'), evidence => tests.evidence('registration')) $$), 'lone.basic', 'a new registration is');
select is(tests.newest('lone.basic') #>> '{evidence,basis}', 'registration', 'the history says so');
select is(tests.perform('adam', $$ select public.change_certifications('revert', array[tests.id('lone.basic')], note => 'Mistake') $$), '1', 'it is undone');
select is(
  tests.perform('adam', format($$ select id from public.revert_change(tests.id('lone.basic'), %L::uuid, 'No mistake') $$, tests.newest('lone.basic') ->> 'entry_id')),
  'lone.basic', 'and that again: nothing is renewed by it'
);

-- Without limit, and where it does not end, nothing is too late.
select tests.limit_refresher(null);
select is(tests.perform('adam', $$ select public.change_certifications('revert', array[tests.id('lone.basic')], note => 'Mistake') $$), '1', 'undone');
select is(tests.attempt('adam', $$ select id from public.renew_certification(tests.id('lone.basic')) $$), 'lone.basic', 'without limit');
select is(tests.attempt('adam', $$ select public.refresher_until(held) from public.peer_mentor_certifications as held where held.id = tests.id('lone.basic') $$), '', 'no day is said');
select tests.limit_refresher(12);
select is(tests.attempt('adam', $$ select public.after_lapse(held) from public.peer_mentor_certifications as held where held.id = tests.id('per.life') $$), '', 'what does not end');

-- A type that is retired is renewed by nothing; it is no group.
select tests.limit_refresher(0);
update mentorcert.certification_types set retired_on = tests.today(), retired_reason = 'Not given' where id = tests.id('alfa.basic');
select is(tests.attempt('adam', $$ select string_agg(tests.name(found.id), ' ') from public.search_certifications(status => 'outdated') as found $$), '', 'of a retired type nothing is outdated');
select is(tests.attempt('adam', $$ select string_agg(tests.name(found.id), ' ') from public.certifications_page(status => 'outdated') as found $$), '', 'of a retired type nothing is on a page of what is outdated');
update mentorcert.certification_types set retired_on = null, retired_reason = null where id = tests.id('alfa.basic');

-- Asked for, it is refused with the same words.
select tests.limit_refresher(1);
update public.peer_mentor_certifications set issued_at = tests.day(-200), expires_at = tests.day(-70) where id = tests.id('mia.basic');
select is(tests.attempt('mia', $$ select public.request_renewal(tests.id('mia.basic'), 'Course', tests.today()) $$), 'MC026 certification_outdated_course', 'a request that is too late');
select isnt(tests.attempt('mia', $$ select public.request_renewal(tests.id('mia.basic'), 'Course', tests.today(-60)) $$), 'MC026 certification_outdated_course', 'one of what was done in time');

-- A merge of types says again what was said of the person: it is no renewal.
create function tests.merged(what text, target text) returns text
language sql
as $$
  select tests.perform('adam', format(
    $q$
      select public.confirm_consequences('merge_type', public.preview_consequences('merge_type', %1$L, %2$L) ->> 'fingerprint', %1$L, %2$L) is not null
    $q$, tests.id(what), jsonb_build_object('into', tests.id(target), 'reason', 'One course now')
  ))
$$;
select tests.limit_refresher(0);
insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
values (tests.id('alfa'), tests.id('mia'), 'yearly', tests.day(-3), tests.day(200));
select is(tests.merged('alfa.yearly', 'alfa.basic'), 'true', 'the later end of who holds both');

-- Types: administrators, with the consequences seen.
select tests.everybody_gets(
  $$ update mentorcert.certification_types set refresher_months = 6, after_lapse = 'registration' where code = 'short' returning 'changed' $$,
  'no client says without the consequences how long a refresher renews',
  'adam: PT428 consequences_seen', 'service_role: changed', 'anon: 42501', 'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: '
);

select * from finish();
rollback;
