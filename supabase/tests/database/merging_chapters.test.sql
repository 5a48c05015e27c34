\ir fixture.psql
-- A chapter is merged into another one: everybody and everything moves, is seen first, and can move back.

create function tests.confirm(change text, subject uuid, new_values jsonb default '{}', who text default 'adam') returns text
language sql
as $$
  select tests.perform(who, format(
    $q$
      select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L, %3$L) ->> 'fingerprint', %2$L, %3$L) is not null
    $q$, change, subject, new_values
  ))
$$;
create function tests.merged(what text, target text, reason text default 'Too few') returns text
language sql
as $$
  select tests.confirm('merge_chapter', tests.id(what), jsonb_build_object('into', case when target <> '' then tests.id(target) end, 'reason', reason))
$$;
create function tests.merge_entry() returns uuid
language sql
as $$
  select entry.id from mentorcert.audit_log as entry
  where entry.table_name = 'chapters' and entry.after ->> 'merged_into_id' is not null order by entry.recorded_at desc limit 1
$$;
create function tests.places() returns text
language sql
as $$
  select (
    select string_agg(mentor.external_id || ':' || (
      select string_agg(tests.name(held), '+' order by tests.name(held)) from unnest(mentor.chapter_ids) as held
    ), ' ' order by mentor.external_id)
    from mentorcert.peer_mentors as mentor where mentor.organisation_id = tests.id('alfa')
  ) || ' / ' || (
    select string_agg(distinct tests.name(membership.user_id) || ':' || tests.name(membership.chapter_id), ' ')
    from mentorcert.memberships as membership
    where membership.organisation_id = tests.id('alfa') and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > now())
  ) || ' / ' || (
    select string_agg(chapter.code || ':' || coalesce(tests.name(chapter.parent_id), '-'), ' ' order by chapter.code)
    from mentorcert.chapters as chapter where chapter.organisation_id = tests.id('alfa') and chapter.retired_on is null
  )
$$;
create table tests.before as select tests.places() as places;
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id, ended_at)
values (tests.id('alfa'), tests.id('cait'), tests.id('1b'), now() + interval '30 days');
update tests.before set places = tests.places();

select is(tests.merged(what, target, reason), expected, format('%s into %s', what, target))
from (
  values
    ('1a', '1a', 'x', 'MC008 merged_into_id'), ('1a', 'b1', 'x', 'MC008 merged_into_id'), ('b1', '1a', 'x', 'MC008 merged_into_id'),
    ('1a', '', 'x', 'MC008 merged_into_id'), ('county1', '1a', 'x', 'MC009 chapters_no_cycle'),
    ('1a', '1b', null, '23514 chapters_retired_reason_valid')
) as refused (what, target, reason, expected);
select tests.everybody_gets(
  $$ select public.preview_consequences('merge_chapter', tests.id('1b'), jsonb_build_object('into', tests.id('2a'), 'reason', 'x')) is not null $$,
  'administrators merge',
  'adam: true', 'bea: MC008 merged_into_id', 'anon service_role: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 administration_right'
);
select is(
  tests.attempt('adam', $$
    select string_agg(each ->> 'kind' || ' ' || (each ->> 'subjects'), ', ' order by each ->> 'kind')
    from jsonb_array_elements(
      public.preview_consequences('merge_chapter', tests.id('1b'), jsonb_build_object('into', tests.id('2a'), 'reason', 'x')) -> 'consequences'
    ) as each
  $$),
  'changes_chapter 2, loses_reach 1', 'who moves, and whose reach changes'
);
select is(tests.places(), (select places from tests.before), 'and nobody has moved yet');

-- Contact and postal places

create function tests.contact(what text) returns text
language sql
as $$
  select concat_ws(' ', contact_email, contact_phone, website, array_to_string(places, '+')) from mentorcert.chapters where id = tests.id(what)
$$;
update mentorcert.chapters set contact_email = 'b@alfa.example', contact_phone = '22 22 22 22', website = 'https://alfa.example', places = '{0150,Bekk,BØ}' where id = tests.id('1b');
update mentorcert.chapters set contact_email = 'a@alfa.example', website = 'https://alfa.example', places = '{4000,Bø}' where id = tests.id('2a');
select is(
  tests.attempt('adam', $$
    select each -> 'names' ->> 0
    from jsonb_array_elements(
      public.preview_consequences('merge_chapter', tests.id('1b'), jsonb_build_object('into', tests.id('2a'), 'reason', 'x')) -> 'consequences'
    ) as each
    where each ->> 'kind' ~ 'contact'
  $$),
  'Chapter 2a: 22 22 22 22, 0150, Bekk', 'what the chapter gets of the contact is shown'
);
update mentorcert.chapters set places = array(select 'No. ' || number from generate_series(1, 97) as number) || '{4000,Bø}' where id = tests.id('2a');
select is(tests.merged('1b', '2a'), '23514 chapters_places_valid', 'a chapter serves no more places than it can have');
update mentorcert.chapters set places = '{4000,Bø}' where id = tests.id('2a');

