-- Notices: when a certification's holder is reminded, and the ledger by which each notice goes out at most once.

-- The ledger

create table if not exists mentorcert_private.notice_mails (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kind text not null,
  state text not null default 'sending',
  peer_mentor_id uuid,
  user_id uuid,
  invitation_id uuid,
  letter_id uuid,
  queued_at timestamptz,
  week date,
  covered_until date,
  claimed_at timestamptz not null default clock_timestamp(),
  claimed_in xid8 not null default pg_current_xact_id(),
  sent_at timestamptz,
  constraint notice_mails_pkey primary key (id),
  constraint notice_mails_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint notice_mails_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint notice_mails_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint notice_mails_invitation_id_fkey foreign key (invitation_id)
    references mentorcert_private.invitations (id) on delete cascade,
  constraint notice_mails_letter_id_fkey foreign key (letter_id) references mentorcert_private.letters (id) on delete cascade,
  constraint notice_mails_kind_valid check (
    kind = 'reminder' and num_nonnulls(user_id, week, covered_until, invitation_id, letter_id) = 0 and peer_mentor_id is not null
    or kind = 'digest' and num_nonnulls(user_id, week, covered_until) = 3 and num_nonnulls(peer_mentor_id, invitation_id, letter_id, queued_at) = 0
    or kind = 'invitation' and num_nonnulls(user_id, week, covered_until, peer_mentor_id, letter_id, queued_at) = 0 and invitation_id is not null
    or kind = 'letter' and num_nonnulls(user_id, week, covered_until, invitation_id) = 0
    and num_nonnulls(peer_mentor_id, letter_id, queued_at) = 3
  ),
  constraint notice_mails_state_valid check (
    state in ('queued', 'sending', 'sent', 'empty', 'released', 'refused') and (state = 'sent') = (sent_at is not null)
    and (state not in ('queued', 'refused') or queued_at is not null)
  )
);
create index if not exists notice_mails_peer_mentor_id_idx on mentorcert_private.notice_mails (organisation_id, peer_mentor_id);
create index if not exists notice_mails_user_id_idx on mentorcert_private.notice_mails (user_id);
create index if not exists notice_mails_invitation_id_idx on mentorcert_private.notice_mails (invitation_id);
create unique index if not exists notice_mails_one_digest_a_week
on mentorcert_private.notice_mails (organisation_id, user_id, week) where state <> 'released';
create unique index if not exists notice_mails_one_letter_a_person
on mentorcert_private.notice_mails (letter_id, peer_mentor_id) where letter_id is not null;
create index if not exists notice_mails_queued_idx on mentorcert_private.notice_mails (queued_at, id) where state = 'queued';
create index if not exists notice_mails_sending_idx on mentorcert_private.notice_mails (claimed_at) where state = 'sending';
alter table mentorcert_private.notice_mails enable row level security;
comment on table mentorcert_private.notice_mails is 'Each mail, written before it is sent; whatever then happens, nothing sends it again by itself.';
comment on column mentorcert_private.notice_mails.state is
  'queued: asked for by a person, and to be sent; sending: handed to the mail server, or the sender died meanwhile; sent: the mail server took it; empty: a digest had nothing to report that week; released: not sent, and its contents may have been handed out; refused: the mail server refused what a person asked for.';
comment on column mentorcert_private.notice_mails.queued_at is 'When a person asked for it; null for what goes out by itself.';
comment on column mentorcert_private.notice_mails.claimed_in is 'The transaction that claimed it. The contents are another one''s to read, which knows thereby that the claim has committed.';
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
    where type.organisation_id = organisation.id and type.retired_on is null
  ) as types
  where types.furthest is not null
$$;
comment on function mentorcert_private.notice_organisations(timestamptz, integer) is
  'Each organisation''s local day at an instant, the last one that notices were sent on, how many days they reach back (to that day, if it is further than reach_days, but not beyond 90), and the largest offset.';

