-- Reminders of many: what comes and what was sent, within the reach of the caller; and one that is sent now.

create or replace function public.remind_now(certification_id uuid)
returns void
language plpgsql
security definer -- the ledger is nobody's to write
set search_path = ''
as $$
declare
  held record;
  following record;
  mail uuid;
begin
  perform mentorcert_private.check_endpoint('certifications');
  -- Of two clicks the second waits here, and then sees what the first did.
  perform 1 from public.peer_mentor_certifications as certification where certification.id = remind_now.certification_id for no key update;
  select
    certification.organisation_id, certification.peer_mentor_id, certification.expires_at, type.reminder_days, mentor.left_on,
    mentorcert_private.day_of(clock_timestamp(), organisation.time_zone) as today, organisation.time_zone
  into held
  from public.peer_mentor_certifications as certification
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  where
    certification.id = remind_now.certification_id and mentor.erased_at is null and mentor.merged_into is null
    and mentorcert_private.may_certify(mentor.organisation_id, mentor.chapter_ids)
    and mentor.id <> all(mentorcert_private.left_peer_mentor_ids());
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  if exists (
    select from mentorcert_private.notices as notice
    where
      notice.certification_id = remind_now.certification_id and notice.outcome = 'mailed'
      and mentorcert_private.day_of(notice.recorded_at, held.time_zone) = held.today
  ) then
    raise exception using
      errcode = 'MC008', message = 'a reminder of this certification was sent today', hint = 'Send the next one another day.',
      constraint = 'reminder_today';
  end if;
  select reminder.days_before, reminder.state, reminder.last_valid_day into following
  from public.reminders_of(held.peer_mentor_id) as reminder
  where reminder.certification_id = remind_now.certification_id and reminder.happened_at is null
  order by reminder.day
  limit 1;
  -- The message that it has expired is none before it has.
  if not found or following.days_before = 0 and following.last_valid_day >= held.today then
    raise exception using
      errcode = 'MC008', message = 'no reminder of this certification is left to send', hint = 'Write to the person instead.',
      constraint = 'reminder_none';
  end if;
  following.state := case when held.left_on <= held.today then 'left' else following.state end;
  if following.state <> 'planned' then
    raise exception using
      errcode = 'MC008', message = format('the reminder waits: %s', following.state), hint = 'See what it waits for.',
      constraint = 'reminder_waits';
  end if;
  insert into mentorcert_private.notice_mails as queued (organisation_id, kind, state, peer_mentor_id, queued_at, claimed_at)
  values (held.organisation_id, 'reminder', 'queued', held.peer_mentor_id, statement_timestamp(), statement_timestamp())
  returning queued.id into mail;
  insert into mentorcert_private.notices (certification_id, expires_at, days_before, organisation_id, outcome, mail_id)
  select
    remind_now.certification_id, held.expires_at, every.days, held.organisation_id,
    case when every.days = following.days_before then 'mailed' else 'collapsed' end, mail
  from (select distinct days from unnest(held.reminder_days || 0::smallint) as days) as every
  where every.days >= following.days_before
  on conflict on constraint notices_pkey do nothing;
end
$$;
comment on function public.remind_now(uuid) is
  'Sends the next reminder of a certification now, and not again on its day; the administrator, and a coordinator of one of the chapters. Refuses (MC008) a second one on a day, and one that waits for something: reminder_today, reminder_none, reminder_waits.';

-- What of it comes within few chapters is found by them, and sorted; that of many is walked to, by day, until the page is full.

create index if not exists notices_mailed_idx
on mentorcert_private.notices (organisation_id, recorded_at, certification_id) where outcome = 'mailed';
-- An index calls functions with the rights of who writes, and nobody needs that of is_address: of an address that the table
-- takes, this is what can be wrong.
create index if not exists peer_mentors_unreachable_idx
on mentorcert.peer_mentors (organisation_id) where email is null or email ~ '=[?]';
create index if not exists refused_addresses_organisation_id_idx on mentorcert_private.refused_addresses (organisation_id, refused_at);

