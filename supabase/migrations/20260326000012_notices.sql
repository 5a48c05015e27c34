-- Notices: when a certification's holder is reminded, and the ledger by which each notice goes out at most once.

-- The ledger

create table if not exists mentorcert_private.notice_mails (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kind text not null,
  state text not null default 'sending',
  peer_mentor_id uuid,
  user_id uuid,
  week date,
  covered_until date,
  claimed_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  constraint notice_mails_pkey primary key (id),
  constraint notice_mails_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint notice_mails_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint notice_mails_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint notice_mails_one_digest_a_week unique (organisation_id, user_id, week),
  constraint notice_mails_kind_valid check (
    kind = 'reminder' and num_nonnulls(user_id, week, covered_until) = 0 and peer_mentor_id is not null
    or kind = 'digest' and num_nonnulls(user_id, week, covered_until) = 3 and peer_mentor_id is null
  ),
  constraint notice_mails_state_valid check (
    state in ('sending', 'sent', 'empty') and (state = 'sent') = (sent_at is not null)
  )
);
create index if not exists notice_mails_peer_mentor_id_idx on mentorcert_private.notice_mails (organisation_id, peer_mentor_id);
create index if not exists notice_mails_user_id_idx on mentorcert_private.notice_mails (user_id);
create index if not exists notice_mails_sending_idx on mentorcert_private.notice_mails (claimed_at) where state = 'sending';
alter table mentorcert_private.notice_mails enable row level security;
comment on table mentorcert_private.notice_mails is 'Each mail, written before it is sent; whatever then happens, nothing sends it again by itself.';
comment on column mentorcert_private.notice_mails.state is
  'sending: handed to the mail server, or the sender died meanwhile; sent: the mail server took it; empty: a digest had nothing to report that week.';
comment on column mentorcert_private.notice_mails.week is 'The Monday of a digest''s week, in the organisation''s time zone.';
comment on column mentorcert_private.notice_mails.covered_until is 'The day of a digest: it covers what ended by then, and the next one starts there.';

create table if not exists mentorcert_private.notices (
  certification_id uuid not null,
  expires_at timestamptz not null,
  days_before smallint not null,
  organisation_id uuid not null,
  outcome text not null,
  mail_id uuid,
  recorded_at timestamptz not null default clock_timestamp(),
  constraint notices_pkey primary key (certification_id, expires_at, days_before),
  constraint notices_certification_id_fkey foreign key (certification_id) references public.peer_mentor_certifications (id),
  constraint notices_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint notices_mail_id_fkey foreign key (mail_id) references mentorcert_private.notice_mails (id),
  constraint notices_outcome_valid check (
    outcome in ('mailed', 'collapsed', 'skipped') and (outcome = 'skipped') = (mail_id is null)
  )
);
create index if not exists notices_mail_id_idx on mentorcert_private.notices (mail_id);
create index if not exists notices_organisation_id_idx on mentorcert_private.notices (organisation_id, recorded_at);
alter table mentorcert_private.notices enable row level security;
comment on table mentorcert_private.notices is
  'What happened to each reminder: of a certification, for an end, this many days before. The key makes sure that it is sent at most once.';
comment on column mentorcert_private.notices.days_before is 'The offset of the type; 0: the notice that it has expired.';
comment on column mentorcert_private.notices.outcome is
  'mailed; collapsed: a later notice in the same mail overtook it; skipped: it became due before the time that a run reaches back.';

-- Which notices are due, and taking them up.
--
-- At any instant a certification has one notice that is current: that of the smallest offset whose day has come (0 on the
-- day from which it no longer holds). Larger ones that were missed are overtaken by it, so an outage never becomes two mails.

create or replace function mentorcert_private.is_address(email text)
returns boolean
language sql
immutable
set search_path = ''
as $$ select coalesce(mentorcert_private.is_email(email) and email !~ '=[?]', false) $$;
comment on function mentorcert_private.is_address(text) is 'Whether mail could be sent to it, by any server: a domain in letters beyond ASCII is sent as punycode, and =? would be taken for an encoded text. Whether it arrives, only the mail server knows.';

create or replace function mentorcert_private.masked_address(email text)
returns text
language sql
immutable
set search_path = ''
as $$ select left(email, 1) || '…@' || split_part(email, '@', 2) $$;
comment on function mentorcert_private.masked_address(text) is 'An address as it may be shown to an operator.';

