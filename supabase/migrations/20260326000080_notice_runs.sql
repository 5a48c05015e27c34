-- Digests to coordinators and administrators, the days on which notices are sent, and what is in doubt.

create or replace function private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamptz)
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
  select * into organisation from private.notice_organisations(as_of) as every
  where every.organisation_id = digest_lines.organisation_id;
  own_chapter_ids := private.with_chapters_below(array(
    select membership.chapter_id from public.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'coordinator' and membership.ended_at is null
  ));
  is_administrator := exists (
    select from public.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'org_admin' and membership.ended_at is null
  );
  covered_chapter_ids := case when is_administrator then private.with_chapters_below(array(
    select membership.chapter_id from public.memberships as membership
    join auth.users as login on login.id = membership.user_id and private.is_address(login.email)
    where membership.organisation_id = digest_lines.organisation_id and membership.role = 'coordinator'
      and membership.ended_at is null
  )) end;
  covered_until := coalesce(
    (
      select max(mail.covered_until) from private.notice_mails as mail
      where mail.organisation_id = digest_lines.organisation_id and mail.user_id = digest_lines.user_id
    ),
    organisation.local_day - 14
  );
  return query
  select
    mentor.full_name,
    (
      select string_agg(chapter.name, ', ' order by chapter.name) from public.chapters as chapter
      where chapter.id = any(certification.chapter_ids) and (is_administrator or chapter.id = any(own_chapter_ids))
    ),
    type.name_nb, type.name_en, clock.first_day_without - 1, clock.first_day_without <= organisation.local_day
  from public.peer_mentor_certifications as certification
  join public.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  join public.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  cross join lateral (
    select (certification.expires_at at time zone organisation.time_zone)::date as first_day_without
  ) as clock
  where
    certification.organisation_id = digest_lines.organisation_id
    and certification.expires_at > private.day_starts(covered_until, organisation.time_zone)
    and certification.expires_at
    <= private.day_starts(organisation.local_day + organisation.furthest, organisation.time_zone)
    and certification.status <> 'suspended'
    and (
      certification.chapter_ids && own_chapter_ids
      or is_administrator and not certification.chapter_ids && covered_chapter_ids
    )
    and clock.first_day_without - organisation.local_day <= (select max(days) from unnest(type.reminder_days) as days)
  order by certification.expires_at, mentor.full_name, type.code;
end
$$;
comment on function private.digest_lines(uuid, uuid, timestamptz) is
  'What a digest tells a login: certifications that end within the largest offset of their type, and those that ended since the last digest; of the coordinated chapters, and to an administrator of peer mentors whom no coordinator with an address answers for.';

