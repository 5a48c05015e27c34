\ir fixture.psql
-- Who is on the public list: consents, and holds every type that the organisation requires, active; until when.
-- The consequences of changes are seen here: consequences.test.sql is about those that are not.
select set_config('mentorcert.noted_state', '{}', true);

-- The list as anon sees it: who, and in how many days the entry lapses.
create function tests.listed() returns text
language sql
as $$
  select tests.attempt('anon', $q$
    select tests.name(peer_mentor_id) || ' '
      || case when listed_until < '9999-12-31Z' then (private_day - today)::text else 'for ever' end
    from public.listed_peer_mentors
    cross join lateral (select (listed_until at time zone 'Europe/Oslo')::date, (now() at time zone 'Europe/Oslo')::date)
      as days (private_day, today)
  $q$)
$$;
create function tests.listed_after(who text, statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  begin
    answer := tests.perform(who, statement);
    if answer !~ '^([0-9A-Z]{5}|0 rows)' then
      answer := tests.listed();
    end if;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;

select is(tests.listed(), 'bert 100,mia 30', 'mia and bert consent and hold what is required');
select results_eq(
  'select organisation_slug, display_name, chapters from public.listed_peer_mentors order by organisation_slug collate "C"',
  $$ values ('alfa', 'Full name of mia', array['Chapter 1a']), ('beta', 'Full name of bert', array['Chapter b1']) $$,
  'with name and chapters'
);

select is(tests.listed_after(who, statement), expected, format('%s: %s', regexp_replace(statement, '\s+', ' ', 'g'), expected))
from (
  values
    -- consent and name
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('mia') $$, 'bert 100'),
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('cait') $$, 'bert 100,cait 700,mia 30'),
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('lost') $$, 'bert 100,mia 30'), -- no chapter
    ('cora', $$ select public.mark_left(tests.id('mia'), tests.today()) $$, 'bert 100'),
    ('cora', $$ select public.mark_left(tests.id('mia'), tests.today(5)) $$, 'bert 100,mia 5'), -- the lease ends with that day
    ('cora', $$ select public.mark_left(tests.id('mia'), tests.today(50)) $$, 'bert 100,mia 30'),
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('lone') $$, 'bert 100,mia 30'), -- expired
    ('adam', $$ update mentorcert.peer_mentors set phone = '113' $$, 'bert 100,mia 30'),
    -- certifications
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$, 'bert 100'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.short'), 'why') $$, 'bert 100,mia 30'), -- not required
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(40) where id = tests.id('mia.basic') $$, 'bert 100,mia 40'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(7) where id = tests.id('mia.basic') $$, 'bert 100,mia 7'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(0) where id = tests.id('mia.basic') $$, 'bert 100'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = null where id = tests.id('mia.basic') $$, 'bert 100,mia for ever'),
    ('adam', $$ update public.peer_mentor_certifications set certification_type = 'yearly' where id = tests.id('mia.basic') $$, 'bert 100'),
    ('sev', $$ select public.register_certification(tests.id('per'), 'basic', tests.today(-5), tests.today(4)) $$, 'bert 100,mia 30,per 5'),
    ('adam', $$ select public.renew_certification(tests.id('lone.basic'), tests.today(), tests.today(19)) $$, 'bert 100,lone 20,mia 30'),
    ('adam', $$ select public.extend_certifications('basic', tests.today(49), 'why') $$, 'bert 100,mia 50'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'suspended' where status = 'active' $$, ''),
    ('owner', $$ select mentorcert_private.expire_due_certifications(tests.day(50)) $$, 'bert 100'),
    ('service_role', $$
      insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
      values (tests.id('alfa'), tests.id('per'), 'basic', tests.day(-1))
    $$, 'bert 100,mia 30,per for ever'),
    -- chapters
    ('adam', $$ update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = tests.id('mia') $$, 'bert 100'), -- in none any more
    -- what is required
    ('adam', $$ update mentorcert.certification_types set required_for_listing = false $$, 'bert 100'), -- nothing: nobody
    ('adam', $$ update mentorcert.certification_types set required_for_listing = true where code = 'short' $$, 'bert 100,mia 10'),
    ('adam', $$ update mentorcert.certification_types set required_for_listing = true where code = 'life' $$, 'bert 100'),
    ('adam', $$ update mentorcert.certification_types set required_for_listing = (code = 'life') $$, 'bert 100,per for ever'),
    ('adam', $$
      insert into mentorcert.certification_types (code, name_nb, name_en, validity_rule, required_for_listing)
      values ('new', 'Ny', 'New', 'unlimited', true)
    $$, 'bert 100'),
    ('adam', $$ update mentorcert.certification_types set name_nb = 'Ny' $$, 'bert 100,mia 30'),
    -- roles that may not
    ('cora', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('lost') $$, '0 rows')
) as changes (who, statement, expected);

