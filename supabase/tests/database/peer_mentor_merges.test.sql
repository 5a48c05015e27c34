\ir fixture.psql
-- Two rows of one person: merged as previewed, in one transaction, undone as long as nothing was changed since.

update mentorcert.peer_mentors set email = 'mia@alfa.example' where id = tests.id('mia');
update mentorcert.peer_mentors set email = 'cait@alfa.example', phone = '12 34 56 78', listing_consent = true where id = tests.id('cait');
update mentorcert_portal.states set state = 'in_sync', confirmed_version = version, first_dirty_at = null, shown = true, next_attempt_at = null;

create function tests.new_values(absorbed text, choices jsonb default '{}') returns jsonb
language sql
as $$ select jsonb_build_object('absorbed', tests.id(absorbed), 'reason', 'One person.') || choices $$;
create function tests.preview(who text, kept text, absorbed text, choices jsonb default '{}') returns text
language sql
as $$
  select tests.attempt(who, format(
    'select public.preview_consequences(%L, %L, %L)', 'merge_peer_mentors', tests.id(kept), tests.new_values(absorbed, choices)
  ))
$$;
create function tests.merge(who text, kept text, absorbed text, choices jsonb default '{}', meanwhile text default 'select 1') returns text
language plpgsql
as $$
declare
  fingerprint constant text := tests.preview(who, kept, absorbed, choices)::jsonb ->> 'fingerprint';
begin
  execute meanwhile;
  return tests.perform(who, format(
    'select public.confirm_consequences(%L, %L, %L, %L) is not null', 'merge_peer_mentors', fingerprint, tests.id(kept),
    tests.new_values(absorbed, choices)
  ));
end
$$;
create function tests.merge_id(absorbed text) returns uuid
language sql security definer
as $$ select id from mentorcert_private.peer_mentor_merges where absorbed_id = tests.id(absorbed) and undone_at is null $$;
create function tests.undo(who text, absorbed text) returns text
language plpgsql
as $$
declare
  merge constant uuid := tests.merge_id(absorbed);
begin
  return tests.perform(who, format(
    'select public.confirm_consequences(%L, public.preview_consequences(%1$L, %L) ->> %L, %2$L) is not null', 'undo_merge', merge, 'fingerprint'
  ));
end
$$;
-- Everything that a merge touches, of two peer mentors.
create function tests.both(one text, other text) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'mentors', (
      select jsonb_agg(to_jsonb(mentor) - array['version', 'updated_at'] order by id) from mentorcert.peer_mentors as mentor
      where id in (tests.id(one), tests.id(other))
    ),
    'links', (
      select jsonb_agg(to_jsonb(link) - array['version', 'updated_at'] order by id) from mentorcert.peer_mentor_chapters as link
      where peer_mentor_id in (tests.id(one), tests.id(other))
    ),
    'certifications', (
      select jsonb_agg(to_jsonb(certification) - array['updated_at', 'renewal_history'] order by id)
      from public.peer_mentor_certifications as certification where peer_mentor_id in (tests.id(one), tests.id(other))
    ),
    'listed', (
      select jsonb_agg(to_jsonb(listed) order by peer_mentor_id) from public.listed_peer_mentors as listed
      where peer_mentor_id in (tests.id(one), tests.id(other))
    )
  )
$$;
create function tests.certifications_of(who text) returns text
language sql
as $$
  select string_agg(tests.name(id) || ' ' || status || coalesce(' ' || (mentorcert_private.day_of(expires_at, 'Europe/Oslo') - tests.today()), ''), ', ' order by id)
  from public.peer_mentor_certifications where peer_mentor_id = tests.id(who)
$$;
create function tests.chapters_of(who text) returns text
language sql
as $$
  select string_agg(tests.name(chapter_id), ',' order by tests.name(chapter_id))
  from mentorcert.peer_mentors as mentor, unnest(mentor.chapter_ids) as chapter_id
  where mentor.id = tests.id(who)
$$;
create table tests.before as select tests.both('mia', 'cait') as state;

-- Who merges, and what is refused

