-- Which notices are due, and taking them up.
--
-- At any instant a certification has one notice that is current: that of the smallest offset whose day has come (0 on the
-- day from which it no longer holds). Larger ones that were missed are overtaken by it, so an outage never becomes two mails.

create or replace function private.is_address(email text)
returns boolean
language sql
immutable
set search_path = ''
as $$ select coalesce(email ~ '^[!-~]+@[!-~]+$' and email !~ '@.*@|[][<>(),;:"\\]|=[?]|^[.]|@[.]|[.]$', false) $$;
comment on function private.is_address(text) is 'Whether mail could be sent to it, by any server: letters beyond ASCII are not understood by all, and =? would be taken for an encoded text. Whether it arrives, only the mail server knows.';

create or replace function private.masked_address(email text)
returns text
language sql
immutable
set search_path = ''
as $$ select left(email, 1) || '…@' || split_part(email, '@', 2) $$;
comment on function private.masked_address(text) is 'An address as it may be shown to an operator.';

create or replace function private.notice_organisations(as_of timestamptz, reach_days integer default 14)
returns table (
  organisation_id uuid, slug text, time_zone text, local_day date, last_day date, reach integer, furthest integer
)
language sql
stable
set search_path = ''
as $$
  select
    organisation.id, organisation.slug, organisation.time_zone, private.day_of(as_of, organisation.time_zone), ledger.last_day,
    least(
      greatest(reach_days, private.day_of(as_of, organisation.time_zone) - ledger.last_day), greatest(reach_days, 90)
    ),
    types.furthest
  from public.organisations as organisation
  cross join lateral (
    select max(run.local_day) as last_day from private.job_runs as run
    where run.organisation_id = organisation.id and run.job = 'notices' and run.finished_at is not null
  ) as ledger
  cross join lateral (
    select max(days)::integer as furthest
    from public.certification_types as type cross join unnest(type.reminder_days) as days
    where type.organisation_id = organisation.id
  ) as types
  where types.furthest is not null
$$;
comment on function private.notice_organisations(timestamptz, integer) is
  'Each organisation''s local day at an instant, the last one that notices were sent on, how many days they reach back (to that day, if it is further than reach_days, but not beyond 90), and the largest offset.';

create or replace function private.due_notices(
  as_of timestamptz, reach_days integer default 14, peer_mentor_ids uuid [] default null
)
returns table (
  organisation_id uuid, organisation text, peer_mentor_id uuid, certification_id uuid, certification_type text,
  expires_at timestamptz, last_valid_day date, days_before smallint, days_left integer, outcome text, recipient text
)
language plpgsql
stable
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
set plan_cache_mode = force_custom_plan -- for some peer mentors another index is the right one than for all
as $$
begin
  return query
  -- What is asked of each row is worked out once for all of them: a function of ours costs more than the row.
  with organisations as materialized (
    select
      every.*,
      private.day_starts(every.local_day + every.furthest, every.time_zone) as until,
      -- The first run also looks at what ended long ago: so that it stands in the ledger that nobody was written to.
      case
        when every.last_day is null then '-infinity'
        else private.day_starts(every.local_day - every.reach, every.time_zone)
      end as since
    from private.notice_organisations(as_of, reach_days) as every
  )
  select
    certification.organisation_id, organisation.slug, certification.peer_mentor_id, certification.id,
    certification.certification_type, certification.expires_at, clock.last_valid_day, latest.days_before, clock.days_left,
    case
      when latest.days_before - clock.days_left > organisation.reach then 'skipped'
      when certification.status = 'suspended' then 'suspended'
      when not private.is_address(mentor.email) then 'no_address'
      else 'mail'
    end,
    case when latest.days_before - clock.days_left <= organisation.reach then private.masked_address(mentor.email) end
  from organisations as organisation
  join public.peer_mentor_certifications as certification
    on certification.organisation_id = organisation.organisation_id
    and certification.expires_at between organisation.since and organisation.until
    and (due_notices.peer_mentor_ids is null or certification.peer_mentor_id = any(due_notices.peer_mentor_ids))
  join public.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral (
    select local.day - 1 as last_valid_day, local.day - organisation.local_day as days_left
    from (select (certification.expires_at at time zone organisation.time_zone)::date as day) as local
  ) as clock
  cross join lateral (
    select min(days) as days_before from unnest(type.reminder_days || 0::smallint) as days
    where days >= clock.days_left
  ) as latest
  join public.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  where
    type.reminder_days <> '{}'
    and latest.days_before is not null
    and not exists (
      select from private.notices as told
      where told.certification_id = certification.id and told.expires_at = certification.expires_at
        and told.days_before <= latest.days_before
    )
  order by certification.expires_at, certification.peer_mentor_id, certification.certification_type;
end
$$;
comment on function private.due_notices(timestamptz, integer, uuid []) is
  'The notices that are due at an instant, of all or of some peer mentors, and what would become of each: mail; no_address and suspended, which wait; skipped, which became due too long ago. Exactly what a run takes up; nothing is changed.';

-- Taking up and reporting

