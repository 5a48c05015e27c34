\ir fixture.psql
-- Saved filters: who saves, reads, renames and removes them, what they hold, and when they go.

create function tests.filter(called text) returns uuid
language sql security definer set search_path = ''
as $$ select saved.id from mentorcert_private.saved_filters as saved where saved.name = called $$;

select tests.everybody_gets(
  $$ select case when public.save_filter('mentors', 'Trial', '{"q": "x"}') is not null then 'saved' end as done $$,
  'coordinators and administrators save their own', 'adam bea bob cora dora@alfa mixa paula sev: saved',
  'dora dora@beta gone mia nora per: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  $$ select case when public.save_filter('mentors', 'Trial', '{"q": "x"}', is_shared => true) is not null then 'saved' end as done $$,
  'administrators save for everybody', 'adam bea: saved',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.perform('cora', $$ select public.save_filter('mentors', E' Lacks\u200b  it ', '{"type": "basic", "standing": "not_held"}') is not null as done $$), 'true', 'saved');
select is(tests.perform('cora', $$ select public.save_filter('certifications', 'Ends soon', '{"ends": "30", "sort": "-name"}') is not null as done $$), 'true', 'of the other list');
select is(tests.perform('adam', $$ select public.save_filter('mentors', 'Whole county', '{"q": "oslo"}', true) is not null as done $$), 'true', 'for everybody');
select tests.everybody_gets(
  $$ select name from public.saved_filters() $$, 'the own ones and those of everybody, by name; no other list has any',
  'cora: Ends soon,Lacks it,Whole county', 'adam dora@alfa mixa paula sev: Whole county', 'bea bob dora dora@beta gone mia nora per: ', 'anon service_role: 42501'
);
select is(
  tests.attempt('cora', $$ select string_agg(list || ' ' || name || ' ' || is_shared || ' ' || may_change, ', ') from public.saved_filters() $$),
  'certifications Ends soon false true, mentors Lacks it false true, mentors Whole county true false', 'whose they are'
);
select is(
  tests.attempt('cora', $$ select parameters::text from public.saved_filters() where list = 'certifications' $$), '{"ends": "30", "sort": "-name"}', 'with what is asked for'
);

-- What is refused
select is(tests.attempt('adam', format('select public.save_filter(%s) is not null as done', given)), answer, given)
from (
  values
    ($$'mentors', '', '{"q": "x"}'$$, '23514 saved_filters_name_valid'), ($$'mentors', null, '{"q": "x"}'$$, '23502'),
    ($$'mentors', repeat('x', 61), '{"q": "x"}'$$, '23514 saved_filters_name_length'),
    ($$'mentors', E'x\u0001', '{"q": "x"}'$$, '23514 saved_filters_name_characters'),
    ($$'mentors', 'Whole county', '{"q": "x"}', true$$, '23505 saved_filters_name_key'),
    ($$'mentors', 'Whole county', '{"q": "x"}'$$, 'true'), ($$'certifications', 'Whole county', '{"q": "x"}', true$$, 'true'),
    ($$'admin', 'x', '{"q": "x"}'$$, '23514 saved_filters_list_valid'), ($$null, 'x', '{"q": "x"}'$$, '23502'), ($$'mentors', 'x', null$$, '23502'),
    ($$'mentors', 'x', jsonb_build_object('chapter', tests.id('1a'))$$, 'true'),
    ($$'mentors', 'x', jsonb_build_object('chapter', tests.id('b1'))$$, 'MC008 saved_filters_parameters_known'),
    ($$'mentors', 'x', jsonb_build_object('chapter', gen_random_uuid())$$, 'MC008 saved_filters_parameters_known'),
    ($$'mentors', 'x', '{"type": "beta-only", "standing": "held"}'$$, 'MC008 saved_filters_parameters_known'),
    ($$'certifications', 'x', '{"type": "of_nobody"}'$$, 'MC008 saved_filters_parameters_known'),
    ($$'mentors', 'x', '{"holds": "of_nobody"}'$$, 'MC008 saved_filters_parameters_known'),
    ($$'mentors', 'x', '{"q": "x", "left": "true", "size": "100", "on": "2026-01-31", "first": "2026-01-01", "last": "2026-12-31"}'$$, 'true')
) as calls (given, answer);
select is(
  tests.attempt('adam', format($$ select public.save_filter(%L, 'x', %L) is not null as done $$, list, given)), '23514 saved_filters_parameters_valid', list || ' ' || given
) from (
  values
    ('mentors', '{}'), ('mentors', '[]'), ('mentors', 'null'), ('mentors', '"q=x"'), ('mentors', '[{"q": "x"}]'), ('mentors', '{"q": 1}'), ('mentors', '{"q": null}'),
    ('mentors', '{"q": {"q": "x"}}'), ('mentors', '{"q": ""}'), ('mentors', format('{"q": "%s"}', repeat('x', 201))), ('mentors', '{"q": "a\nb"}'), ('mentors', '{"q": "a\u0001b"}'),
    ('mentors', '{"status": "active"}'), ('certifications', '{"standing": "never"}'), ('mentors', '{"next": "https://example.org"}'), ('mentors', '{"after": "x"}'),
    ('mentors', '{"ticked": "x"}'), ('mentors', '{"Q": "x"}'), ('mentors', '{"standing": "lost"}'), ('mentors', '{"chapter": "1"}'), ('mentors', '{"left": "false"}'),
    ('mentors', '{"size": "1000"}'), ('mentors', '{"on": "31.1.2026"}'), ('mentors', '{"on": "2026-01-31\n"}'), ('certifications', '{"status": "lost"}'),
    ('certifications', '{"ends": "31"}'), ('certifications', '{"ends": "2026-13"}'), ('certifications', '{"sort": "ssn"}'), ('certifications', '{"sort": "-next"}')
) as filters (list, given);
do $$
begin
  perform tests.perform('mixa', format($call$ select public.save_filter('mentors', 'Filter %s', '{"q": "x"}') is not null as done $call$, number))
  from generate_series(1, 30) as number;
