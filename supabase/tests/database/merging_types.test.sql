\ir fixture.psql
-- A certification type is merged into another one: what is held becomes the other type, is seen first, and can become again what it was.

create function tests.confirm(change text, subject uuid, new_values jsonb default '{}', who text default 'adam') returns text
language sql
as $$
  select tests.perform(who, format(
    $q$
      select public.confirm_consequences(%1$L, public.preview_consequences(%1$L, %2$L, %3$L) ->> 'fingerprint', %2$L, %3$L) is not null
    $q$, change, subject, new_values
  ))
$$;
create function tests.merged(what text, target text, reason text default 'One course now') returns text
language sql
as $$
  select tests.confirm('merge_type', tests.id(what), jsonb_build_object('into', case when target <> '' then tests.id(target) end, 'reason', reason))
$$;
create function tests.merge_entry() returns uuid
language sql
as $$
  select entry.id from mentorcert.audit_log as entry
  where entry.table_name = 'certification_types' and entry.after ->> 'merged_into_id' is not null order by entry.recorded_at desc limit 1
$$;
create function tests.held() returns text
language sql
as $$
  select string_agg(
    concat_ws(' ', mentor.external_id, certification.certification_type, certification.issued_at::date, certification.expires_at::date, certification.status),
    ', ' order by mentor.external_id, certification.certification_type
  )
  from public.peer_mentor_certifications as certification
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  where certification.organisation_id = tests.id('alfa')
$$;
create table tests.before as select tests.held() as held;

select is(tests.merged(what, target, reason), expected, format('%s into %s', what, target))
from (
  values
    ('alfa.short', 'alfa.short', 'x', 'MC008 merged_into_id'), ('alfa.short', 'beta.basic', 'x', 'MC008 merged_into_id'),
    ('beta.basic', 'alfa.basic', 'x', 'MC008 merged_into_id'), ('alfa.short', '', 'x', 'MC008 merged_into_id'),
    ('alfa.short', 'alfa.life', null, '23514 certification_types_retired_reason_valid'),
    ('alfa.short', 'alfa.life', repeat('a', 501), '23514 certification_types_retired_reason_length')
) as refused (what, target, reason, expected);
select tests.everybody_gets(
  $$ select public.preview_consequences('merge_type', tests.id('alfa.short'), jsonb_build_object('into', tests.id('alfa.life'), 'reason', 'x')) is not null $$,
  'administrators merge',
  'adam: true', 'bea: MC008 merged_into_id', 'anon service_role: 42501',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 administration_right'
);
select is(
  tests.attempt('adam', $$
    update mentorcert.certification_types set retired_on = tests.today(), retired_reason = 'x', merged_into_id = tests.id('alfa.life')
    where code = 'short'
  $$),
  'PT428 consequences_seen', 'not past the preview'
);
select is(
  tests.attempt('adam', $$
    select string_agg(each ->> 'kind' || ' ' || (each ->> 'subjects') || ' ' || (each ->> 'names'), ', ' order by each ->> 'kind')
    from jsonb_array_elements(
      public.preview_consequences('merge_type', tests.id('alfa.short'), jsonb_build_object('into', tests.id('alfa.life'), 'reason', 'x')) -> 'consequences'
    ) as each
  $$),
  'changes_type 1 ["Full name of mia (mia)"]', 'whom it changes is named'
);
select is(tests.held(), (select held from tests.before), 'and nothing has changed yet');

select is(tests.merged('alfa.short', 'alfa.life'), 'true', 'merged');
select is(
  tests.held(), (select replace(held, 'mia short', 'mia life') from tests.before), 'what is held becomes the other type, with the same dates'
);
select is(
  (select tests.name(merged_into_id) || ' ' || retired_reason from mentorcert.certification_types where id = tests.id('alfa.short')),
  'alfa.life One course now', 'and it is said where it went'
);
select is(tests.kinds('mia.short'), 'issued,corrected', 'by an entry of the history');
select is(
  (select renewal_history -> -1 ->> 'note' from public.peer_mentor_certifications where id = tests.id('mia.short')), 'One course now',
  'which says why'
);
select is(tests.merged('alfa.life', 'alfa.short'), 'MC008 merged_into_id', 'nothing is merged into a retired one');
select is(tests.confirm('undo', tests.merge_entry(), '{}', 'cora'), '42501 administration_right', 'a coordinator does not undo it');
select is(tests.confirm('undo', tests.merge_entry()), 'true', 'undone');
select is(tests.held(), (select held from tests.before), 'everything is what it was');
select is(tests.kinds('mia.short'), 'issued,corrected,reverted', 'and the history has both');
select is((select retired_on from mentorcert.certification_types where id = tests.id('alfa.short')), null, 'in use again');

select is(tests.merged('alfa.basic', 'alfa.short'), 'true', 'a type that is held beside the other one');
select is(
  (
    select array_agg(format('%s %s', certification.certification_type, certification.expires_at = basic.expires_at) order by 1)
    from public.peer_mentor_certifications as certification
    cross join (select expires_at from public.peer_mentor_certifications where id = tests.id('mia.basic')) as basic
    where certification.peer_mentor_id = tests.id('mia')
  ),
  '{basic t,short t}', 'who holds both keeps both, and the chosen one has the later end'
);
select is(
  (select count(*) from public.peer_mentor_certifications where organisation_id = tests.id('alfa') and certification_type = 'basic'), 1::bigint,
  'nobody else holds it any more'
);
select is(
  (select count(*) from public.peer_mentor_certifications where organisation_id = tests.id('beta') and certification_type = 'basic'), 2::bigint,
  'the type of another organisation with this code is none of ours'
);
select is(
  tests.attempt('adam', $$ select public.renew_certification(tests.id('mia.basic')) $$), 'MC024 certification_type_retired', 'it is not renewed'
);
select tests.perform('adam', $$ select public.suspend_certification(tests.id('mixa.basic'), 'x') $$);
select is(tests.confirm('undo', tests.merge_entry()), 'MC006 consequences_undoable', 'where one was changed since, nothing is undone');
select tests.perform('adam', $$
  select public.revert_change(
    tests.id('mixa.basic'), (select (renewal_history -> -1 ->> 'entry_id')::uuid from public.peer_mentor_certifications where id = tests.id('mixa.basic')), 'x'
  )
$$);
select is(tests.confirm('undo', tests.merge_entry()), 'MC006 consequences_undoable', 'nor where that was taken back: its history has gone on');
select is(
  tests.confirm('change_type', tests.id('alfa.basic'), '{"retired_on": null, "retired_reason": null}'), 'true', 'but it may be taken into use again'
);
select is((select merged_into_id from mentorcert.certification_types where id = tests.id('alfa.basic')), null, 'and is merged no more');

select is(tests.merged('alfa.yearly', 'alfa.short'), 'true', 'one that nobody holds');
select is(tests.confirm('undo', tests.merge_entry()), 'true', 'comes back as it was');
select is(tests.merged('alfa.short', 'alfa.yearly'), 'true', 'and once more');
select tests.perform('adam', $$ select public.register_certification(tests.id('mia'), 'short', tests.today(-3)) $$);
select is(tests.confirm('undo', tests.merge_entry()), 'MC006 consequences_undoable', 'not where somebody has it again, as of a day before');

select * from finish();
rollback;
