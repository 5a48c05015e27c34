-- What grows, and how long it is kept: deleted in batches, apart from the nightly run.
--
-- Histories, consents and the messages of a portal are kept for good, as docs/operations.md says; files of tasks and the
-- attempts of the portal sync have rules of their own.

create index if not exists alert_notices_planned_at_idx on mentorcert_portal.alert_notices (planned_at);
create index if not exists alerts_ended_at_idx on mentorcert_portal.alerts (ended_at);
create index if not exists job_runs_started_at_idx on mentorcert_private.job_runs (started_at);
create index if not exists notices_recorded_at_idx on mentorcert_private.notices (recorded_at);
create index if not exists notice_mails_claimed_at_idx on mentorcert_private.notice_mails (claimed_at);
create index if not exists reconciliations_started_at_idx on mentorcert_portal.reconciliations (started_at);
create index if not exists drift_found_at_idx on mentorcert_portal.drift (found_at);

create or replace function mentorcert_private.outdated_conditions()
returns table (log text, table_name regclass, condition text, place bigint)
language sql
stable
set search_path = ''
as $$
  select of.*
  from unnest(
    array[
      'access_log', 'alerts', 'alerts', 'audit_log', 'change_batches', 'invitations', 'job_runs', 'job_runs', 'letter_drafts', 'letters', 'notes', 'notices', 'notices', 'reconciliations',
      'reconciliations', 'saved_filters'
    ],
    array[
      'mentorcert_private.access_log', 'mentorcert_portal.alert_notices', 'mentorcert_portal.alerts', 'mentorcert.audit_log', 'mentorcert_private.change_batches', 'mentorcert_private.invitations',
      'mentorcert_private.job_runs', 'mentorcert_private.nights', 'mentorcert_private.letters', 'mentorcert_private.letters', 'mentorcert_private.peer_mentor_notes',
      'mentorcert_private.notices', 'mentorcert_private.notice_mails', 'mentorcert_portal.drift', 'mentorcert_portal.reconciliations',
      'mentorcert_private.saved_filters'
    ]::regclass[],
    array[
      'line.recorded_at < $1',
      'line.planned_at < $1 and line.state in (''sent'', ''given_up'')',
      'line.ended_at < $1 and not exists (select from mentorcert_portal.alert_notices as notice where notice.alert_id = line.id)',
      'line.recorded_at < $1',
      'line.changed_at < $1',
      'coalesce(line.accepted_at, line.withdrawn_at, line.expires_at) < $1',
      'line.started_at < $1', 'line.started_at < $1',
      'line.written_at < $1 and line.sent_at is null',
      -- With its mails, but for what is still to be sent.
      'line.written_at < $1 and line.sent_at < $1 and not exists (select from mentorcert_private.notice_mails as mail where mail.letter_id = line.id and mail.state in (''queued'', ''sending''))',
      -- From the day on which the person left.
      'exists (select from mentorcert.peer_mentors as mentor where mentor.id = mentorcert_private.kept_peer_mentor_id(line.peer_mentor_id) and mentor.left_on < $1::date)',
      -- While it can still be sent, its row is what keeps it from being sent again.
      'line.recorded_at < $1 and line.expires_at < $1',
      'line.claimed_at < $1 and line.state <> ''sending'' and line.letter_id is null and not exists (select from mentorcert_private.notices as notice where notice.mail_id = line.id)',
      'line.found_at < $1 and line.repaired_at is not null',
      'line.started_at < $1 and line.finished_at is not null and not exists (select from mentorcert_portal.drift as open where open.reconciliation_id = line.id)',
      -- From the day on which its owner lost the last access to the lists.
      'line.user_id is not null and line.created_at < $1 and not exists (select from mentorcert.memberships as membership where membership.user_id = line.user_id and membership.organisation_id = line.organisation_id and membership.role <> ''peer_mentor'' and (membership.ended_at is null or membership.ended_at > $1))'
    ]
  ) with ordinality as of (log, table_name, condition, place)
$$;
comment on function mentorcert_private.outdated_conditions() is
  'What of each table is outdated at an instant ($1): the tables of a log in the order in which they are deleted from.';

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
end
$$;
comment on function mentorcert_private.delete_outdated(integer) is
  'Deletes a batch of what mentorcert_private.log_retention no longer keeps from each table; returns how much. Where each is less than a batch, nothing is left.';

create or replace function mentorcert_private.kept_too_long()
returns table (log text, table_name text, keep interval)
language plpgsql
stable
set search_path = ''
as $$
declare
  outdated record;
  is_found boolean;
begin
  for outdated in
    select of.log, of.table_name, of.condition, retention.keep
    from mentorcert_private.outdated_conditions() as of
    join mentorcert_private.log_retention as retention on retention.log = of.log
    order by of.place
  loop
    execute format('select exists (select from %s as line where %s)', outdated.table_name, outdated.condition)
      into is_found using now() - outdated.keep - interval '2 days';
    if is_found then
      log := outdated.log;
      table_name := outdated.table_name::text;
      keep := outdated.keep;
      return next;
    end if;
  end loop;
end
$$;
comment on function mentorcert_private.kept_too_long() is
  'The tables that hold what should have been deleted two days ago: nothing runs mentorcert_private.delete_outdated.';

create or replace function mentorcert_private.schedule_retention()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if to_regnamespace('cron') is null then
    return false;
  end if;
  execute format(
    'select %I.schedule(%L, %L, %L)', 'cron', 'mentorcert-retention', '7,22,37,52 * * * *',
    'select mentorcert_private.delete_outdated()'
  );
  return true;
end
$$;
comment on function mentorcert_private.schedule_retention() is
  'Lets pg_cron delete what is outdated, a batch every quarter of an hour, if it is installed; returns whether it is. Call it again after installing pg_cron.';

do $$ begin perform mentorcert_private.schedule_retention(); end $$;

revoke execute on function
  mentorcert_private.outdated_conditions, mentorcert_private.delete_outdated, mentorcert_private.kept_too_long,
  mentorcert_private.schedule_retention
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.delete_outdated to mentorcert_jobs;
