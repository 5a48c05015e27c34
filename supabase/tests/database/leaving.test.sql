\ir fixture.psql
-- People stop: from a day, for a reason; and may come back.

select tests.everybody_gets(
  $$ select public.mark_left(tests.id('mia'), tests.today()) $$, 'the administrator and the chapter''s coordinators say it',
  'adam cora dora@alfa mixa paula: ', 'bea bob dora dora@beta gone mia nora per service_role sev: 42501 certification_right', 'anon: 42501'
);
select is(tests.attempt('adam', format('select public.mark_left(tests.id(''mia''), %s)', day)), expected, day)
from (
  values
    ('null', 'MC008 left_on'), ('tests.today(366)', ''), ('tests.today(367)', 'MC008 peer_mentors_left_on_near'),
    ($$'infinity'$$, 'MC008 peer_mentors_left_on_near'), ($$'-infinity'$$, 'MC008 peer_mentors_left_on_near'),
    ($$'0044-03-15 BC'$$, 'MC008 peer_mentors_left_on_near'), ($$'1900-01-01'$$, 'MC008 peer_mentors_left_on_near')
) as days (day, expected);
alter table mentorcert.peer_mentors disable trigger check_left_on;
select is(
  tests.attempt('owner', format('update mentorcert.peer_mentors set left_on = %L where id = tests.id(''mia'')', day)),
  '23514 peer_mentors_left_on_valid', day || ' is no day to leave on'
) from unnest(array['2200-01-01', '9998-01-01']) as day;
alter table mentorcert.peer_mentors enable trigger check_left_on;
select is(tests.attempt('adam', $$ update mentorcert.peer_mentors set left_on = '2026-01-01' where id = tests.id('mia') $$), '42501', 'no client writes the column itself');

-- A day to come counts when it comes
create function tests.lists(who text) returns text
language sql as $$
  select concat_ws(
    ' ',
    case when tests.attempt('adam', format('select peer_mentor_id from public.certifications_page() as c where peer_mentor_id = tests.id(%L) limit 1', who)) <> '' then 'page' end,
    case when tests.attempt('adam', format('select peer_mentor_id from public.certifications_page(chapter_id => tests.id(''1a'')) as c where peer_mentor_id = tests.id(%L) limit 1', who)) <> '' then 'chapter' end,
    case when tests.attempt('adam', format('select peer_mentor_id from public.search_certifications() as c where peer_mentor_id = tests.id(%L) limit 1', who)) <> '' then 'search' end,
    case when tests.attempt('cora', format('select peer_mentor_id from public.certifications_page() as c where peer_mentor_id = tests.id(%L) limit 1', who)) <> '' then 'coordinator' end,
    case when tests.attempt('adam', format('select peer_mentor_id from public.search_certifications(with_left => true) as c where peer_mentor_id = tests.id(%L) limit 1', who)) <> '' then 'with-left' end,
    case when exists (select from mentorcert_private.due_notices(now()) as due where due.peer_mentor_id = tests.id(who)) then 'notices' end,
    case when exists (
      select from mentorcert_private.digest_contents(tests.id('alfa'), tests.id('cora'), now()) as line where line.full_name = 'Full name of ' || who
    ) then 'digest' end,
    case when exists (select from public.listed_peer_mentors as listed where listed.peer_mentor_id = tests.id(who)) then 'public' end
  )
$$;
select is(tests.lists('mia'), 'page chapter search coordinator with-left notices digest public', 'before');
select is(tests.perform('cora', $$ select public.mark_left(tests.id('mia'), tests.today(1), 'Moved') $$), '', 'leaves tomorrow');
select is(tests.lists('mia'), 'page chapter search coordinator with-left notices digest public', 'today nothing has changed');
select is((select listed_until from public.listed_peer_mentors where peer_mentor_id = tests.id('mia')), tests.day(1), 'but the lease ends then, whatever runs');
select is_empty(
  $$ select 1 from mentorcert_private.due_notices(tests.day(2)) as due where due.peer_mentor_id = tests.id('mia') $$, 'as do the reminders'
);
select is(tests.perform('cora', $$ select public.mark_left(tests.id('mia'), tests.today(), E' Moved\u200b ') $$), '', 'leaves today');
select is((select left_reason from mentorcert.peer_mentors where id = tests.id('mia')), 'Moved', 'for a reason, kept in its canonical form');
select is(tests.lists('mia'), 'with-left', 'is in no list but that of those who left');
select is(tests.attempt('mia', $$ select id from public.peer_mentor_certifications $$), 'mia.basic,mia.short', 'and sees the own certifications as before');
select is(tests.kinds('mia.basic'), 'issued', 'whose history is kept');
select is(
  tests.attempt('cora', format($$ select public.%s version => (select version from mentorcert.peer_mentors where id = tests.id('mia')) - %s) $$, call, older)),
  answer, format('%s takes the version that was seen', call)
)
from unnest(array['mark_left(tests.id(''mia''), tests.today(),', 'mark_returned(tests.id(''mia''),']) as call
cross join (values (0, ''), (1, 'PT409 peer_mentors_version_current')) as versions (older, answer);
select is(tests.perform('cora', $$ select public.mark_returned(tests.id('mia')) $$), '', 'is back');
select is(tests.lists('mia'), 'page chapter search coordinator with-left notices digest public', 'and is in all of them');
select is((select left_reason from mentorcert.peer_mentors where id = tests.id('mia')), null, 'the reason is gone');
select is(
  (select string_agg((after ->> 'left_on' is not null)::text, ',' order by recorded_at) from mentorcert.audit_log where row_id = tests.id('mia')::text and after ? 'left_on'),
  'true,true,false', 'the audit log has it all'
);

-- The erased are in no list at all
select lives_ok($$ select mentorcert_private.erase_peer_mentor(tests.id('mia')) $$, 'erased');
select is(tests.lists('mia'), '', 'not even in that of those who left');

select * from finish();
rollback;