select is(tests.preview(who, 'mia', 'cait'), '42501 administration_right', who || ' does not merge')
from tests.personas where who not in ('adam', 'anon', 'service_role', 'bea');
select is(tests.preview('bea', 'mia', 'cait'), '42501 certification_right', 'nor does another organisation');
select is(tests.preview(who, 'mia', 'cait'), '42501', who || ' cannot even ask') from unnest(array['anon', 'service_role']) as who;
select is(tests.preview('adam', kept, absorbed), '42501 certification_right', kept || ' and ' || absorbed)
from (values ('mia', 'bert'), ('bert', 'mia'), ('mia', 'nobody'), ('nobody', 'mia')) as pairs (kept, absorbed);
select is(tests.preview('adam', 'mia', 'mia'), 'MC008 merge_of_two', 'one is not two');
select is(tests.preview('adam', 'mia', 'cait', '{"reason": " "}'), 'MC004 merge_reason', 'a reason is asked for');
select is(
  tests.preview('adam', 'mia', 'cait', jsonb_build_object('reason', repeat('x', 501))), 'MC004 merge_reason', 'of 500 characters at most'
);
select is(tests.preview('adam', 'mia', 'cait', '{"take": ["user_id"]}'), 'MC008 merge_take', 'what is taken is one of the fields');
select is(tests.preview('adam', 'mia', 'cait', '{"take": "email"}'), 'MC008 merge_take', 'in a list');
select is(tests.preview('adam', 'mia', 'per'), 'MC008 merge_login', 'two logins: one of them is chosen');
select is(tests.attempt('adam', $$ select mentorcert_private.merge_peer_mentors(tests.id('mia'), tests.id('cait'), '{"reason": "x"}') $$),
  'PT428 consequences_seen', 'nothing is merged whose consequences were not asked for');
select is(tests.attempt('owner', $$ select mentorcert_private.merge_peer_mentors(tests.id('mia'), tests.id('cait'), '{"reason": "x"}') $$),
  '42501 administration_right', 'nor by the owner: a merge is an administrator''s word');

-- Shown first

select is(
  (
    select string_agg(each ->> 'kind' || ' ' || (each -> 'names' ->> 0), '; ' order by each ->> 'kind')
    from jsonb_array_elements(tests.preview('adam', 'mia', 'cait')::jsonb -> 'consequences') as each
    where each ->> 'kind' like '%list'
  ),
  'leaves_list Full name of cait', 'it is said who leaves the list'
);
select is(
  tests.preview('adam', 'mia', 'cait')::jsonb #>> '{details,merged,phone}', '12 34 56 78', 'and what the kept one gets'
);
select is(
  tests.preview('adam', 'mia', 'cait')::jsonb #>> '{details,merged,email}', 'mia@alfa.example', 'its own comes first'
);
select is(
  tests.preview('adam', 'mia', 'cait', '{"take": ["email"]}')::jsonb #>> '{details,merged,email}', 'cait@alfa.example', 'unless the other was chosen'
);
select is(tests.both('mia', 'cait'), state, 'and nothing of it was made') from tests.before;
select is(
  tests.merge('adam', 'mia', 'cait', meanwhile => $$ update mentorcert.peer_mentors set phone = '99 99 99 99' where id = tests.id('cait') $$),
  'PT409 consequences_as_shown', 'what was changed since it was shown is not merged'
);
update mentorcert.peer_mentors set phone = '12 34 56 78' where id = tests.id('cait');

-- Merged

select is(tests.merge('adam', 'mia', 'cait'), 'true', 'confirmed, they are merged');
select is(tests.certifications_of('mia'), 'mia.basic active 700, mia.short active 10', 'the later end is kept');
select is(tests.certifications_of('cait'), 'cait.basic active 700', 'and the other stays as history');
select is(tests.kinds('mia.basic'), 'issued,renewed', 'by an entry');
select is(tests.newest('mia.basic') ->> 'note', 'One person.', 'which says why');
select is(tests.chapters_of('mia'), '1a,county1', 'the chapters are united');
select is(tests.chapters_of('cait'), null, 'the absorbed one is in none');
select is((select phone from mentorcert.peer_mentors where id = tests.id('mia')), '12 34 56 78', 'what was known of one only is kept');
select is(
  (select string_agg(tests.name(peer_mentor_id), ',') from public.listed_peer_mentors where organisation_id = tests.id('alfa')),
  'mia', 'one is on the list'
);
select set_eq(
  $$
    select tests.name(peer_mentor_id), state, is_removal from mentorcert_portal.states
    where peer_mentor_id in (tests.id('mia'), tests.id('cait'))
  $$,
  $$ values ('mia', 'pending', false), ('cait', 'pending', true) $$,
  'the portal hears of both, of the withdrawal first'
);
select is(
  (select content - 'external_id' from mentorcert_portal.desired_content(array[tests.id('cait')], now())),
  '{"status": "uncertified", "listed": false, "listed_until": null, "certifications": []}', 'the absorbed one is withdrawn there'
);
select is(
  (
    select after - 'undone_at' from mentorcert.audit_log
    where table_name = 'peer_mentor_merges' and actor ->> 'user_id' = tests.id('adam')::text
  ),
  jsonb_build_object('kept_id', tests.id('mia'), 'absorbed_id', tests.id('cait')), 'the audit log has who and whom'
);

