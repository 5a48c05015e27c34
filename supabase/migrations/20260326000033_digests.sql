-- Digests to coordinators and administrators, the days on which notices are sent, and what is in doubt.

create or replace function mentorcert_private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamptz)
returns table (full_name text, chapters text, name_nb text, name_en text, last_valid_day date, has_expired boolean)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_custom_plan -- a local chapter and a whole organisation want different indexes
as $$
declare
  organisation record;
  own_chapter_ids uuid [];
  covered_chapter_ids uuid [];
  is_administrator boolean;
  covered_until date;
begin
  select * into organisation from mentorcert_private.notice_organisations(as_of) as every
  where every.organisation_id = digest_lines.organisation_id;
  own_chapter_ids := mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'coordinator' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ));
  is_administrator := exists (
    select from mentorcert.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );
  covered_chapter_ids := case when is_administrator then mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and mentorcert_private.is_address(login.email)
    where membership.organisation_id = digest_lines.organisation_id and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )) end;
  covered_until := coalesce(
    (
      select max(mail.covered_until) from mentorcert_private.notice_mails as mail
      where mail.organisation_id = digest_lines.organisation_id and mail.user_id = digest_lines.user_id
        and mail.state <> 'released' and mail.week < date_trunc('week', organisation.local_day)::date
    ),
    organisation.local_day - 14
  );
  return query
  select
    mentor.full_name,
    (
      select string_agg(chapter.name, ', ' order by chapter.name) from mentorcert.chapters as chapter
      where chapter.id = any(certification.chapter_ids) and (is_administrator or chapter.id = any(own_chapter_ids))
    ),
    type.name_nb, type.name_en, clock.first_day_without - 1, clock.first_day_without <= organisation.local_day
  from public.peer_mentor_certifications as certification
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  cross join lateral (
    select (certification.expires_at at time zone organisation.time_zone)::date as first_day_without
  ) as clock
  where
    certification.organisation_id = digest_lines.organisation_id
    and certification.expires_at > mentorcert_private.day_starts(covered_until, organisation.time_zone)
    and certification.expires_at
    <= mentorcert_private.day_starts(organisation.local_day + organisation.furthest, organisation.time_zone)
    and certification.status <> 'suspended'
    and type.retired_on is null
    and mentor.erased_at is null
    and mentor.merged_into is null
    and (mentor.left_on is null or mentor.left_on > organisation.local_day)
    and (
      certification.chapter_ids && own_chapter_ids
      or is_administrator and not certification.chapter_ids && covered_chapter_ids
    )
    and clock.first_day_without - organisation.local_day <= (select max(days) from unnest(type.reminder_days) as days)
  order by certification.expires_at, mentor.full_name, type.code;
end
$$;
comment on function mentorcert_private.digest_lines(uuid, uuid, timestamptz) is
  'What a digest reports to a login: certifications that end within the largest offset of their type, and those that ended since the last digest; of the coordinated chapters, and to an administrator of peer mentors whom no coordinator with an address answers for.';

create or replace function mentorcert_private.due_digests(
  as_of timestamptz, organisation_ids uuid [] default null, user_ids uuid [] default null
)
returns table (
  organisation_id uuid, organisation text, user_id uuid, week date, covered_until date, recipient text, lines bigint
)
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  select
    recipient.organisation_id, recipient.slug, login.id, recipient.week, recipient.local_day,
    mentorcert_private.masked_address(login.email), content.lines
  from (
    select distinct
      membership.organisation_id, organisation.slug, membership.user_id, organisation.local_day,
      date_trunc('week', organisation.local_day)::date as week
    from mentorcert_private.notice_organisations(as_of) as organisation
    join mentorcert.memberships as membership on membership.organisation_id = organisation.organisation_id
    where membership.role in ('coordinator', 'org_admin') and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      and (organisation_ids is null or membership.organisation_id = any(organisation_ids))
      and (user_ids is null or membership.user_id = any(user_ids))
  ) as recipient
  join auth.users as login on login.id = recipient.user_id and mentorcert_private.is_address(login.email)
  cross join lateral (
    select count(*) as lines from mentorcert_private.digest_lines(recipient.organisation_id, recipient.user_id, as_of)
  ) as content
  where not exists (
    select from mentorcert_private.notice_mails as mail
    where mail.organisation_id = recipient.organisation_id and mail.user_id = recipient.user_id and mail.week = recipient.week
      and mail.state <> 'released'
  )