select is(tests.merged('1b', '2a'), 'true', 'merged');
select is(tests.contact('2a'), 'a@alfa.example 22 22 22 22 https://alfa.example 4000+Bø+0150+Bekk', 'it keeps its own, gets what it lacks, and serves the places of both');
select is(tests.contact('1b'), 'b@alfa.example 22 22 22 22 https://alfa.example 0150+Bekk+BØ', 'the other is as it was');
select is((select count(*) from mentorcert.peer_mentor_chapters where chapter_id = tests.id('1b') and (ended_at is null or ended_at > now())), 0::bigint, 'nobody is left');
select is((select array_agg(tests.name(held)) from mentorcert.peer_mentors as mentor, unnest(mentor.chapter_ids) as held where mentor.id = tests.id('per')), '{2a}', 'who is in both stays once');
select is(
  (select ended_at from mentorcert.peer_mentor_chapters where peer_mentor_id = tests.id('cait') and chapter_id = tests.id('2a')),
  now() + interval '30 days', 'an end that lies ahead moves along'
);
select is((select tests.name(merged_into_id) from mentorcert.chapters where id = tests.id('1b')), '2a', 'and it is said where it went');
select is(tests.kinds('per.life'), 'issued', 'histories are as they were');
select is(tests.confirm('undo', tests.merge_entry(), '{}', 'cora'), '42501 administration_right', 'a coordinator does not undo it');
update mentorcert.chapters set contact_email = 'new@alfa.example', places = places || '{New}' where id = tests.id('2a');
select is(
  tests.attempt('adam', format($q$
    select each -> 'names' ->> 0 from jsonb_array_elements(public.preview_consequences('undo', %L) -> 'consequences') as each
    where each ->> 'kind' = 'loses_contact'
  $q$, tests.merge_entry())),
  'Chapter 2a: 22 22 22 22, 0150, Bekk', 'undoing says what goes'
);
select is(tests.confirm('undo', tests.merge_entry()), 'true', 'undone');
select is(tests.contact('2a'), 'new@alfa.example https://alfa.example 4000+Bø+New', 'what came with it goes, what was written since stays');
select is(tests.places(), (select places from tests.before), 'everybody is where they were');
select is(
  (select ended_at from mentorcert.peer_mentor_chapters where peer_mentor_id = tests.id('cait') and chapter_id = tests.id('1b')),
  now() + interval '30 days', 'with the end that was known'
);

select is(tests.merged('county1', 'county2'), 'true', 'one with chapters under it');
select is((select tests.name(parent_id) from mentorcert.chapters where id = tests.id('1a')), 'county2', 'which move along');
select is(tests.attempt('paula', $$ select external_id from mentorcert.peer_mentors where external_id = 'lone' $$), 'lone', 'and its coordinator reaches more');
select is(tests.merged('1a', 'county1'), 'MC008 merged_into_id', 'nothing is merged into a retired one');
update mentorcert.chapters set parent_id = null where id = tests.id('1a');
select is(tests.confirm('undo', tests.merge_entry()), 'MC006 consequences_undoable', 'a chapter that was moved again stays where it is');
update mentorcert.chapters set parent_id = tests.id('county2') where id = tests.id('1a');
select is(tests.attempt('adam', format('select public.preview_consequences(''undo'', %L) is not null', tests.merge_entry())), 'true', 'moved back, it can be undone');
update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = tests.id('cait') and chapter_id = tests.id('county2');
select is(tests.confirm('undo', tests.merge_entry()), 'MC006 consequences_undoable', 'not where somebody who moved has left');
select is(
  tests.confirm('change_chapter', tests.id('county1'), '{"retired_on": null, "retired_reason": null}'), 'true', 'but it may be taken into use again'
);
select is((select merged_into_id from mentorcert.chapters where id = tests.id('county1')), null, 'empty, and merged no more');

select * from finish();
rollback;