create or replace function mentorcert_private.reminded_certifications(page_size integer)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  within constant text := format(
    'select held.* from public.peer_mentor_certifications as held where held.organisation_id = %L', public.get_user_organisation_id()
  );
begin
  if mentorcert_private.administered_organisation_id() is not null then
    perform set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
    return within;
  elsif mentorcert_private.use_sort_plan(coordinated, page_size) then
    return format(
      '%s and held.chapter_ids && %L and held.peer_mentor_id <> all(%L) offset 0', within, coordinated, mentorcert_private.left_peer_mentor_ids()
    );
  end if;
  perform set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
  return format('%s and held.chapter_ids && %L and held.peer_mentor_id <> all(%L)', within, coordinated, mentorcert_private.left_peer_mentor_ids());
end
$$;
comment on function mentorcert_private.reminded_certifications(integer) is
  'The certifications within the reach of the caller, as SQL: of few chapters all of them, else as a list to be walked along.';

create or replace function mentorcert_private.unreached_peer_mentor_ids(organisation uuid, at_most integer)
returns uuid[]
language sql
stable
set search_path = ''
as $$
  select array(
    select mentor.id from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = unreached_peer_mentor_ids.organisation
      and (mentor.email is null or mentor.email ~ '=[?]')
    union all
    select refused.peer_mentor_id from mentorcert_private.refused_addresses as refused
    where refused.organisation_id = unreached_peer_mentor_ids.organisation and refused.refused_at > now() - interval '30 days'
    limit unreached_peer_mentor_ids.at_most + 1
  )
$$;
comment on function mentorcert_private.unreached_peer_mentor_ids(uuid, integer) is
  'Whom mentorcert_private.address_fault finds fault with; of more than at_most no more than shows that it is more.';

create or replace function mentorcert_private.reminders_ahead(
  only_failing boolean default false, after_expires_at timestamptz default null, after_id uuid default null, page_size integer default 50
)
returns table (
  organisation_id uuid, peer_mentor_id uuid, full_name text, certification_id uuid, certification_type text, expires_at timestamptz,
  last_valid_day date, days_before smallint, day date, state text
)
language plpgsql
stable
security definer -- the ledger is nobody's to read; this is what it says of those within whose reach the caller is
set search_path = ''
set enable_sort = on -- what is set below ends with the function
set enable_bitmapscan = on
set enable_hashjoin = off -- they would read the organisation's for a page
set enable_mergejoin = off
as $$
declare
  unreached constant uuid[] := case
    when only_failing then mentorcert_private.unreached_peer_mentor_ids(public.get_user_organisation_id(), 1000)
  end;
  source text := mentorcert_private.reminded_certifications(page_size);