-- Whose row is gone from every reach, and what is still read of it

select tests.everybody_gets(
  $$ select id from mentorcert.peer_mentors where id = tests.id('cait') $$, 'nobody finds the absorbed one',
  'anon: 42501', 'service_role: cait', 'adam bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: '
);
select tests.everybody_gets(
  $$ select id from public.peer_mentor_certifications where id = tests.id('cait.basic') $$, 'nor the certification that was replaced',
  'anon: 42501', 'service_role: cait.basic', 'adam bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: '
);
select tests.everybody_gets(
  $$ select entry ->> 'kind' from public.certification_history(tests.id('cait.basic')) as entry $$,
  'who reads the kept one reads its history',
  'adam cora dora@alfa mia mixa paula service_role: issued', 'anon: 42501', 'bea bob dora dora@beta gone nora per sev: '
);
select tests.everybody_gets(
  $$ select public.certification_as_of(tests.id('cait.basic'), now() - interval '5 days') $$,
  'and what was known stays known',
  'adam cora dora@alfa mia mixa paula service_role: true', 'anon: 42501', 'bea bob dora dora@beta gone nora per sev: '
);
select tests.everybody_gets(
  $$ select external_id || ' ' || reason || ' ' || coalesce(cardinality(changed_since)::text, '–') || ' ' || jsonb_array_length(certifications) || jsonb_array_length(consents) from public.merges_of(tests.id('mia')) $$,
  'who reads the kept one reads what was merged; what was changed since, the administrator',
  'adam: cait One person. 0 11', 'cora dora@alfa mia mixa paula: cait One person. – 11', 'anon service_role: 42501',
  'bea bob dora dora@beta gone nora per sev: '
);
select tests.everybody_gets(
  $$ select tests.name(id) as kept from mentorcert_private.peer_mentor_merged_into(tests.id('cait')) $$,
  'and is led to it from what was merged',
  'adam cora dora@alfa mia mixa paula: mia', 'bea bob dora dora@beta gone nora per sev: ', 'anon service_role: 42501'
);
select is(tests.attempt('adam', $$ select id from mentorcert_private.peer_mentor_merged_into(tests.id('mia')) $$), '', 'from nobody else');
select is(tests.attempt('anon', $$ select public.check_certificate(tests.id('cait.basic')) $$), 'true', 'a printed certificate stays valid');

-- Nothing of it changes any more, by any door

select is(tests.attempt('owner', statement), 'MC023 peer_mentor_merged', statement)
from unnest(array[
  $$ update mentorcert.peer_mentors set full_name = 'x' where id = tests.id('cait') $$,
  $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('cait') $$,
  $$ update mentorcert.peer_mentors set left_on = '2026-01-01' where id = tests.id('cait') $$,
  $$
    insert into mentorcert.peer_mentors (organisation_id, external_id, full_name) values (tests.id('alfa'), 'cait', 'x')
    on conflict (organisation_id, external_id) do update set full_name = 'x'
  $$
]) as statement;
select is(tests.attempt('service_role', $$ update mentorcert.peer_mentors set email = null where id = tests.id('cait') $$), 'MC023 peer_mentor_merged', 'nor by the service key');
select is(
  tests.attempt('service_role', $$ insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('cait'), tests.id('1b')) $$),
  '42501 certification_right', 'which puts nobody merged into a chapter either'
);
select is(tests.attempt('adam', statement), expected, statement)
from (values
  ($$ select public.mark_left(tests.id('cait'), '2026-01-01') $$, 'MC023 peer_mentor_merged'),
  ($$ select public.set_listing_consent(tests.id('cait'), false) $$, 'MC023 peer_mentor_merged'),
  ($$ insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id) values (tests.id('cait'), tests.id('1b')) $$, '42501'),
  ($$ insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at) values (tests.id('cait'), 'life', tests.day(-1)) $$, '42501 certification_right'),
  ($$ select id from public.register_certification(tests.id('cait'), 'life') $$, '42501 certification_right'),
  ($$ select id from public.suspend_certification(tests.id('cait.basic'), 'x') $$, '42501 certification_right'),
  ($$ update mentorcert.peer_mentors set merged_into = null where id = tests.id('cait') $$, '42501')
) as refused (statement, expected);
select is(tests.attempt('owner', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('cait.basic') $$), '42501 certification_right', 'what was replaced stays as it was');
select is(tests.preview('adam', 'per', 'cait'), '42501 certification_right', 'it is not merged once more');
select is(tests.preview('adam', 'cait', 'per'), '42501 certification_right', 'nor anybody into it');
select is(tests.attempt('owner', $$ select mentorcert_private.erase_peer_mentor(tests.id('cait')) $$), 'MC008 peer_mentor_id', 'nor erased without the kept one');