$$;
comment on function mentorcert_private.due_digests(timestamptz, uuid [], uuid []) is
  'The digests that are due at an instant, one a login and week; those with no lines are not sent. Nothing is changed.';

create or replace function mentorcert_private.claim_digests(organisation_ids uuid [], user_ids uuid [], as_of timestamptz default now())
returns setof uuid
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
begin
  perform mentorcert_private.check_claim(user_ids);
  return query
  with recipients as materialized (
    select due.organisation_id, due.user_id, due.week, due.covered_until, case when due.lines > 0 then 'sending' else 'empty' end as state
    from mentorcert_private.due_digests(as_of, claim_digests.organisation_ids, claim_digests.user_ids) as due
    where not mentorcert_private.notices_are_held()
  ),
  claimed_again as (
    update mentorcert_private.notice_mails as mail
    set
      state = recipients.state, covered_until = recipients.covered_until,
      claimed_at = clock_timestamp(), claimed_in = pg_current_xact_id()
    from recipients
    where mail.organisation_id = recipients.organisation_id and mail.user_id = recipients.user_id and mail.week = recipients.week
      and mail.state = 'released'
    returning mail.id, mail.organisation_id, mail.user_id, mail.state
  ),
  claimed_first as (
    -- Two runs at once: the second waits here for the first, and finds the week taken.
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, user_id, week, covered_until, state)
    select
      recipients.organisation_id, 'digest', recipients.user_id, recipients.week, recipients.covered_until, recipients.state
    from recipients
    where not exists (
      select from claimed_again as again
      where again.organisation_id = recipients.organisation_id and again.user_id = recipients.user_id
    )
    order by recipients.organisation_id, recipients.user_id
    on conflict (organisation_id, user_id, week) where state <> 'released' do nothing
    returning mail.id, mail.state
  )
  select mails.id from (
    select again.id, again.state from claimed_again as again
    union all
    select first.id, first.state from claimed_first as first
  ) as mails
  where mails.state = 'sending';
end
$$;
comment on function mentorcert_private.claim_digests(uuid [], uuid [], timestamptz) is
  'Takes up the digests of these logins and returns the mails, whose contents claimed_digests has once that has committed. A digest with nothing to report is marked empty, and the week is done.';

create or replace function mentorcert_private.claimed_digests(mail_ids uuid [], as_of timestamptz default now())
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, expiring jsonb, expired jsonb,
  expiring_count bigint, expired_count bigint
)
language sql
stable
security definer -- so that the role of the jobs reads only what it is to write, and to whom, and a row says so
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  with mails as materialized (
    select mail.id, mail.organisation_id, mail.user_id, coalesce(mentor.language, 'nb') as language
    from mentorcert_private.notice_mails as mail
    left join mentorcert.peer_mentors as mentor
      on mentor.user_id = mail.user_id and mentor.organisation_id = mail.organisation_id
    where mail.id = any(mail_ids) and mail.kind = 'digest' and mail.state = 'sending'
      and mentorcert_private.is_committed(mail.claimed_in)
  ),
  lines as materialized (
    select
      mails.id, line.has_expired, count(*) as total,
      jsonb_agg(
        jsonb_build_object(
          'full_name', line.full_name, 'chapters', line.chapters, 'last_valid_day', line.last_valid_day,
          'name', case mails.language when 'en' then line.name_en else line.name_nb end
        )
        order by line.position
      ) filter (where line.position <= 100) as shown
    from mails
    cross join lateral (
      select every.*, row_number() over (partition by every.has_expired) as position
      from mentorcert_private.digest_lines(mails.organisation_id, mails.user_id, as_of) as every
    ) as line
    group by mails.id, line.has_expired
  )
  select
    mails.id, organisation.name, organisation.time_zone, mails.language, login.email::text,
    coalesce(expiring.shown, '[]'), coalesce(expired.shown, '[]'), coalesce(expiring.total, 0), coalesce(expired.total, 0)
  from mails
  join auth.users as login on login.id = mails.user_id and mentorcert_private.is_address(login.email)
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  left join lines as expiring on expiring.id = mails.id and not expiring.has_expired
  left join lines as expired on expired.id = mails.id and expired.has_expired
$$;
comment on function mentorcert_private.claimed_digests(uuid [], timestamptz) is
  'What to write in digests that an earlier transaction claimed, at most 100 lines of a kind.';

-- Days