create or replace function mentorcert_private.notice_organisations(as_of timestamptz, reach_days integer default 14)
returns table (
  organisation_id uuid, slug text, time_zone text, local_day date, last_day date, reach integer, furthest integer
)
language sql
stable
set search_path = ''
as $$
  select
    organisation.id, organisation.slug, organisation.time_zone, mentorcert_private.day_of(as_of, organisation.time_zone), ledger.last_day,
    least(
      greatest(reach_days, mentorcert_private.day_of(as_of, organisation.time_zone) - ledger.last_day), greatest(reach_days, 90)
    ),
    types.furthest
  from mentorcert.organisations as organisation
  cross join lateral (
    select max(run.local_day) as last_day from mentorcert_private.job_runs as run
    where run.organisation_id = organisation.id and run.job = 'notices' and run.finished_at is not null
  ) as ledger
  cross join lateral (
    select max(days)::integer as furthest
    from mentorcert.certification_types as type cross join unnest(type.reminder_days) as days
    where type.organisation_id = organisation.id
  ) as types
  where types.furthest is not null
$$;
comment on function mentorcert_private.notice_organisations(timestamptz, integer) is
  'Each organisation''s local day at an instant, the last one that notices were sent on, how many days they reach back (to that day, if it is further than reach_days, but not beyond 90), and the largest offset.';

create or replace function mentorcert_private.due_notices(
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
      mentorcert_private.day_starts(every.local_day + every.furthest, every.time_zone) as until,
      -- The first run also looks at what ended long ago: so that it stands in the ledger that nobody was written to.
      case
        when every.last_day is null then '-infinity'
        else mentorcert_private.day_starts(every.local_day - every.reach, every.time_zone)
      end as since
    from mentorcert_private.notice_organisations(as_of, reach_days) as every
  )
  select
    certification.organisation_id, organisation.slug, certification.peer_mentor_id, certification.id,
    certification.certification_type, certification.expires_at, clock.last_valid_day, latest.days_before, clock.days_left,
    case
      when latest.days_before - clock.days_left > organisation.reach then 'skipped'
      when certification.status = 'suspended' then 'suspended'
      when not mentorcert_private.is_address(mentor.email) then 'no_address'
      else 'mail'
    end,
    case when latest.days_before - clock.days_left <= organisation.reach then mentorcert_private.masked_address(mentor.email) end
  from organisations as organisation
  join public.peer_mentor_certifications as certification
    on certification.organisation_id = organisation.organisation_id
    and certification.expires_at between organisation.since and organisation.until
    and (due_notices.peer_mentor_ids is null or certification.peer_mentor_id = any(due_notices.peer_mentor_ids))
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral (
    select local.day - 1 as last_valid_day, local.day - organisation.local_day as days_left
    from (select (certification.expires_at at time zone organisation.time_zone)::date as day) as local
  ) as clock
  cross join lateral (
    select min(days) as days_before from unnest(type.reminder_days || 0::smallint) as days
    where days >= clock.days_left
  ) as latest
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  where
    type.reminder_days <> '{}'
    and latest.days_before is not null
    and not exists (
      select from mentorcert_private.notices as handled
      where handled.certification_id = certification.id and handled.expires_at = certification.expires_at
        and handled.days_before <= latest.days_before
    )
  order by certification.expires_at, certification.peer_mentor_id, certification.certification_type;
end
$$;
comment on function mentorcert_private.due_notices(timestamptz, integer, uuid []) is
  'The notices that are due at an instant, of all or of some peer mentors, and what would become of each: mail; no_address and suspended, which wait; skipped, which became due too long ago. Exactly what a run takes up; nothing is changed.';

-- Taking up and reporting