-- Undone

select is(tests.undo(who, 'cait'), '42501 administration_right', who || ' does not undo it') from unnest(array['cora', 'mia', 'nora']) as who;
select is(tests.undo('bea', 'cait'), '42501 certification_right', 'nor does another organisation');
select is(
  tests.attempt('adam', format($q$ select public.preview_consequences('undo_merge', %L) #>> '{details,absorbed,external_id}' $q$, tests.merge_id('cait'))),
  'cait', 'undoing is shown first'
);
create function tests.undo_after(statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  execute statement;
  answer := tests.attempt('adam', format('select array_to_string(changed_since, %L) from public.merges_of(tests.id(%L))', '+', 'mia'))
    || ': ' || tests.undo('adam', 'cait');
  raise exception sqlstate 'TESTS';
exception when sqlstate 'TESTS' then
  return answer;
end
$$;
select is(tests.undo_after(statement), topic || ': MC006 merge_undoable', topic || ' was changed since')
from (values
  ('person', $$ update mentorcert.peer_mentors set phone = '11 11 11 11' where id = tests.id('mia') $$),
  ('chapters', $$ insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id) values (tests.id('alfa'), tests.id('mia'), tests.id('1b')) $$),
  ('certifications', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.short') $$),
  ('certifications', $$
    insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
    values (tests.id('alfa'), tests.id('mia'), 'life', tests.day(-1))
  $$),
  ('person+consent', $$ update mentorcert.peer_mentors set listing_consent = false where id = tests.id('mia') $$)
) as changes (topic, statement);
select is(
  tests.undo_after($$ update mentorcert.peer_mentors set phone = '11 11 11 11' where id = tests.id('mia'); update mentorcert.peer_mentors set phone = '12 34 56 78' where id = tests.id('mia') $$),
  ': true', 'what is again as it was is not changed'
);
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is(tests.both('mia', 'cait'), state, 'both are as they were') from tests.before;
select is(tests.kinds('mia.basic'), 'issued,renewed,reverted', 'and the history says so');
select is(
  (select string_agg(tests.name(peer_mentor_id) || ' ' || is_removal, ',' order by peer_mentor_id) from mentorcert_portal.states where peer_mentor_id in (tests.id('mia'), tests.id('cait'))),
  'cait false,mia false', 'the portal hears of both'
);
select is(tests.undo('adam', 'cait'), '42501 certification_right', 'once');
select is(tests.attempt('adam', $$ select id from public.merges_of(tests.id('mia')) $$), '', 'nothing is merged any more');

-- The other way round: what moves, what is suspended, two logins, the way out of leaving

insert into mentorcert_private.calendar_feeds (organisation_id, peer_mentor_id, token_hash)
select tests.id('alfa'), tests.id('mia'), decode(repeat('ab', 32), 'hex');
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic');
update mentorcert.peer_mentors set left_on = tests.today(-5), left_reason = 'Doubled.' where id = tests.id('mia');
insert into mentorcert.peer_mentor_chapters (id, organisation_id, peer_mentor_id, chapter_id, ended_at) values
  (tests.id('cait.1a'), tests.id('alfa'), tests.id('cait'), tests.id('1a'), now() + interval '10 days'),
  (tests.id('mia.2a'), tests.id('alfa'), tests.id('mia'), tests.id('2a'), now() + interval '20 days');
truncate tests.before;
insert into tests.before select tests.both('cait', 'mia');
select is(tests.merge('adam', 'cait', 'mia'), 'true', 'merged the other way round');
select is(tests.certifications_of('cait'), 'cait.basic suspended 700, mia.short active 10', 'a certification moves with its id, a suspension stays');
select is(tests.kinds('cait.basic'), 'issued,suspended', 'the later end was the own');
select is(tests.kinds('mia.short'), 'issued', 'what moves has no entry of it');
select is(
  (select string_agg(tests.name(chapter_id) || ' ' || coalesce((ended_at - now())::text, 'open'), ',' order by chapter_id)
   from mentorcert.peer_mentor_chapters where peer_mentor_id = tests.id('cait')),
  '1a open,2a 20 days,county1 open', 'each chapter to its later end'
);
select is(
  (select concat_ws(' ', tests.name(user_id), left_on, left_reason) from mentorcert.peer_mentors where id = tests.id('cait')), 'mia', 'the login moves, and who is here has not left'
);
select is((select tests.name(peer_mentor_id) from mentorcert_private.calendar_feeds), 'cait', 'with its calendar');
select is(tests.attempt('mia', $$ select id from public.peer_mentor_certifications $$), 'cait.basic,mia.short', 'the person reads the own under the kept row');
select is(tests.attempt('sev', $$ select id from public.peer_mentor_certifications where peer_mentor_id = tests.id('cait') $$), 'cait.basic,mia.short', 'and the coordinator of a chapter that moved');
select is(tests.undo('adam', 'mia'), 'true', 'undone as well');
select is(tests.both('cait', 'mia'), state, 'all as it was') from tests.before;
select is((select tests.name(peer_mentor_id) from mentorcert_private.calendar_feeds), 'mia', 'and the calendar');

select is(tests.merge('adam', 'mia', 'per', '{"login": "absorbed"}'), 'true', 'of two logins one is chosen');
select is((select tests.name(user_id) from mentorcert.peer_mentors where id = tests.id('mia')), 'per', 'the other one''s');
select is(tests.undo('adam', 'per'), 'true', 'and back');
select is((select string_agg(tests.name(user_id), ',' order by id) from mentorcert.peer_mentors where id in (tests.id('mia'), tests.id('per'))), 'mia,per', 'each has its own');
select is(tests.merge('adam', 'mia', 'per', '{"login": "kept"}'), 'true', 'or the own');
select is((select tests.name(user_id) from mentorcert.peer_mentors where id = tests.id('mia')), 'mia', 'stays');
select is(tests.undo('adam', 'per'), 'true', 'and back again');

-- What was said last of the consent

select is(
  (select string_agg(tests.name(id) || ' ' || listing_consent, ',' order by id) from mentorcert.peer_mentors where id in (tests.id('mia'), tests.id('cait'))),
  'cait true,mia true', 'both consent'
);
select is(tests.perform('adam', $$ select public.set_listing_consent(tests.id('cait'), false) $$), 'true', 'cait says it by itself: false');
select is(tests.merge('adam', 'mia', 'cait'), 'true', 'one has said no since');
select is((select listing_consent from mentorcert.peer_mentors where id = tests.id('mia')), false, 'and that no holds');
select is(
  (select reason from mentorcert.listing_consents where peer_mentor_id = tests.id('mia') order by recorded_at desc limit 1), 'One person.', 'by an act of its own'
);
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is((select listing_consent from mentorcert.peer_mentors where id = tests.id('mia')), true, 'the yes of the other is back');
select is(tests.perform('adam', $$ select public.set_listing_consent(tests.id('mia'), false) $$), 'true', 'mia says it by itself: false');
select is(tests.perform('adam', $$ select public.set_listing_consent(tests.id('cait'), true) $$), 'true', 'cait says it by itself: true');
select is(tests.merge('adam', 'mia', 'cait'), 'true', 'a yes that is later');
select is((select listing_consent from mentorcert.peer_mentors where id = tests.id('mia')), true, 'holds as well');
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is(tests.perform('adam', $$ select public.set_listing_consent(tests.id('cait'), false) $$), 'true', 'cait says it by itself: false');
select is(tests.merge('adam', 'lost', 'cait'), 'true', 'somebody of whom nothing was said');
select is(
  tests.attempt('adam', $$ update mentorcert.peer_mentors set listing_consent = true where id = tests.id('lost') $$),
  'MC020 listing_consent_withdrawn', 'has withdrawn under the other number'
);
select is(tests.undo('adam', 'cait'), 'true', 'undone');

-- What both can be asked about: united, as far as the consent to the public list goes

update mentorcert.peer_mentors set left_on = null, left_reason = null where id = tests.id('mia');
update public.peer_mentor_certifications set status = 'active' where id = tests.id('mia.basic');

insert into mentorcert_private.topics (id, organisation_id, kind, name_nb, name_en)
select tests.id(name_en), tests.id('alfa'), kind, name_nb, name_en
from (values ('topic', 'Øresus', 'Tinnitus'), ('topic', 'Arv', 'Heredity'), ('language', 'Engelsk', 'English'))
as offered (kind, name_nb, name_en);
create function tests.choose(who text, topics text) returns text
language sql
as $$
  select tests.perform('adam', format(
    'select public.set_peer_mentor_topics(tests.id(%L), array(select tests.id(topic) from unnest(%L::text[]) as topic))::text as done',
    who, topics
  ))
$$;
create function tests.topics_of(who text, is_listed boolean default false) returns text
language sql security definer
as $$
  select coalesce(string_agg(topic.name_en, ',' order by topic.name_en), '–') from mentorcert_private.topics as topic
  where exists (
    select from mentorcert_private.peer_mentor_topics as choice
    where choice.peer_mentor_id = tests.id(who) and choice.topic_id = topic.id and not is_listed
    union all
    select from public.listed_peer_mentors as listed
    where listed.peer_mentor_id = tests.id(who) and topic.id = any(listed.topic_ids) and is_listed
  )
$$;
create function tests.said_of_topics(preview text) returns text
language sql
as $$
  select string_agg(kind || ' ' || coalesce(
    (select string_agg(topic ->> 'name_en', ',') from jsonb_array_elements(preview::jsonb #> array['details', 'topics', kind]) as topic), '–'
  ), ', ')
  from unnest(array['gained', 'left_out']) as kind
$$;
create function tests.undo_preview(absorbed text) returns text
language sql
as $$
  select tests.attempt('adam', format('select public.preview_consequences(%L, %L)', 'undo_merge', tests.merge_id(absorbed)))
$$;
create function tests.consents(who text, is_given boolean) returns text
language sql
as $$ select tests.perform('adam', format('select public.set_listing_consent(tests.id(%L), %L)', who, is_given)) $$;

select is(tests.choose('mia', '{Tinnitus}') || tests.choose('cait', '{Tinnitus,Heredity,English}'), '', 'each number has its choices');
select is(tests.said_of_topics(tests.preview('adam', 'mia', 'cait')), 'gained Heredity,English, left_out –', 'the preview says what is added');
select is(tests.topics_of('mia'), 'Tinnitus', 'and adds nothing');
select is(
  tests.merge('adam', 'mia', 'cait', meanwhile => $$ delete from mentorcert_private.peer_mentor_topics where topic_id = tests.id('English') $$),
  'PT409 consequences_as_shown', 'what was chosen since it was shown is not merged'
);
select is(tests.choose('cait', '{Tinnitus,Heredity,English}'), '', 'chosen again');
select is(tests.merge('adam', 'mia', 'cait'), 'true', 'neither number is for the public');
select is(tests.topics_of('mia'), 'English,Heredity,Tinnitus', 'all of it is united');
select is(tests.choose('cait', '{}'), '42501 certification_right', 'the absorbed one chooses no more');
select is(tests.choose('mia', '{Heredity,English}'), '', 'a choice after the merge');
select is(tests.said_of_topics(tests.undo_preview('cait')), 'gained –, left_out Heredity,English', 'undoing says what goes');
select is(tests.topics_of('mia'), 'English,Heredity', 'and takes nothing');
update mentorcert_private.peer_mentor_topics set created_at = clock_timestamp()
where peer_mentor_id = tests.id('mia') and topic_id = tests.id('English');
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is(tests.topics_of('mia'), 'English', 'what was gained goes; what was chosen again since stays, and what was given up stays away');
select is(tests.topics_of('cait'), 'English,Heredity,Tinnitus', 'the other has its own');

select is(tests.consents('mia', true), 'true', 'mia says it by itself: true');
select is(tests.topics_of('mia', true), 'English', 'and is listed with it');
select is(tests.said_of_topics(tests.preview('adam', 'mia', 'cait')), 'gained –, left_out Heredity,Tinnitus', 'what had no consent would be public');
select is(tests.merge('adam', 'mia', 'cait'), 'true', 'merged');
select is(tests.topics_of('mia', true), 'English', 'and is not');
select is(tests.topics_of('mia'), 'English', 'nor chosen');
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is(tests.topics_of('mia', true), 'English', 'as before');

select is(tests.choose('mia', '{Heredity}') || tests.choose('cait', '{English}') , '', 'another choice each');
select is(tests.consents('mia', false), 'true', 'mia says no');
select is(tests.consents('cait', true), 'true', 'cait yes, and later');
select is(tests.said_of_topics(tests.preview('adam', 'mia', 'cait')), 'gained English, left_out Heredity', 'the kept one becomes public');
select is(tests.merge('adam', 'mia', 'cait'), 'true', 'merged');
select is(tests.topics_of('mia', true), 'English', 'with what the yes was about');
select is(tests.choose('mia', '{English,Tinnitus}'), '', 'something is chosen since');
select is(tests.said_of_topics(tests.undo_preview('cait')), 'gained Heredity, left_out English', 'undoing says both');
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is(tests.topics_of('mia'), 'Heredity,Tinnitus', 'what was left out is back, and the choice stays');
select is(tests.topics_of('cait', true), 'English', 'the other is listed with its own');

select is(tests.consents('mia', true), 'true', 'both say yes');
select is(tests.merge('adam', 'mia', 'cait'), 'true', 'merged');
select is(tests.topics_of('mia', true), 'English,Heredity,Tinnitus', 'all of it is public, as it was');
select is(tests.undo('adam', 'cait'), 'true', 'undone');
select is(tests.topics_of('mia', true), 'Heredity,Tinnitus', 'to the own');
select is(
  (select count(*) from mentorcert.audit_log where coalesce(before::text, '') || coalesce(after::text, '') ~ 'topics'), 0::bigint,
  'the audit log has none of it'
);
select is(tests.consents('mia', false) || tests.consents('cait', false), 'truetrue', 'both say no again');

-- Chains, and erasure

select is(tests.merge('adam', 'lost', 'cait'), 'true', 'cait into lost');
select is(tests.merge('adam', 'old', 'lost'), 'true', 'and lost into old');
select is(mentorcert_private.kept_peer_mentor_id(tests.id('cait')), tests.id('old'), 'cait is old now');
select is(tests.attempt('adam', $$ select external_id from public.merges_of(tests.id('old')) $$), 'cait,lost', 'old shows both');
select is(tests.undo('adam', 'cait'), 'MC006 merge_undoable', 'the later merge is undone first');
select is(tests.attempt('owner', $$ select public.check_certificate(tests.id('cait.basic')) $$), 'true', 'a certificate of the first');
select is(mentorcert_private.erase_peer_mentor(tests.id('old')), 'none', 'erasing the person');
select is(
  (select count(*) from mentorcert.peer_mentors where id in (tests.id('old'), tests.id('lost'), tests.id('cait')) and erased_at is not null),
  3::bigint, 'erases what was merged into it'
);
select is_empty(
  $$ select id from mentorcert_private.peer_mentor_merges where undone_at is null and (reason is not null or state is not null) $$,
  'and what the merges hold of the person'
);
select is(
  tests.attempt('owner', format($q$ insert into mentorcert.peer_mentors (organisation_id, external_id, full_name) values (tests.id('alfa'), %L, 'x') $q$, number)),
  'MC021 erased_stay_erased', number || ' stays erased'
) from unnest(array['old', 'lost', 'cait']) as number;

-- Look-alikes

insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, email)
select tests.id(who), tests.id(organisation), number, name, email
from (values
  ('a1', 'alfa', '0042', 'Kari Nordmann', 'kari@alfa.example'), ('a2', 'alfa', '42', 'Another', null),
  ('a3', 'alfa', '43', 'KARI Nordmann', 'Kari@alfa.example'), ('a4', 'alfa', '44', 'Kari Nordmann', null),
  ('b1', 'beta', '0042', 'Kari Nordmann', 'kari@alfa.example')
) as people (who, organisation, number, name, email);
create function tests.pairs(more text default '') returns text
language sql
as $$
  select tests.attempt('adam', format(
    'select tests.name(first_id) || coalesce(%L || tests.name(second_id) || case when is_same_number then %L else %L end, %L) from public.look_alike_pairs(%s)',
    '+', ' number', ' name', '…', more
  ))
$$;
select is(tests.pairs(), 'a1+a2 number,a1+a3 name', 'who may be one person, and why');
select is(tests.pairs('page_size => 1'), 'a1+a2 number', 'a page');
select is(tests.pairs($$ tests.id('a1'), tests.id('a2'), 1 $$), 'a1+a3 name', 'the next one');
select is(tests.pairs($$ tests.id('a1'), tests.id('a3') $$), '', 'and the end');
select tests.everybody_gets(
  'select second_id from public.look_alike_pairs()', 'administrators see those of their organisation',
  'adam: a2,a3', 'bea: ', 'anon service_role: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 administration_right'
);
select tests.everybody_gets(
  $$ select public.mark_distinct(tests.id('a2'), tests.id('a1')) $$, 'and say which are two persons',
  'adam: true', 'bea: 42501 certification_right', 'anon service_role: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 administration_right'
);
select is(tests.attempt('adam', format('select public.mark_distinct(tests.id(%L), tests.id(%L))', one, other)), '42501 certification_right', one || ' and ' || other)
from (values ('a1', 'b1'), ('a1', 'a1'), ('a1', 'mia.1a')) as pairs (one, other);
select is(tests.perform('adam', $$ select public.mark_distinct(tests.id('a2'), tests.id('a1')) $$), 'true', 'two persons');
select is(tests.perform('adam', $$ select public.mark_distinct(tests.id('a1'), tests.id('a2')) $$), 'false', 'as was said');
select is(tests.pairs(), 'a1+a3 name', 'they are no pair any more');
select is(
  (select after from mentorcert.audit_log where table_name = 'distinct_peer_mentors' and actor ->> 'user_id' = tests.id('adam')::text),
  jsonb_build_object('first_id', tests.id('a1'), 'second_id', tests.id('a2')), 'the audit log has who decided it'
);
select is(tests.perform('adam', $$ select public.mark_distinct(tests.id('a1'), tests.id('a2'), false) $$), 'true', 'taken back');
select is(tests.pairs(), 'a1+a2 number,a1+a3 name', 'they are one again');
select is(tests.merge('adam', 'a1', 'a3'), 'true', 'merged');
select is(tests.pairs(), 'a1+a2 number', 'who is merged is no pair');

-- Rows move by a merge alone, in its transaction alone

update mentorcert_private.peer_mentor_merges set transaction_id = '1';

select is(tests.attempt('owner', statement), violated, statement)
from (values
  ($$ update public.peer_mentor_certifications set peer_mentor_id = tests.id('per') where id = tests.id('mia.short') $$, 'MC007 peer_mentor_certifications_peer_mentor_id_immutable'),
  ($$ update mentorcert.peer_mentor_chapters set peer_mentor_id = tests.id('lone') where id = tests.id('mia.1a') $$, 'MC007 peer_mentor_chapters_peer_mentor_id_immutable'),
  ($$ update mentorcert.peer_mentors set merged_into = tests.id('per') where id = tests.id('lone') $$, 'MC007 peer_mentors_merged_into_immutable'),
  ($$ insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, merged_into) values (tests.id('alfa'), 'n', 'n', tests.id('per')) $$, 'MC007 peer_mentors_merged_into_immutable'),
  ($$ delete from mentorcert_private.peer_mentor_merges $$, 'MC005 peer_mentor_merges_kept'),
  ($$ update mentorcert_private.peer_mentor_merges set kept_id = tests.id('per') $$, 'MC007 peer_mentor_merges_kept_id_immutable'),
  ($$ truncate mentorcert_private.distinct_peer_mentors $$, 'MC005 audit_log_complete')
) as moves (statement, violated);
select is(tests.attempt('adam', format('select count(*) >= 0 from public.look_alike_pairs(page_size => %s)', size)), answer, 'pairs: a page of ' || size)
from (values ('-1', 'MC008 page_size'), ('0', 'MC008 page_size'), ('1001', 'MC008 page_size'), ('null', 'MC008 page_size'), ('1000', 'true')) as pages (size, answer);

select * from finish();
rollback;