create or replace function mentorcert_private.check_notices_as_of(as_of timestamptz, reach_days integer default 0)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A role that may only execute the job functions must neither read whom we would write to next year, nor have the ledger say
  -- that it was done.
  perform mentorcert_private.require_instants(jsonb_build_object('as_of', as_of));
  if as_of is null or as_of > clock_timestamp() + interval '10 years'
    or session_user <> current_user and as_of not between clock_timestamp() - interval '1 day' and clock_timestamp()
  then
    raise exception using
      errcode = 'MC008', message = format('notices cannot be sent as of %s', as_of),
      hint = 'Leave the instant out: notices are sent for the current instant.', constraint = 'as_of';
  elsif reach_days is null or reach_days not between 0 and 365 then
    raise exception using
      errcode = 'MC008', message = format('notices that reach back %s days', reach_days), hint = 'Give 0 to 365.',
      constraint = 'reach_days';
  end if;
end
$$;
comment on function mentorcert_private.check_notices_as_of(timestamptz, integer) is
  'Refuses (MC008) an instant that is not the caller''s to send notices at, and a reach of more than a year.';

create or replace function mentorcert_private.check_claim(ids uuid [])
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if cardinality(ids) > 1000 then
    raise exception using
      errcode = 'MC008', message = format('%s recipients at once', cardinality(ids)), hint = 'Claim at most 1000 at a time.',
      constraint = 'recipients';
  end if;
  -- What is derived after locks must be younger than the locks.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported', message = 'notices are claimed in read committed transactions only',
      hint = 'Leave the isolation level at its default.';
  end if;
end
$$;
comment on function mentorcert_private.check_claim(uuid []) is
  'Refuses (MC008) too many recipients at once, and an isolation level in which locks prove nothing.';

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
  perform mentorcert_private.check_notices_as_of(as_of, reach_days);
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
      when mentor.reminders_paused then 'paused'
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
    and type.retired_on is null
    and mentor.erased_at is null
    and mentor.merged_into is null
    and (mentor.left_on is null or mentor.left_on > organisation.local_day)
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
  'The notices that are due at an instant, of all or of some peer mentors, and what would become of each: mail; no_address, paused and suspended, which wait; skipped, which became due too long ago. Exactly what a run takes up; nothing is changed.';

create or replace function public.reminders_of(peer_mentor_id uuid)
returns table (
  certification_id uuid, certification_type text, last_valid_day date, days_before smallint, day date, state text, happened_at timestamptz
)
language plpgsql
stable
security definer -- the ledger is nobody's to read; this is what it says of one person, to those within whose reach the person is
set search_path = ''
as $$
#variable_conflict use_column
declare
  mentor mentorcert.peer_mentors;
  zone text;
  today date;