end
$$;
select is(tests.attempt('mixa', $$ select public.save_filter('mentors', 'One more', '{"q": "x"}') is not null as done $$), 'MC008 saved_filters_number', 'at most 30');
select is(tests.attempt('paula', $$ select public.save_filter('mentors', 'Filter 1', '{"q": "x"}') is not null as done $$), 'true', 'of each person');

-- Another name, and away
select tests.everybody_gets(
  format($$ select public.rename_filter('%s', 'Renamed')::text as done $$, tests.filter('Lacks it')), 'the owner renames', 'cora: ',
  'adam bea bob dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  format($$ select public.remove_filter('%s')::text as done $$, tests.filter('Lacks it')), 'and removes', 'cora: ',
  'adam bea bob dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select tests.everybody_gets(
  format($$ select public.remove_filter('%s')::text as done $$, tests.filter('Whole county')), 'administrators what is everybody''s', 'adam: ',
  'bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right', 'anon service_role: 42501'
);
select is(tests.attempt('cora', format($$ select public.%s $$, format(call, tests.filter('Lacks it')))), answer, call)
from (
  values
    ($$rename_filter('%s', 'Ends soon')$$, ''), ($$rename_filter('%s', '')$$, '23514 saved_filters_name_valid'),
    ($$rename_filter('%s', 'x', 7)$$, 'PT409 saved_filters_version_current'), ($$remove_filter('%s', 7)$$, 'PT409 saved_filters_version_current'), ($$rename_filter('%s', 'x', 1)$$, '')
) as calls (call, answer);
select is(tests.perform('cora', format($$ select public.rename_filter('%s', ' Lacks  pledge ', 1)::text as done $$, tests.filter('Lacks it'))), '', 'renamed');
select is(tests.attempt('cora', $$ select string_agg(name || ' ' || version, ', ') from public.saved_filters() where list = 'mentors' and not is_shared $$), 'Lacks pledge 2', 'the name is tidied');
select is(tests.perform('cora', format($$ select public.remove_filter('%s', 1)::text as done $$, tests.filter('Ends soon'))), '', 'removed');
select is(tests.attempt('cora', $$ select count(*)::text from public.saved_filters() where list = 'certifications' $$), '0', 'it is gone');
select throws_ok(format('update mentorcert_private.saved_filters set %s where name = %L', change, 'Lacks pledge'), 'MC007', null, change)
from unnest(array[
  'id = gen_random_uuid()', $$organisation_id = tests.id('beta')$$, 'user_id = null', $$list = 'certifications'$$, $$parameters = '{"q": "y"}'$$, 'created_at = now() - interval ''1 day'''
]) as change;

