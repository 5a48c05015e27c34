\ir fixture.psql
-- Which changes concern the portal, by every path; and what it is sent, by the calendar.
-- The consequences of changes are seen here: consequences.test.sql is about those that are not.
select set_config('mentorcert.noted_state', '{}', true);

-- Whose version rises by a statement, which is undone.
create function tests.marked_by(who text, statement text) returns text
language plpgsql
as $$
declare
  answer text;
  marked text;
begin
  create temporary table before on commit drop as select peer_mentor_id, version from mentorcert_portal.states;
  begin
    answer := tests.perform(who, statement);
    if answer ~ '^([0-9A-Z]{5}|0 rows)' then
      marked := answer;
    else
      select coalesce(string_agg(tests.name(state.peer_mentor_id), ',' order by tests.name(state.peer_mentor_id)), '')
      into marked
      from mentorcert_portal.states as state left join before using (peer_mentor_id)
      where state.version > coalesce(before.version, 0);
    end if;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    drop table before;
    return marked;
  end;
end
$$;

select is(
  (select string_agg(tests.name(peer_mentor_id), ',' order by tests.name(peer_mentor_id)) from mentorcert_portal.states),
  'bert,cait,dora,lone,lost,mia,mixa,old,per', 'every peer mentor has a row'
);
select is(tests.marked_by(who, statement), expected, format('%s: %s', regexp_replace(statement, '\s+', ' ', 'g'), expected))
from (
  values
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$, 'mia'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.short'), 'why') $$, 'mia'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(40) where id = tests.id('mia.basic') $$, 'mia'),
    ('adam', $$ update public.peer_mentor_certifications set certification_type = 'yearly' where id = tests.id('mia.basic') $$, 'mia'),
    ('sev', $$ select public.register_certification(tests.id('per'), 'basic', tests.today(-5), tests.today(4)) $$, 'per'),
    ('adam', $$ select public.extend_certifications('basic', tests.today(49), 'why') $$, 'mia'),
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('mia') $$, 'mia'),
    ('adam', $$ select public.mark_left(tests.id('mia'), tests.today(3)) $$, 'mia'),
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('cait') $$, 'cait'),
    ('adam', $$ select public.register_certification(tests.id('lost'), 'short', tests.today(-5), tests.today(4)) $$, 'lost'),
    ('adam', $$ update mentorcert.peer_mentors set external_id = 'x' where id = tests.id('mia') $$, 'mia'),
    ('adam', $$ update mentorcert.certification_types set required_for_listing = true where code = 'life' $$, 'cait,lone,lost,mia,mixa,old,per'),
    ('adam', $$
      insert into mentorcert.certification_types (code, name_nb, name_en, validity_rule, required_for_listing)
      values ('new', 'Ny', 'New', 'unlimited', true)
    $$, 'cait,lone,lost,mia,mixa,old,per'),
    -- What the portal is not sent.
    ('adam', $$ update mentorcert.peer_mentors set full_name = 'X', email = 'x@example.org', phone = '113' $$, ''),
    ('adam', $$ update mentorcert.chapters set name = 'Renamed' $$, ''),
    ('adam', $$ update mentorcert.certification_types set name_nb = 'Ny' $$, ''),
    ('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('lone') $$, ''),
    -- Who may not change it marks nobody.
    ('cora', $$ update mentorcert.peer_mentors set listing_consent = false $$, '0 rows')
) as changes (who, statement, expected);
select is(tests.perform('adam', $$ insert into mentorcert.peer_mentors (external_id, full_name) values ('new', 'New') $$), '1 rows', 'a peer mentor is added');
select is(
  (
    select state.state || ' ' || state.version from mentorcert_portal.states as state
    join mentorcert.peer_mentors as mentor on mentor.id = state.peer_mentor_id where mentor.external_id = 'new'
  ),
  'pending 1', 'and waits to be sent'
);

-- That a date passes is sent by the calendar: the night marks nobody, and so need not be in time.
set local session_replication_role = replica;
update public.peer_mentor_certifications set issued_at = tests.day(-400), expires_at = tests.day(0) where id = tests.id('mia.basic');
update public.listed_peer_mentors set listed_until = tests.day(0) where peer_mentor_id = tests.id('mia');
set local session_replication_role = origin;
select is(
  tests.marked_by('owner', $$ select expired from mentorcert_private.expire_due_certifications(now()) $$), '', 'the night marks nobody'
);
select is(tests.attempt('owner', $$ select expired from mentorcert_private.expire_due_certifications(now()) $$), '1', 'though it expires mia');
set local session_replication_role = replica;
update public.peer_mentor_certifications set expires_at = tests.day(30) where id = tests.id('mia.basic');
update public.listed_peer_mentors set listed_until = tests.day(30) where peer_mentor_id = tests.id('mia');
set local session_replication_role = origin;

-- What is sent.
create function tests.content_state(who text, as_of timestamptz default now()) returns text
language sql
as $$
  select concat_ws(' ', content ->> 'status', case when (content ->> 'listed')::boolean then 'listed' end)
  from mentorcert_portal.desired_content(array[tests.id(who)], as_of)
$$;
select is(tests.content_state(who, tests.day(days)), expected, format('%s in %s days: %s', who, days, expected))
from (
  values
    ('mia', 0, 'certified listed'), ('mia', 30, 'expired'), ('mixa', 0, 'certified'), ('lone', 0, 'expired'), ('per', 0, 'uncertified')
) as expectations (who, days, expected);
select is(tests.perform('cora', $$ select id from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'mia.basic', 'suspended');
select is(tests.content_state('mia'), 'suspended', 'is sent');
select is(tests.content_state('mia', tests.day(60)), 'suspended', 'also after its end');
select is(tests.perform('cora', $$ select id from public.reinstate_certification(tests.id('mia.basic')) $$), 'mia.basic', 'reinstated');
select is(
  (select content_until from mentorcert_portal.desired_content(array[tests.id('mia')], now())), tests.day(10),
  'what is sent is true until the first end, that of her other certification'
);
select is(
  (
    select array(select jsonb_object_keys(content) order by 1)
    from mentorcert_portal.desired_content(array[tests.id('mia')], now())
  ),
  array['certifications', 'external_id', 'listed', 'listed_until', 'status'],
  'with these fields, and no name, e-mail or phone'
);
-- Erasure takes the number too; the portal gets the one that it knows.
update mentorcert_portal.states set sent_external_id = 'known' where peer_mentor_id = tests.id('old');
select is(
  tests.marked_by('owner', $$ select mentorcert_private.erase_peer_mentor(tests.id('old')) $$), 'old', 'an erasure is sent'
);
select mentorcert_private.erase_peer_mentor(tests.id('old'));
select is(tests.content_state('old'), 'erased', 'as an erasure');
select is(
  (select concat_ws(' ', content ->> 'external_id', content ->> 'certifications') from mentorcert_portal.desired_content(array[tests.id('old')], now())),
  'known []', 'with the number that the portal knows, and nothing else'
);

-- The list says otherwise than the dates: neither alone is enough.
set local session_replication_role = replica;
insert into public.listed_peer_mentors
select id, organisation_id, 'alfa', 'Lone', '{}', tests.day(9) from mentorcert.peer_mentors where id = tests.id('lone');
set local session_replication_role = origin;
select is(tests.content_state('lone'), 'expired', 'who has expired is not sent as listed, whatever our list says');
set local time zone 'Pacific/Auckland';
select is(
  (select content from mentorcert_portal.desired_content(array[tests.id('mia')], now())) #>> '{listed_until}',
  to_char(tests.day(30) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
  'in whatever time zone it is asked for'
);

select * from finish();
rollback;