-- Suspended and reinstated; both required types, and the earlier end of the two.
select is(tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'mia.basic', 'suspended');
select is(tests.listed(), 'bert 100', 'leaves at once');
select is(tests.perform('cora', $$ select id from public.reinstate_certification(tests.id('mia.basic')) $$), 'mia.basic', 'reinstated');
select is(tests.listed(), 'bert 100,mia 30', 'is back at once');
select is(tests.perform('adam', $$ update mentorcert.certification_types set required_for_listing = true where code = 'short' $$), '1 rows', 'two are required');
select is(tests.listed(), 'bert 100,mia 10', 'the earlier end counts');
select is(tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.short'), 'why') $$), 'mia.short', 'one of the two is suspended');
select is(tests.listed(), 'bert 100', 'which is enough');
select is(tests.perform('adam', $$ update mentorcert.certification_types set required_for_listing = false where code = 'short' $$), '1 rows', 'one is required');
select is(tests.listed(), 'bert 100,mia 30', 'and held');

-- What is shown.
select is(tests.perform('adam', $$ update mentorcert.chapters set name = 'Renamed' where code = '1a' $$), '1 rows', 'a chapter is renamed');
select is(
  tests.attempt('anon', $$ select chapters[1] from public.listed_peer_mentors where organisation_slug = 'alfa' $$), 'Renamed', 'the list shows it'
);
select is(tests.perform('adam', $$ update mentorcert.peer_mentors set display_name = 'Mia M.' where id = tests.id('mia') $$), '1 rows', 'and so is somebody');
select is(
  tests.perform('adam', $$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('mia'), tests.id('county1')) $$),
  '1 rows', 'who enters another chapter'
);
select is(
  tests.attempt('anon', $$ select display_name || ': ' || array_to_string(chapters, '+') from public.listed_peer_mentors where organisation_slug = 'alfa' $$),
  'Mia M.: Chapter county1+Renamed', 'the list shows it'
);
select is(tests.perform('adam', $$ update mentorcert.peer_mentors set display_name = null where id = tests.id('mia') $$), '1 rows', 'without a display name');
select is(
  tests.attempt('anon', $$ select display_name from public.listed_peer_mentors where organisation_slug = 'alfa' $$), 'Full name of mia', 'the full name is shown'
);

-- If every job is dead, an entry still lapses: time passes, nothing else happens.
set local session_replication_role = replica;
update public.listed_peer_mentors set listed_until = now() where peer_mentor_id = tests.id('mia');
set local session_replication_role = origin;
select is(tests.listed(), 'bert 100', 'an entry lapses at the instant');
select is(tests.attempt('mia', 'select peer_mentor_id from public.listed_peer_mentors'), 'bert', 'for everybody');
select is(tests.attempt('owner', 'select peer_mentor_id from public.listed_peer_mentors'), 'bert,mia', 'though it is still there');
select is(tests.perform('owner', $$ update public.peer_mentor_certifications set expires_at = expires_at where peer_mentor_id = tests.id('mia') $$), '2 rows', 'until somebody touches the certification');
select is(tests.listed(), 'bert 100,mia 30', 'which derives it again');

-- Stored as active, but ended, because a night was missed: not derived.
set local session_replication_role = replica;
update public.peer_mentor_certifications set expires_at = now() where id = tests.id('bert.basic');
set local session_replication_role = origin;
update mentorcert.peer_mentors set display_name = 'Bert' where id = tests.id('bert');
select is(tests.attempt('owner', 'select peer_mentor_id from public.listed_peer_mentors'), 'mia', 'what has ended is not put on the list');

-- Stored and derived agree, whatever happened.
select bag_eq(
  $$
    select peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until, chapter_codes, topic_ids
    from public.listed_peer_mentors where listed_until > now()
  $$,
  'select * from mentorcert_private.derived_listing(null)', 'the list is what the rules derive'
);

-- A night counts who has left it.
set local session_replication_role = replica;
update public.peer_mentor_certifications set expires_at = now() where id = tests.id('mia.basic');
update public.listed_peer_mentors set listed_until = now() where peer_mentor_id = tests.id('mia');
set local session_replication_role = origin;
select is((select sum(unlisted) from mentorcert_private.run_nightly() where organisation = 'alfa'), 1::bigint, 'one has left the list');
select is((select sum(unlisted) from mentorcert_private.job_runs where organisation_id = tests.id('alfa')), 1::bigint, 'says the ledger too');

select * from finish();
rollback;