create or replace function private.due_digests(
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
  select
    recipient.organisation_id, recipient.slug, login.id, recipient.week, recipient.local_day,
    private.masked_address(login.email), content.lines
  from (
    select distinct
      membership.organisation_id, organisation.slug, membership.user_id, organisation.local_day,
      date_trunc('week', organisation.local_day)::date as week
    from private.notice_organisations(as_of) as organisation
    join public.memberships as membership on membership.organisation_id = organisation.organisation_id
    where membership.role in ('coordinator', 'org_admin') and membership.ended_at is null
      and (organisation_ids is null or membership.organisation_id = any(organisation_ids))
      and (user_ids is null or membership.user_id = any(user_ids))
  ) as recipient
  join auth.users as login on login.id = recipient.user_id and private.is_address(login.email)
  cross join lateral (
    select count(*) as lines from private.digest_lines(recipient.organisation_id, recipient.user_id, as_of)
  ) as content
  where not exists (
    select from private.notice_mails as mail
    where mail.organisation_id = recipient.organisation_id and mail.user_id = recipient.user_id and mail.week = recipient.week
  )
$$;
comment on function private.due_digests(timestamptz, uuid [], uuid []) is
  'The digests that are due at an instant, one a login and week; those with no lines are not sent. Nothing is changed.';

create or replace function private.claim_digests(organisation_ids uuid [], user_ids uuid [], as_of timestamptz default now())
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, expiring jsonb, expired jsonb,
  expiring_count bigint, expired_count bigint
)
language plpgsql
security definer -- so that the role of the jobs learns only what it is to write now, and to whom
set search_path = ''
as $$
begin
  perform private.check_notices_as_of(as_of);
  return query
  with recipients as materialized (
    select
      due.organisation_id, due.user_id, due.week, due.covered_until,
      coalesce(
        (
          select mentor.language from public.peer_mentors as mentor
          where mentor.user_id = due.user_id and mentor.organisation_id = due.organisation_id
        ),
        'nb'
      ) as language
    from private.due_digests(as_of, claim_digests.organisation_ids, claim_digests.user_ids) as due
  ),
  lines as materialized (
    select
      recipients.organisation_id, recipients.user_id, line.has_expired,
      count(*) as total,
      jsonb_agg(
        jsonb_build_object(
          'full_name', line.full_name, 'chapters', line.chapters, 'last_valid_day', line.last_valid_day,
          'name', case recipients.language when 'en' then line.name_en else line.name_nb end
        )
        order by line.position
      ) filter (where line.position <= 100) as shown
    from recipients
    cross join lateral (
      select every.*, row_number() over (partition by every.has_expired) as position
      from private.digest_lines(recipients.organisation_id, recipients.user_id, as_of) as every
    ) as line
    group by recipients.organisation_id, recipients.user_id, line.has_expired
  ),
  mails as (
    -- Two runs at once: the second waits here for the first, and finds the week taken.
    insert into private.notice_mails as mail (organisation_id, kind, user_id, week, covered_until, state)
    select
      recipients.organisation_id, 'digest', recipients.user_id, recipients.week, recipients.covered_until,
      case when exists (
        select from lines
        where lines.organisation_id = recipients.organisation_id and lines.user_id = recipients.user_id
      ) then 'sending' else 'empty' end
    from recipients
    order by recipients.organisation_id, recipients.user_id
    on conflict on constraint notice_mails_one_digest_a_week do nothing
    returning mail.id, mail.user_id, mail.organisation_id, mail.state
  )
  select
    mails.id, organisation.name, organisation.time_zone, recipients.language, login.email::text,
    coalesce(expiring.shown, '[]'), coalesce(expired.shown, '[]'), coalesce(expiring.total, 0), coalesce(expired.total, 0)
  from mails
  join recipients on recipients.organisation_id = mails.organisation_id and recipients.user_id = mails.user_id
  join auth.users as login on login.id = mails.user_id
  join public.organisations as organisation on organisation.id = mails.organisation_id
  left join lines as expiring
    on expiring.organisation_id = mails.organisation_id and expiring.user_id = mails.user_id and not expiring.has_expired
  left join lines as expired
    on expired.organisation_id = mails.organisation_id and expired.user_id = mails.user_id and expired.has_expired
  where mails.state = 'sending';
end
$$;
comment on function private.claim_digests(uuid [], uuid [], timestamptz) is
  'Takes up the digests of these logins and returns what to write, at most 100 lines of a kind; to be committed before anything is sent. A digest with nothing to tell is marked empty, and the week is done.';

-- Days