begin
  perform mentorcert_private.check_endpoint('certifications');
  select person.* into mentor from mentorcert.peer_mentors as person
  where
    person.id = reminders_of.peer_mentor_id and person.erased_at is null and person.merged_into is null
    and (
      mentorcert_private.may_certify(person.organisation_id, person.chapter_ids)
      or person.id = any(mentorcert_private.own_peer_mentor_ids())
    );
  if mentor.id is null then
    return;
  end if;
  zone := mentorcert_private.time_zone_of(mentor.organisation_id);
  today := mentorcert_private.day_of(now(), zone);
  return query
  with held as (
    select
      certification.id, certification.certification_type, certification.expires_at, certification.status,
      mentorcert_private.day_of(certification.expires_at, zone) as first_day_without,
      case when type.retired_on is null and type.reminder_days <> '{}' then type.reminder_days || 0::smallint end as offsets
    from public.peer_mentor_certifications as certification
    join mentorcert.certification_types as type
      on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
    where certification.peer_mentor_id = mentor.id and certification.expires_at is not null
  )
  select
    held.id, held.certification_type, mentorcert_private.day_of(notice.expires_at, zone) - 1, notice.days_before,
    mentorcert_private.day_of(notice.expires_at, zone) - notice.days_before,
    case when notice.outcome <> 'mailed' then notice.outcome when mail.state in ('sent', 'queued') then mail.state else 'in_doubt' end,
    coalesce(mail.sent_at, notice.recorded_at)
  from held
  join mentorcert_private.notices as notice on notice.certification_id = held.id
  left join mentorcert_private.notice_mails as mail on mail.id = notice.mail_id
  union all
  select
    held.id, held.certification_type, held.first_day_without - 1, planned.days_before, held.first_day_without - planned.days_before,
    case
      when mentor.left_on <= held.first_day_without - planned.days_before then 'left'
      when held.status = 'suspended' then 'suspended'
      when mentor.reminders_paused then 'paused'
      when not mentorcert_private.is_address(mentor.email) then 'no_address'
      else 'planned'
    end,
    null
  from held
  cross join lateral (select distinct days as days_before from unnest(held.offsets) as days) as planned
  where
    -- Those to come, and the one that is current; an earlier one is overtaken by it.
    planned.days_before <= (
      select coalesce(min(days), planned.days_before) from unnest(held.offsets) as days where days >= held.first_day_without - today
    )
    -- A run reaches back no further.
    and held.first_day_without - planned.days_before >= today - 14
    and not exists (
      select from mentorcert_private.notices as handled
      where handled.certification_id = held.id and handled.expires_at = held.expires_at and handled.days_before <= planned.days_before
    )
  order by 5, 2, 4;
end
$$;
comment on function public.reminders_of(uuid) is
  'What was and what will be written to a peer mentor: sent, queued, in_doubt, collapsed, skipped with the instant; planned with the day; no_address, paused, suspended and left, which wait for something. For those within whose reach the person is.';

create or replace function public.pause_reminders(peer_mentor_id uuid, is_paused boolean)
returns void
language plpgsql
security definer -- a coordinator writes no column but this one
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  update mentorcert.peer_mentors as mentor set reminders_paused = pause_reminders.is_paused
  where
    mentor.id = pause_reminders.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
    and mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids);
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function public.pause_reminders(uuid, boolean) is
  'Has the reminders to a peer mentor wait, or go on; the administrator, and a coordinator of one of the chapters.';

-- Taking up and reporting

create or replace function mentorcert_private.claim_notices(
  peer_mentor_ids uuid [], as_of timestamptz default now(), reach_days integer default 14
)
returns setof uuid
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  certification_ids uuid [];
  mentor_ids uuid [];
begin
  perform mentorcert_private.check_claim(peer_mentor_ids);
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
      -- A run that was under way when the registry was restored takes up nothing more.
      and not mentorcert_private.notices_are_held()
  ),
  recipients as materialized (
    select distinct due.organisation_id, due.peer_mentor_id from due
  ),
  -- What was released is claimed again as the same mail: during an outage the ledger does not grow.
  claimed_again as (
    update mentorcert_private.notice_mails as mail
    set state = 'sending', claimed_at = clock_timestamp(), claimed_in = pg_current_xact_id()
    where mail.id in (
      select distinct on (released.peer_mentor_id) released.id
      from recipients
      join mentorcert_private.notice_mails as released
        on released.organisation_id = recipients.organisation_id and released.peer_mentor_id = recipients.peer_mentor_id
      where released.kind = 'reminder' and released.state = 'released' and released.queued_at is null
      order by released.peer_mentor_id, released.claimed_at desc
    )
    returning mail.id, mail.peer_mentor_id
  ),
  claimed_first as (
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, peer_mentor_id)
    select recipients.organisation_id, 'reminder', recipients.peer_mentor_id from recipients
    where not exists (select from claimed_again as again where again.peer_mentor_id = recipients.peer_mentor_id)
    returning mail.id, mail.peer_mentor_id
  ),
  mails as (select * from claimed_again union all select * from claimed_first),
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
  select mails.id from mails;
