-- What an administrator's overview counts is kept by the process of the pages, and counted again only where something that it was counted
-- from has changed. A transaction that changes some of it leaves a mark for each organisation, which is seen when it has committed: what
-- was counted holds while there is no mark of a transaction that it has not seen. Inserted only, so that nobody waits for anybody.

create table if not exists mentorcert_private.counted_changes (
  organisation_id uuid not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  recorded_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint counted_changes_pkey primary key (organisation_id, transaction_id, recorded_at),
  constraint counted_changes_recorded_at_in_calendar check (recorded_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint counted_changes_settled_at_in_calendar check (settled_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z')
);
alter table mentorcert_private.counted_changes enable row level security;
revoke all on mentorcert_private.counted_changes from public, anon, authenticated, service_role;
comment on table mentorcert_private.counted_changes is
  'Which transactions changed what is counted of an organisation; read by mentorcert_private.counted_state, deleted a day after they have committed.';
comment on column mentorcert_private.counted_changes.organisation_id is 'Whose rows were changed.';
comment on column mentorcert_private.counted_changes.transaction_id is 'The transaction, by its number on this server.';
comment on column mentorcert_private.counted_changes.recorded_at is
  'When the transaction began. Part of the key: what was restored from elsewhere may have its number.';
comment on column mentorcert_private.counted_changes.settled_at is 'When the transaction was first seen to have committed.';

create or replace function mentorcert_private.mark_counted()
returns trigger
language plpgsql
security definer -- clients write what is counted, and no mark
set search_path = ''
as $$
begin
  insert into mentorcert_private.counted_changes (organisation_id)
  select distinct changed.organisation_id from changed_rows as changed
  on conflict do nothing;
  return null;
end
$$;
comment on function mentorcert_private.mark_counted() is 'Marks that the transaction changes what is counted of the organisations of the changed rows.';

create or replace function mentorcert_private.mark_all_counted()
returns trigger
language plpgsql
security definer -- as mark_counted
set search_path = ''
as $$
begin
  insert into mentorcert_private.counted_changes (organisation_id)
  select organisation.id from mentorcert.organisations as organisation
  on conflict do nothing;
  return null;
end
$$;
comment on function mentorcert_private.mark_all_counted() is 'Marks that the transaction changes what is counted of every organisation.';

do $$
declare
  wanted record;
begin
  for wanted in
    select counted.name, change.event, change.transition, case when change.transition = '' then 'mark_all_counted' else 'mark_counted' end as function
    from unnest(array[
      'mentorcert.certification_types', 'mentorcert.chapters', 'mentorcert.peer_mentors', 'mentorcert_private.courses',
      'mentorcert_private.course_sign_ups', 'public.peer_mentor_certifications'
    ]) as counted (name)
    cross join (
      values
        ('insert', 'referencing new table as changed_rows'), ('update', 'referencing new table as changed_rows'),
        ('delete', 'referencing old table as changed_rows'), ('truncate', '')
    ) as change (event, transition)
  loop
    execute format(
      'create or replace trigger mark_counted_on_%s after %1$s on %s %s for each statement execute function mentorcert_private.%s()',
      wanted.event, wanted.name, wanted.transition, wanted.function
    );
  end loop;
end
$$;

create or replace function mentorcert_private.counted_state(known pg_snapshot)
returns table (organisation_id uuid, day date, asked_at timestamptz, snapshot pg_snapshot, epoch text, is_unchanged boolean)
language plpgsql
stable
rows 1
security definer -- the marks are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
declare
  administered constant uuid := mentorcert_private.administered_organisation_id();
begin
  -- As the tables do of which it was counted.
  perform mentorcert_private.check_endpoint('certifications');
  perform mentorcert_private.check_endpoint('organisations');
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  select
    administered, mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(administered)), now(), pg_current_snapshot(),
    -- On another server, in what was restored, and after a crash (which empties its statistics), numbers of transactions mean others.
    concat_ws(
      ' ', pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time(),
      (select here.oid from pg_catalog.pg_database as here where here.datname = current_database()),
      'mentorcert_private.counted_changes'::regclass::oid
    ),
    known is not null and not exists (
      select from mentorcert_private.counted_changes as change
      where
        change.organisation_id = administered and change.transaction_id >= pg_snapshot_xmin(known)
        -- Not by the number: a transaction that began earlier may commit later.
        and not pg_visible_in_snapshot(change.transaction_id, known)
    );
end
$$;
comment on function mentorcert_private.counted_state(pg_snapshot) is
  'Whether what an administrator had counted after a snapshot still holds: the organisation, its day and the epoch are the same, and is_unchanged. The snapshot is for what is counted in the next statements. Raises MC010 as counting does.';

create or replace function mentorcert_private.delete_outdated_marks()
returns void
language sql
set search_path = ''
as $$
  -- What is kept is younger than an hour, so it has seen what had committed a day ago. That is when a mark was first seen here: its
  -- transaction may have begun long before.
  delete from mentorcert_private.counted_changes as change where change.settled_at < now() - interval '1 day';
  update mentorcert_private.counted_changes as change set settled_at = clock_timestamp() where change.settled_at is null;
$$;
comment on function mentorcert_private.delete_outdated_marks() is
  'Deletes the marks of transactions that have committed a day ago; part of mentorcert_private.delete_outdated.';

create or replace function mentorcert_private.delete_outdated(batch_size integer default 5000)
returns table (log text, deleted integer)
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  outdated record;
begin
  if batch_size is null or batch_size not between 1 and 100000 then
    raise exception using
      errcode = 'MC008', message = format('a batch of %s rows', coalesce(batch_size::text, 'null')), hint = 'Give 1 to 100000.',
      constraint = 'batch_size';
  end if;
  for outdated in
    select of.log, of.table_name, of.condition, now() - retention.keep as kept_from
    from mentorcert_private.outdated_conditions() as of
    join mentorcert_private.log_retention as retention on retention.log = of.log
    order by of.place
  loop
    execute format(
      'delete from %1$s as line where line.ctid = any(array('
      'select line.ctid from %1$s as line where %2$s limit $2 for update of line skip locked))',
      outdated.table_name, outdated.condition
    ) using outdated.kept_from, batch_size;
    get diagnostics deleted = row_count;
    log := outdated.log;
    return next;
  end loop;
  perform mentorcert_private.delete_outdated_locks();
  perform mentorcert_private.delete_outdated_attempts();
  perform mentorcert_private.delete_outdated_form_drafts();
  perform mentorcert_private.delete_outdated_marks();
end
$$;
comment on function mentorcert_private.delete_outdated(integer) is
  'Deletes a batch of what mentorcert_private.log_retention no longer keeps from each table; returns how much. Where each is less than a batch, nothing is left.';

revoke execute on function
  mentorcert_private.mark_counted, mentorcert_private.mark_all_counted, mentorcert_private.counted_state,
  mentorcert_private.delete_outdated_marks
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.counted_state to authenticated;