-- The rows end with the access of their owner
create function tests.kept(called text) returns text
language sql security definer set search_path = ''
as $$ select coalesce(string_agg(saved.name, ', '), 'none') from mentorcert_private.saved_filters as saved where saved.name = called $$;
savepoint before_end;
update mentorcert.memberships set ended_at = now() where user_id = tests.id('cora');
select is(tests.attempt('cora', $$ select count(*)::text from public.saved_filters() $$), '0', 'who has no access reads nothing, not even the own');
select is(
  tests.attempt('cora', format($$ select public.rename_filter('%s', 'x')::text as done $$, tests.filter('Lacks pledge'))), '42501 certification_right', 'and changes nothing'
);
rollback to before_end;
insert into mentorcert_private.saved_filters (organisation_id, user_id, list, name, parameters, created_at)
select tests.id('alfa'), tests.id(owner), 'mentors', concat_ws(' of ', age, coalesce(owner, 'everybody')), '{"q": "x"}', now() - age * interval '1 day'
from (values (40, 'cora'), (40, 'mia'), (40, 'nora'), (40, 'per'), (40, 'sev'), (40, 'bea'), (40, null), (20, 'mia')) as filters (age, owner);
insert into mentorcert.memberships (organisation_id, user_id, role, created_at, ended_at)
select tests.id('alfa'), tests.id(who), 'org_admin', now() - interval '60 days', now() - ago * interval '1 day' from (values ('nora', 35), ('per', 25)) as ends (who, ago);
update mentorcert.memberships set ended_at = now() + interval '25 days' where user_id = tests.id('sev');
select count(*) from mentorcert_private.delete_outdated();
select is(tests.kept(name), answer, 'kept for ' || reason)
from (
  values
    ('40 of cora', '40 of cora', 'a coordinator'), ('40 of everybody', '40 of everybody', 'everybody'), ('40 of mia', 'none', 'nobody without a list'),
    ('40 of nora', 'none', 'nobody whose access ended more than 30 days ago'), ('40 of per', '40 of per', 'who may get it back'),
    ('40 of sev', '40 of sev', 'whose access ends later'), ('40 of bea', 'none', 'nobody with access elsewhere alone'), ('20 of mia', '20 of mia', '30 days')
) as filters (name, answer, reason);

-- Whom a list was narrowed to is erased, and a login takes its own away
insert into mentorcert_private.saved_filters (organisation_id, list, name, parameters)
select tests.id(organisation), 'mentors', name, jsonb_build_object('q', search)
from (
  values
    ('alfa', 'By name', 'full NAME of mia'), ('alfa', 'By a longer search', 'x full name of mia'), ('alfa', 'About Full name of mia', 'x'), ('alfa', 'By number', 'MIA'),
    ('alfa', 'Of another', 'Full name of cait'), ('alfa', 'With the number in a word', 'mial'), ('beta', 'Elsewhere', 'Full name of mia')
) as filters (organisation, name, search);
update mentorcert.peer_mentors set external_id = 'mia' where id = tests.id('mia') and external_id <> 'mia';
select is(mentorcert_private.erase_peer_mentor(tests.id('mia')), 'kept', 'erased');
select is(tests.kept(name), answer, name)
from (
  values
    ('By name', 'none'), ('By a longer search', 'none'), ('About Full name of mia', 'none'), ('By number', 'none'), ('Of another', 'Of another'),
    ('With the number in a word', 'With the number in a word'), ('Elsewhere', 'Elsewhere'), ('Lacks pledge', 'Lacks pledge')
) as filters (name, answer);
delete from auth.users where id = tests.id('cora');
select is(tests.kept('Lacks pledge'), 'none', 'a login takes its filters away');

-- Switched off
insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'test');
select is(tests.attempt('adam', statement), 'MC010 endpoint_enabled', statement)
from (
  values
    ('select * from public.saved_filters()'), ($$select public.save_filter('mentors', 'x', '{"q": "x"}')$$),
    (format('select public.rename_filter(%L, ''x'')', tests.filter('40 of everybody')))
) as statements (statement);

select * from finish();
rollback;