create or replace function mentorcert_private.next_notice_times(as_of timestamptz)
returns table (organisation_id uuid, local_day date, due_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select
    organisation.organisation_id, organisation.local_day,
    (greatest(organisation.last_day + 1, organisation.local_day) + time '08:00') at time zone organisation.time_zone
  from mentorcert_private.notice_organisations(as_of) as organisation
$$;
comment on function mentorcert_private.next_notice_times(timestamptz) is
  'When the notices of each organisation are due next: at eight in the morning there, of today if that is not done.';

create or replace function mentorcert_private.next_notices_at(as_of timestamptz)
returns timestamptz
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  select mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  select min(morning.due_at) from mentorcert_private.next_notice_times(as_of) as morning
  where not mentorcert_private.notices_are_held()
$$;
comment on function mentorcert_private.next_notices_at(timestamptz) is
  'When notices are due next, now or earlier where a morning was missed; null without types that have any, or while all are held after a restore.';

create or replace function mentorcert_private.start_notices(
  as_of timestamptz default now(), reach_days integer default 14, only_due boolean default false
)
returns table (organisation_id uuid, skipped bigint)
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  skipped_ids uuid [];
begin
  perform mentorcert_private.check_notices_as_of(as_of, reach_days);
  perform mentorcert_private.refresh_ended_chapters();
  with marked as (
    insert into mentorcert_private.notices as notice (certification_id, expires_at, days_before, organisation_id, outcome)
    select due.certification_id, due.expires_at, due.days_before, due.organisation_id, 'skipped'
    from mentorcert_private.due_notices(as_of, reach_days) as due
    where due.outcome = 'skipped' and not mentorcert_private.notices_are_held()
    order by due.certification_id
    on conflict on constraint notices_pkey do nothing
    returning notice.organisation_id
  )
  select array_agg(marked.organisation_id) into skipped_ids from marked;
  return query
  with days as (
    insert into mentorcert_private.job_runs as run (job, organisation_id, local_day, as_of, started_at)
    select 'notices', morning.organisation_id, morning.local_day, start_notices.as_of, clock_timestamp()
    from mentorcert_private.next_notice_times(start_notices.as_of) as morning
    where (not only_due or morning.due_at <= start_notices.as_of) and not mentorcert_private.notices_are_held()
    order by morning.organisation_id
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, error = null
    returning run.organisation_id
  )
  select days.organisation_id, (select count(*) from unnest(skipped_ids) as id where id = days.organisation_id)
  from days;
end
$$;
comment on function mentorcert_private.start_notices(timestamptz, integer, boolean) is
  'Begins a run of all organisations, or of those whose morning has come: marks as skipped what became due too long ago, and opens the day in the ledger of the jobs; nothing while the notices are held after a restore. Returns the organisations, and how many were marked.';

create or replace function mentorcert_private.finish_notices(organisation_ids uuid [], as_of timestamptz, error text default null)
returns void
language sql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  update mentorcert_private.job_runs as run
  set finished_at = case when finish_notices.error is null then clock_timestamp() end, error = left(finish_notices.error, 2000)
  where run.job = 'notices' and run.organisation_id = any(finish_notices.organisation_ids)
    and run.as_of = finish_notices.as_of
$$;
comment on function mentorcert_private.finish_notices(uuid [], timestamptz, text) is
  'Ends a run in the ledger of the jobs; with an error the day stays open, and a worker tries again.';

-- What is in doubt

create or replace function mentorcert_private.uncertain_notices()
returns table (mail_id uuid, kind text, organisation text, claimed_at timestamptz)
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  select mail.id, mail.kind, organisation.slug, mail.claimed_at
  from mentorcert_private.notice_mails as mail
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  -- A sender that lives reports much sooner.
  where mail.state = 'sending' and mail.claimed_at < clock_timestamp() - interval '1 hour'
  order by mail.claimed_at
$$;
comment on function mentorcert_private.uncertain_notices() is
  'Mails that were claimed more than an hour ago and never reported: the sender died, and only the mail server knows whether they went out.';

revoke execute on function
  mentorcert_private.digest_lines, mentorcert_private.due_digests, mentorcert_private.claim_digests,
  mentorcert_private.claimed_digests, mentorcert_private.next_notice_times, mentorcert_private.next_notices_at,
  mentorcert_private.start_notices, mentorcert_private.finish_notices, mentorcert_private.uncertain_notices
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.due_digests, mentorcert_private.claim_digests, mentorcert_private.claimed_digests,
  mentorcert_private.next_notices_at, mentorcert_private.start_notices, mentorcert_private.finish_notices,
  mentorcert_private.uncertain_notices
to mentorcert_jobs;