begin
  perform mentorcert_private.check_endpoint('certifications');
  if cardinality(unreached) <= 1000 then
    -- The few of whom it can be so; of many, the first ones are soon met.
    perform set_config('enable_sort', 'on', true), set_config('enable_bitmapscan', 'on', true);
    source := format('select of.* from (%s) as of where of.peer_mentor_id = any(%L) offset 0', source, unreached);
  end if;
  return query execute format($page$
  select
    certification.organisation_id, mentor.id, mentor.full_name, certification.id, certification.certification_type,
    certification.expires_at, clock.first_day_without - 1, following.days_before, clock.first_day_without - following.days_before,
    reached.state
  -- In their order, so that no more is worked out than is shown.
  from (
    select of.* from (%s) as of where of.expires_at > now() - interval '15 days' order by of.expires_at, of.id
  ) as certification
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  cross join lateral (
    select
      mentorcert_private.day_of(certification.expires_at, organisation.time_zone) as first_day_without,
      mentorcert_private.day_of(now(), organisation.time_zone) as today
  ) as clock
  -- The next one: that which is current, if it was not sent, or the largest offset that comes.
  cross join lateral (
    select max(planned.days) as days_before
    from unnest(type.reminder_days || 0::smallint) as planned (days)
    where
      planned.days <= (
        select coalesce(min(every.days), planned.days) from unnest(type.reminder_days || 0::smallint) as every (days)
        where every.days >= clock.first_day_without - clock.today
      )
      and clock.first_day_without - planned.days >= clock.today - 14
      and not exists (
        select from mentorcert_private.notices as handled
        where
          handled.certification_id = certification.id and handled.expires_at = certification.expires_at
          and handled.days_before <= planned.days
      )
  ) as following
  cross join lateral (
    select case
      when certification.status = 'suspended' then 'suspended'
      when mentor.reminders_paused then 'paused'
      else coalesce(mentorcert_private.address_fault(mentor.email, mentor.id), 'planned')
    end as state
  ) as reached
  where
    mentor.erased_at is null and mentor.merged_into is null
    and (mentor.left_on is null or mentor.left_on > clock.first_day_without - following.days_before)
    and type.retired_on is null and type.reminder_days <> '{}'
    and following.days_before is not null
    and (not $1 or reached.state in ('no_address', 'unusable', 'refused'))
    and ($3 is null or (certification.expires_at, certification.id) > ($2, $3))
  order by certification.expires_at, certification.id
  limit $4
  $page$, source) using only_failing, after_expires_at, after_id, page_size;
end
$$;
comment on function mentorcert_private.reminders_ahead(boolean, timestamptz, uuid, integer) is
  'The next reminder of each certification within the reach of the caller, by what ends first, or only those that reach nobody: planned; no_address, unusable, refused (the mail server refused the latest one), paused, suspended.';

create or replace function mentorcert_private.reminders_sent(
  before_at timestamptz default null, before_id uuid default null, page_size integer default 50
)
returns table (
  organisation_id uuid, peer_mentor_id uuid, full_name text, certification_id uuid, certification_type text, recorded_at timestamptz,
  last_valid_day date, days_before smallint, happened_at timestamptz, state text
)
language plpgsql
stable
security definer -- the ledger is nobody's to read; this is what it says of those within whose reach the caller is
set search_path = ''
set enable_sort = on -- what is set below ends with the function
set enable_bitmapscan = on
set enable_hashjoin = off -- they would read the organisation's for a page
set enable_mergejoin = off
as $$
declare
  source constant text := mentorcert_private.reminded_certifications(page_size);
begin
  perform mentorcert_private.check_endpoint('certifications');
  return query execute format($page$
  select
    notice.organisation_id, mentor.id, mentor.full_name, certification.id, certification.certification_type, notice.recorded_at,
    mentorcert_private.day_of(notice.expires_at, organisation.time_zone) - 1, notice.days_before, coalesce(mail.sent_at, notice.recorded_at),
    mentorcert_private.mail_state(mail.state, mail.claimed_at)
  from mentorcert_private.notices as notice
  join mentorcert_private.notice_mails as mail on mail.id = notice.mail_id
  join (%s) as certification on certification.id = notice.certification_id
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = notice.organisation_id
  where
    notice.outcome = 'mailed' and notice.organisation_id = (select public.get_user_organisation_id())
    and mentor.erased_at is null and mentor.merged_into is null
    and ($2 is null or (notice.recorded_at, notice.certification_id) < ($1, $2))
  order by notice.recorded_at desc, notice.certification_id desc
  limit $3
  $page$, source) using before_at, before_id, page_size;
end
$$;
comment on function mentorcert_private.reminders_sent(timestamptz, uuid, integer) is
  'The reminders that were handed to the mail server, within the reach of the caller, the latest first: waiting, sent, in_doubt, not_sent.';

revoke execute on function
  public.remind_now, mentorcert_private.reminded_certifications, mentorcert_private.unreached_peer_mentor_ids,
  mentorcert_private.reminders_ahead, mentorcert_private.reminders_sent
from public, anon, authenticated, service_role;
grant execute on function public.remind_now, mentorcert_private.reminders_ahead, mentorcert_private.reminders_sent to authenticated;