create or replace function private.check_notices_as_of(as_of timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Whoever may only execute the job functions must not have the ledger say that notices of next year were sent.
  if not isfinite(as_of)
    or session_user <> current_user and as_of not between clock_timestamp() - interval '1 day' and clock_timestamp()
  then
    raise exception using
      errcode = 'MC008', message = format('notices cannot be sent as of %s', as_of),
      hint = 'Leave the instant out: notices are sent as of now.', constraint = 'as_of';
  end if;
  -- What is derived after locks must be younger than the locks.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'notices are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
end
$$;
comment on function private.check_notices_as_of(timestamptz) is
  'Refuses (MC008) an instant that is not the caller''s to send notices at, and an isolation level in which locks prove nothing.';

create or replace function private.claim_notices(
  peer_mentor_ids uuid [], as_of timestamptz default now(), reach_days integer default 14
)
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, full_name text, certifications jsonb
)
language plpgsql
security definer -- so that the role of the jobs learns the name and address of those only to whom it is to write now
set search_path = ''
as $$
declare
  certification_ids uuid [];
  mentor_ids uuid [];
begin
  perform private.check_notices_as_of(as_of);
  -- Nothing is waited for: what somebody else holds is being told by another run, or being changed, and is left to the next run.
  certification_ids := array(
    select certification.id from public.peer_mentor_certifications as certification
    where certification.peer_mentor_id = any(claim_notices.peer_mentor_ids)
    order by certification.id
    for no key update skip locked
  );
  mentor_ids := array(
    select mentor.id from public.peer_mentors as mentor
    where mentor.id = any(claim_notices.peer_mentor_ids)
    order by mentor.id
    for no key update skip locked
  );

  -- A statement of its own, so that it sees every change and every claim that was made before the locks above were had.
  return query
  with due as materialized (
    select candidate.* from private.due_notices(as_of, reach_days, mentor_ids) as candidate
    where candidate.outcome = 'mail' and candidate.certification_id = any(certification_ids)
  ),
  mails as (
    insert into private.notice_mails as mail (organisation_id, kind, peer_mentor_id)
    select distinct due.organisation_id, 'reminder', due.peer_mentor_id from due
    returning mail.id, mail.peer_mentor_id, mail.organisation_id
  ),
  told as (
    insert into private.notices (certification_id, expires_at, days_before, organisation_id, outcome, mail_id)
    select
      due.certification_id, due.expires_at, days, due.organisation_id,
      case when days = due.days_before then 'mailed' else 'collapsed' end, mails.id
    from due
    join mails on mails.peer_mentor_id = due.peer_mentor_id
    join public.certification_types as type
      on type.organisation_id = due.organisation_id and type.code = due.certification_type
    cross join unnest(type.reminder_days || 0::smallint) as days
    where days >= due.days_before
    group by due.certification_id, due.expires_at, days, due.organisation_id, due.days_before, mails.id
    on conflict on constraint notices_pkey do nothing
  )
  select
    mails.id, organisation.name, organisation.time_zone, mentor.language, mentor.email, mentor.full_name,
    jsonb_agg(
      jsonb_build_object(
        'name', case mentor.language when 'en' then type.name_en else type.name_nb end,
        'last_valid_day', due.last_valid_day, 'days_left', due.days_left
      )
      order by due.expires_at, due.certification_type
    )
  from mails
  join due on due.peer_mentor_id = mails.peer_mentor_id
  join public.peer_mentors as mentor on mentor.id = mails.peer_mentor_id
  join public.organisations as organisation on organisation.id = mails.organisation_id
  join public.certification_types as type
    on type.organisation_id = due.organisation_id and type.code = due.certification_type
  group by mails.id, organisation.id, mentor.id;
end
$$;
comment on function private.claim_notices(uuid [], timestamptz, integer) is
  'Takes up what is due of these peer mentors, one mail each, and returns what to write. To be committed before anything is sent: after that, nothing takes it up again unless report_notices says that it was not sent.';

create or replace function private.report_notices(sent uuid [], released uuid [])
returns void
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  withdrawn uuid [];
begin
  update private.notice_mails as mail set state = 'sent', sent_at = clock_timestamp()
  where mail.id = any(report_notices.sent) and mail.state = 'sending';
  withdrawn := array(
    select mail.id from private.notice_mails as mail
    where mail.id = any(report_notices.released) and mail.state = 'sending'
    for update
  );
  delete from private.notices as notice where notice.mail_id = any(withdrawn);
  delete from private.notice_mails as mail where mail.id = any(withdrawn);
end
$$;
comment on function private.report_notices(uuid [], uuid []) is
  'Says which claimed mails the mail server took, and which it certainly did not: those are due again.';

revoke execute on function
  private.is_address(text), private.masked_address(text),
  private.notice_organisations(timestamptz, integer), private.due_notices(timestamptz, integer, uuid []),
  private.check_notices_as_of(timestamptz), private.claim_notices(uuid [], timestamptz, integer),
  private.report_notices(uuid [], uuid [])
from public, anon, authenticated, service_role;
grant execute on function
  private.due_notices(timestamptz, integer, uuid []), private.claim_notices(uuid [], timestamptz, integer),
  private.report_notices(uuid [], uuid [])
to mentorcert_jobs;