create or replace function private.next_notice_times(as_of timestamptz)
returns table (organisation_id uuid, local_day date, due_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select
    organisation.organisation_id, organisation.local_day,
    (greatest(organisation.last_day + 1, organisation.local_day) + time '08:00') at time zone organisation.time_zone
  from private.notice_organisations(as_of) as organisation
$$;
comment on function private.next_notice_times(timestamptz) is
  'When the notices of each organisation are due next: at eight in the morning there, of today if that is not done.';

create or replace function private.next_notices_at(as_of timestamptz)
returns timestamptz
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$ select min(morning.due_at) from private.next_notice_times(as_of) as morning $$;
comment on function private.next_notices_at(timestamptz) is
  'When notices are due next, now or earlier where a morning was missed; null without types that have any.';

create or replace function private.start_notices(
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
  perform private.check_notices_as_of(as_of);
  if reach_days not between 0 and 365 then
    raise exception using
      errcode = 'MC008', message = format('notices that reach back %s days', reach_days), hint = 'Give 0 to 365.',
      constraint = 'reach_days';
  end if;
  with marked as (
    insert into private.notices as notice (certification_id, expires_at, days_before, organisation_id, outcome)
    select due.certification_id, due.expires_at, due.days_before, due.organisation_id, 'skipped'
    from private.due_notices(as_of, reach_days) as due
    where due.outcome = 'skipped'
    order by due.certification_id
    on conflict on constraint notices_pkey do nothing
    returning notice.organisation_id
  )
  select array_agg(marked.organisation_id) into skipped_ids from marked;
  return query
  with days as (
    insert into private.job_runs as run (job, organisation_id, local_day, as_of, started_at)
    select 'notices', morning.organisation_id, morning.local_day, start_notices.as_of, clock_timestamp()
    from private.next_notice_times(start_notices.as_of) as morning
    where not only_due or morning.due_at <= start_notices.as_of
    order by morning.organisation_id
    on conflict on constraint job_runs_pkey do update set
      as_of = excluded.as_of, started_at = excluded.started_at, error = null
    returning run.organisation_id
  )
  select days.organisation_id, (select count(*) from unnest(skipped_ids) as id where id = days.organisation_id)
  from days;
end
$$;
comment on function private.start_notices(timestamptz, integer, boolean) is
  'Begins a run of all organisations, or of those whose morning has come: marks as skipped what became due too long ago, and opens the day in the ledger of the jobs. Returns the organisations, and how many were marked.';

create or replace function private.finish_notices(organisation_ids uuid [], as_of timestamptz, error text default null)
returns void
language sql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  update private.job_runs as run
  set finished_at = case when finish_notices.error is null then clock_timestamp() end, error = finish_notices.error
  where run.job = 'notices' and run.organisation_id = any(finish_notices.organisation_ids)
    and run.as_of = finish_notices.as_of
$$;
comment on function private.finish_notices(uuid [], timestamptz, text) is
  'Ends a run in the ledger of the jobs; with an error the day stays open, and a worker tries again.';

-- What is in doubt

create or replace function private.uncertain_notices()
returns table (mail_id uuid, kind text, organisation text, claimed_at timestamptz)
language sql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  select mail.id, mail.kind, organisation.slug, mail.claimed_at
  from private.notice_mails as mail
  join public.organisations as organisation on organisation.id = mail.organisation_id
  -- A sender that lives reports much sooner.
  where mail.state = 'sending' and mail.claimed_at < clock_timestamp() - interval '1 hour'
  order by mail.claimed_at
$$;
comment on function private.uncertain_notices() is
  'Mails that were claimed more than an hour ago and never reported: the sender died, and only the mail server knows whether they went out.';

revoke execute on function
  private.digest_lines(uuid, uuid, timestamptz), private.due_digests(timestamptz, uuid [], uuid []),
  private.claim_digests(uuid [], uuid [], timestamptz), private.next_notice_times(timestamptz), private.next_notices_at(timestamptz),
  private.start_notices(timestamptz, integer, boolean), private.finish_notices(uuid [], timestamptz, text),
  private.uncertain_notices()
from public, anon, authenticated, service_role;
grant execute on function
  private.due_digests(timestamptz, uuid [], uuid []), private.claim_digests(uuid [], uuid [], timestamptz), private.next_notices_at(timestamptz),
  private.start_notices(timestamptz, integer, boolean), private.finish_notices(uuid [], timestamptz, text),
  private.uncertain_notices()
to mentorcert_jobs;