create or replace function mentorcert_private.check_notices_as_of(as_of timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- A role that may only execute the job functions must not have the ledger say that notices of next year were sent.
  if not isfinite(as_of)
    or session_user <> current_user and as_of not between clock_timestamp() - interval '1 day' and clock_timestamp()
  then
    raise exception using
      errcode = 'MC008', message = format('notices cannot be sent as of %s', as_of),
      hint = 'Leave the instant out: notices are sent for the current instant.', constraint = 'as_of';
  end if;
  -- What is derived after locks must be younger than the locks.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'notices are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
end
$$;
comment on function mentorcert_private.check_notices_as_of(timestamptz) is
  'Refuses (MC008) an instant that is not the caller''s to send notices at, and an isolation level in which locks prove nothing.';

create or replace function mentorcert_private.claim_notices(
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
  perform mentorcert_private.check_notices_as_of(as_of);
  -- Nothing is waited for: what another session holds is being sent by another run, or being changed, and is left to the next run.
  certification_ids := array(
    select certification.id from public.peer_mentor_certifications as certification
    where certification.peer_mentor_id = any(claim_notices.peer_mentor_ids)
    order by certification.id
    for no key update skip locked
  );
  mentor_ids := array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where mentor.id = any(claim_notices.peer_mentor_ids)
    order by mentor.id
    for no key update skip locked
  );

  -- A statement of its own, so that it sees every change and every claim that was made before the locks above were had.
  return query
  with due as materialized (
    select candidate.* from mentorcert_private.due_notices(as_of, reach_days, mentor_ids) as candidate
    where candidate.outcome = 'mail' and candidate.certification_id = any(certification_ids)
  ),
  mails as (
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, peer_mentor_id)
    select distinct due.organisation_id, 'reminder', due.peer_mentor_id from due
    returning mail.id, mail.peer_mentor_id, mail.organisation_id
  ),
  ledger as (
    insert into mentorcert_private.notices (certification_id, expires_at, days_before, organisation_id, outcome, mail_id)
    select
      due.certification_id, due.expires_at, days, due.organisation_id,
      case when days = due.days_before then 'mailed' else 'collapsed' end, mails.id
    from due
    join mails on mails.peer_mentor_id = due.peer_mentor_id
    join mentorcert.certification_types as type
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
  join mentorcert.peer_mentors as mentor on mentor.id = mails.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = due.organisation_id and type.code = due.certification_type
  group by mails.id, organisation.id, mentor.id;
end
$$;
comment on function mentorcert_private.claim_notices(uuid [], timestamptz, integer) is
  'Takes up what is due of these peer mentors, one mail each, and returns what to write. To be committed before anything is sent: after that, nothing takes it up again unless report_notices says that it was not sent.';

create or replace function mentorcert_private.report_notices(sent uuid [], released uuid [])
returns void
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  withdrawn uuid [];
begin
  update mentorcert_private.notice_mails as mail set state = 'sent', sent_at = clock_timestamp()
  where mail.id = any(report_notices.sent) and mail.state = 'sending';
  withdrawn := array(
    select mail.id from mentorcert_private.notice_mails as mail
    where mail.id = any(report_notices.released) and mail.state = 'sending'
    for update
  );
  delete from mentorcert_private.notices as notice where notice.mail_id = any(withdrawn);
  delete from mentorcert_private.notice_mails as mail where mail.id = any(withdrawn);
end
$$;
comment on function mentorcert_private.report_notices(uuid [], uuid []) is
  'Says which claimed mails the mail server took, and which it certainly did not: those are due again.';

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
      and membership.role = 'coordinator' and membership.ended_at is null
  ));
  is_administrator := exists (
    select from mentorcert.memberships as membership
    where membership.user_id = digest_lines.user_id and membership.organisation_id = digest_lines.organisation_id
      and membership.role = 'org_admin' and membership.ended_at is null
  );
  covered_chapter_ids := case when is_administrator then mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and mentorcert_private.is_address(login.email)
    where membership.organisation_id = digest_lines.organisation_id and membership.role = 'coordinator'
      and membership.ended_at is null
  )) end;
  covered_until := coalesce(
    (
      select max(mail.covered_until) from mentorcert_private.notice_mails as mail
      where mail.organisation_id = digest_lines.organisation_id and mail.user_id = digest_lines.user_id
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
  select
    recipient.organisation_id, recipient.slug, login.id, recipient.week, recipient.local_day,
    mentorcert_private.masked_address(login.email), content.lines
  from (
    select distinct
      membership.organisation_id, organisation.slug, membership.user_id, organisation.local_day,
      date_trunc('week', organisation.local_day)::date as week
    from mentorcert_private.notice_organisations(as_of) as organisation
    join mentorcert.memberships as membership on membership.organisation_id = organisation.organisation_id
    where membership.role in ('coordinator', 'org_admin') and membership.ended_at is null
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
  )
$$;
comment on function mentorcert_private.due_digests(timestamptz, uuid [], uuid []) is
  'The digests that are due at an instant, one a login and week; those with no lines are not sent. Nothing is changed.';

create or replace function mentorcert_private.claim_digests(organisation_ids uuid [], user_ids uuid [], as_of timestamptz default now())
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, expiring jsonb, expired jsonb,
  expiring_count bigint, expired_count bigint
)
language plpgsql
security definer -- so that the role of the jobs learns only what it is to write now, and to whom
set search_path = ''
as $$
begin
  perform mentorcert_private.check_notices_as_of(as_of);
  return query
  with recipients as materialized (
    select
      due.organisation_id, due.user_id, due.week, due.covered_until,
      coalesce(
        (
          select mentor.language from mentorcert.peer_mentors as mentor
          where mentor.user_id = due.user_id and mentor.organisation_id = due.organisation_id
        ),
        'nb'
      ) as language
    from mentorcert_private.due_digests(as_of, claim_digests.organisation_ids, claim_digests.user_ids) as due
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
      from mentorcert_private.digest_lines(recipients.organisation_id, recipients.user_id, as_of) as every
    ) as line
    group by recipients.organisation_id, recipients.user_id, line.has_expired
  ),
  mails as (
    -- Two runs at once: the second waits here for the first, and finds the week taken.
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, user_id, week, covered_until, state)
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
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  left join lines as expiring
    on expiring.organisation_id = mails.organisation_id and expiring.user_id = mails.user_id and not expiring.has_expired
  left join lines as expired
    on expired.organisation_id = mails.organisation_id and expired.user_id = mails.user_id and expired.has_expired
  where mails.state = 'sending';
