\ir fixture.psql
-- Marks of what changes what an administrator's overview counts: in every organisation concerned and in no other, and for how long.

create function tests.marks(statement text) returns text
language plpgsql
as $$
begin
  delete from mentorcert_private.counted_changes;
  execute statement;
  return (
    select string_agg(tests.name(change.organisation_id), ',' order by tests.name(change.organisation_id))
    from mentorcert_private.counted_changes as change where change.transaction_id = pg_current_xact_id()
  );
end
$$;

-- What is known of this transaction: nothing, or all that it has done. One that committed has either.
create function tests.unseen() returns pg_snapshot
language sql
as $$ select format('%1$s:%2$s:%1$s', pg_current_xact_id(), pg_current_xact_id()::text::bigint + 1)::pg_snapshot $$;
create function tests.seen() returns pg_snapshot
language sql
as $$ select format('%s:%s:', pg_current_xact_id(), pg_current_xact_id()::text::bigint + 1)::pg_snapshot $$;
create function tests.state(who text, known pg_snapshot) returns text
language sql
as $$
  select tests.attempt(
    who, format('select coalesce(tests.name(organisation_id), ''none'') || '' '' || is_unchanged from mentorcert_private.counted_state(%L)', known)
  )
$$;
grant execute on all functions in schema tests to authenticated;

select is(
  (
    select string_agg(distinct on_table.events, ' ')
    from (
      select string_agg(format('%s:%s', trigger.tgname, trigger.tgenabled), ',' order by trigger.tgname) as events
      from pg_catalog.pg_trigger as trigger
      where
        trigger.tgname ^@ 'mark_counted' and trigger.tgtype & 1 = 0
        and trigger.tgrelid = any(array[
          'mentorcert.certification_types', 'mentorcert.chapters', 'mentorcert.peer_mentors', 'mentorcert_private.courses',
          'mentorcert_private.course_sign_ups', 'public.peer_mentor_certifications'
        ]::regclass[])
      group by trigger.tgrelid
      having count(*) = 4
    ) as on_table
    having count(*) = 6
  ),
  'mark_counted_on_delete:O,mark_counted_on_insert:O,mark_counted_on_truncate:O,mark_counted_on_update:O',
  'every table that is counted from has its marks, for all that changes rows'
);
select is(tests.marks($$ update mentorcert.chapters set name = 'Other' where code = '1a' $$), 'alfa', 'of the rows changed');
select is(tests.marks($$ update mentorcert.chapters set name = 'Other' where code = 'b1' $$), 'beta', 'and no others');
select is(tests.marks($$ update mentorcert.peer_mentors set phone = '+4722222222' $$), 'alfa,beta', 'of all that a statement changes');
select is(tests.marks($$ update mentorcert.chapters set name = 'x' where false $$), null, 'none where nothing is changed');
select is(
  tests.marks($$ insert into mentorcert.chapters (organisation_id, code, name) values (tests.id('beta'), 'new', 'New') $$), 'beta', 'of new rows'
);
select is(tests.marks($$ delete from mentorcert.chapters where code = 'new' $$), 'beta', 'of rows that are gone');
select is(tests.marks($$ truncate mentorcert_private.course_sign_ups cascade $$), 'alfa,beta', 'of everybody where a table is emptied');
select is(
  tests.marks($$ select tests.perform('cora', 'select id from public.suspend_certification(tests.id(''mia.basic''), ''Ill'')') $$),
  'alfa', 'also where a client changes something'
);

select is(tests.state('adam', null), 'alfa false', 'nothing is known without a snapshot');
select is(tests.state('adam', tests.unseen()), 'alfa false', 'a change that the snapshot does not know');
select is(tests.state('adam', tests.seen()), 'alfa true', 'a change that it knows');
select is(tests.state('bea', tests.unseen()), 'beta true', 'that of another organisation is none');
select is(tests.state('cora', tests.unseen()), 'none true', 'who administers nothing has no organisation here');
select is(tests.state('gone', tests.unseen()), 'none true', 'nor who no longer does');
select is(tests.attempt('anon', 'select * from mentorcert_private.counted_state(null)'), '42501', 'nor who is not signed in');
select is(tests.attempt('adam', 'select * from mentorcert_private.counted_changes'), '42501', 'nobody reads the marks');
select is(tests.attempt('adam', 'insert into mentorcert_private.counted_changes (organisation_id) values (tests.id(''alfa''))'), '42501', 'nor makes any');
create function tests.state_without(off text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (off, 'Repairs');
  answer := tests.state('adam', tests.seen());
  delete from mentorcert_private.disabled_endpoints as disabled where disabled.endpoint = off;
  return answer;
end
$$;
select is(
  tests.state_without(endpoint), 'MC010 endpoint_enabled', format('nothing that was kept is shown while %s is switched off', endpoint)
)
from unnest(array['certifications', 'organisations', 'peer_mentors']) as endpoint;
select is(tests.state_without('audit_log'), 'alfa true', 'of which nothing is counted, is not asked');

update mentorcert_private.counted_changes set recorded_at = now() - interval '10 days';
select mentorcert_private.delete_outdated();
select mentorcert_private.delete_outdated();
select is(
  (select count(*)::integer from mentorcert_private.counted_changes where settled_at > now() - interval '1 minute'), 1,
  'a mark is kept, however long ago its transaction began'
);
update mentorcert_private.counted_changes set settled_at = now() - interval '23 hours';
select mentorcert_private.delete_outdated();
select is((select count(*)::integer from mentorcert_private.counted_changes where settled_at < now()), 1, 'since it was first seen');
update mentorcert_private.counted_changes set settled_at = now() - interval '25 hours';
select mentorcert_private.delete_outdated();
select is((select count(*)::integer from mentorcert_private.counted_changes), 0, 'for a day');

select * from finish();
rollback;