end
$$;
comment on function mentorcert_private.claim_notices(uuid [], timestamptz, integer) is
  'Takes up what is due of these peer mentors, one mail each, and returns the mails. Once that has committed, claimed_notices has the contents, and nothing takes them up again unless report_notices says that they were not sent.';

create or replace function mentorcert_private.claimed_notices(mail_ids uuid [], as_of timestamptz default now())
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, full_name text, certifications jsonb
)
language sql
stable
security definer -- so that the role of the jobs reads the name and address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  select
    mail.id, organisation.name, organisation.time_zone, mentor.language, mentor.email, mentor.full_name,
    jsonb_agg(
      jsonb_build_object(
        'name', case mentor.language when 'en' then type.name_en else type.name_nb end,
        'last_valid_day', clock.day - 1,
        'days_left', clock.day - mentorcert_private.day_of(as_of, organisation.time_zone)
      )
      order by notice.expires_at, type.code
    )
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.notices as notice on notice.mail_id = mail.id and notice.outcome = 'mailed'
  join public.peer_mentor_certifications as certification on certification.id = notice.certification_id
  join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral (select mentorcert_private.day_of(notice.expires_at, organisation.time_zone) as day) as clock
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.is_address(mentor.email)
  group by mail.id, organisation.id, mentor.id
$$;
comment on function mentorcert_private.claimed_notices(uuid [], timestamptz) is
  'What to write in mails that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

create or replace function mentorcert_private.report_notices(sent uuid [], released uuid [])
returns void
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  withdrawn uuid [];
begin
  with accepted as (
    update mentorcert_private.notice_mails as mail set state = 'sent', sent_at = clock_timestamp()
    where mail.id = any(report_notices.sent) and mail.state = 'sending'
    returning mail.invitation_id, mail.peer_mentor_id, mail.claimed_at
  ),
  reached as (
    delete from mentorcert_private.refused_addresses as refused using accepted where refused.peer_mentor_id = accepted.peer_mentor_id
  )
  update mentorcert_private.invitations as invitation set mailed_at = clock_timestamp()
  from accepted
  -- One that was made again meanwhile waits for another mail.
  where invitation.id = accepted.invitation_id and invitation.invited_at <= accepted.claimed_at;
  withdrawn := array(
    select mail.id from mentorcert_private.notice_mails as mail
    where mail.id = any(report_notices.released) and mail.state = 'sending'
    for update
  );
  delete from mentorcert_private.notices as notice using mentorcert_private.notice_mails as mail
  where notice.mail_id = any(withdrawn) and mail.id = notice.mail_id and mail.queued_at is null;
  -- The mail stays: its contents were handed out. What a person asked for is still to be sent.
  update mentorcert_private.notice_mails as mail
  set state = case when mail.queued_at is null then 'released' else 'queued' end
  where mail.id = any(withdrawn);
end
$$;
comment on function mentorcert_private.report_notices(uuid [], uuid []) is
  'Says which claimed mails the mail server took, and which it certainly did not: those are due again.';

revoke execute on function
  mentorcert_private.is_address, mentorcert_private.masked_address, mentorcert_private.notice_organisations,
  mentorcert_private.check_notices_as_of, mentorcert_private.check_claim, mentorcert_private.due_notices,
  mentorcert_private.claim_notices, mentorcert_private.claimed_notices, mentorcert_private.report_notices, public.reminders_of,
  public.pause_reminders
from public, anon, authenticated, service_role;
grant execute on function public.reminders_of, public.pause_reminders to authenticated, service_role;
grant execute on function
  mentorcert_private.notices_are_held, mentorcert_private.due_notices, mentorcert_private.claim_notices,
  mentorcert_private.claimed_notices, mentorcert_private.report_notices, mentorcert_private.claim_invitations,
  mentorcert_private.claimed_invitations, mentorcert_private.claim_queued, mentorcert_private.claimed_letters,
  mentorcert_private.refuse_mails
to mentorcert_jobs;