end
$$;
comment on function mentorcert_private.claim_digests(uuid [], uuid [], timestamptz) is
  'Takes up the digests of these logins and returns what to write, at most 100 lines of a kind; to be committed before anything is sent. A digest with nothing to report is marked empty, and the week is done.';

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
as $$ select min(morning.due_at) from mentorcert_private.next_notice_times(as_of) as morning $$;
comment on function mentorcert_private.next_notices_at(timestamptz) is
  'When notices are due next, now or earlier where a morning was missed; null without types that have any.';

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
  perform mentorcert_private.check_notices_as_of(as_of);
  if reach_days not between 0 and 365 then
    raise exception using
      errcode = 'MC008', message = format('notices that reach back %s days', reach_days), hint = 'Give 0 to 365.',
      constraint = 'reach_days';
  end if;
  with marked as (
    insert into mentorcert_private.notices as notice (certification_id, expires_at, days_before, organisation_id, outcome)
    select due.certification_id, due.expires_at, due.days_before, due.organisation_id, 'skipped'
    from mentorcert_private.due_notices(as_of, reach_days) as due
    where due.outcome = 'skipped'
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
comment on function mentorcert_private.start_notices(timestamptz, integer, boolean) is
  'Begins a run of all organisations, or of those whose morning has come: marks as skipped what became due too long ago, and opens the day in the ledger of the jobs. Returns the organisations, and how many were marked.';

create or replace function mentorcert_private.finish_notices(organisation_ids uuid [], as_of timestamptz, error text default null)
returns void
language sql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
  update mentorcert_private.job_runs as run
  set finished_at = case when finish_notices.error is null then clock_timestamp() end, error = finish_notices.error
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
  mentorcert_private.is_address, mentorcert_private.masked_address, mentorcert_private.notice_organisations, mentorcert_private.due_notices,
  mentorcert_private.check_notices_as_of, mentorcert_private.claim_notices, mentorcert_private.report_notices, mentorcert_private.digest_lines,
  mentorcert_private.due_digests, mentorcert_private.claim_digests, mentorcert_private.next_notice_times, mentorcert_private.next_notices_at, mentorcert_private.start_notices,
  mentorcert_private.finish_notices, mentorcert_private.uncertain_notices
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.due_notices, mentorcert_private.claim_notices, mentorcert_private.report_notices, mentorcert_private.due_digests, mentorcert_private.claim_digests,
  mentorcert_private.next_notices_at, mentorcert_private.start_notices, mentorcert_private.finish_notices, mentorcert_private.uncertain_notices
to mentorcert_jobs;
