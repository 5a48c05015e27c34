-- Mails say what a refresher still renews, and what is outdated.

create or replace function mentorcert_private.digest_contents(organisation_id uuid, user_id uuid, as_of timestamptz)
returns table (full_name text, chapters text, name_nb text, name_en text, last_valid_day date, kind text, refresher_until date, after_lapse text)
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
  where every.organisation_id = digest_contents.organisation_id;
  own_chapter_ids := mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    where membership.user_id = digest_contents.user_id and membership.organisation_id = digest_contents.organisation_id
      and membership.role = 'coordinator' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  ));
  is_administrator := exists (
    select from mentorcert.memberships as membership
    where membership.user_id = digest_contents.user_id and membership.organisation_id = digest_contents.organisation_id
      and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  );
  covered_chapter_ids := case when is_administrator then mentorcert_private.with_chapters_below(array(
    select membership.chapter_id from mentorcert.memberships as membership
    join auth.users as login on login.id = membership.user_id and mentorcert_private.is_address(login.email)
    where membership.organisation_id = digest_contents.organisation_id and membership.role = 'coordinator'
      and (membership.ended_at is null or membership.ended_at > statement_timestamp())
  )) end;
  covered_until := coalesce(
    (
      select max(mail.covered_until) from mentorcert_private.notice_mails as mail
      where mail.organisation_id = digest_contents.organisation_id and mail.user_id = digest_contents.user_id
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
    type.name_nb, type.name_en, clock.first_day_without - 1,
    case
      when refresher.until < organisation.local_day then 'outdated'
      when clock.first_day_without <= organisation.local_day then 'expired'
      else 'expiring'
    end,
    refresher.until, type.after_lapse
  from (
    select soon.* from public.peer_mentor_certifications as soon
    where
      soon.organisation_id = digest_contents.organisation_id
      and soon.expires_at > mentorcert_private.day_starts(covered_until, organisation.time_zone)
      and soon.expires_at <= mentorcert_private.day_starts(organisation.local_day + organisation.furthest, organisation.time_zone)
    union all
    -- What had ended before, and was still to be renewed by a refresher then.
    select late.*
    from mentorcert.certification_types as limited
    join public.peer_mentor_certifications as late
      on late.organisation_id = limited.organisation_id and late.certification_type = limited.code
      and late.expires_at <= mentorcert_private.day_starts(covered_until, organisation.time_zone)
      and late.expires_at > mentorcert_private.day_starts(
        mentorcert_private.oldest_refreshed_end(covered_until, limited.refresher_months), organisation.time_zone
      )
      and late.expires_at <= mentorcert_private.day_starts(
        mentorcert_private.oldest_refreshed_end(organisation.local_day, limited.refresher_months), organisation.time_zone
      )
    where limited.organisation_id = digest_contents.organisation_id and limited.refresher_months > 0
  ) as certification
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  cross join lateral (
    select (certification.expires_at at time zone organisation.time_zone)::date as first_day_without
  ) as clock
  cross join lateral (
    select mentorcert_private.refresher_until(clock.first_day_without - 1, type.refresher_months) as until
  ) as refresher
  where
    certification.status <> 'suspended'
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
comment on function mentorcert_private.digest_contents(uuid, uuid, timestamptz) is
  'What a digest reports to a login: certifications that end within the largest offset of their type (expiring), that ended since the last digest (expired), and that no refresher renews any more since then (outdated); of the coordinated chapters, and to an administrator of peer mentors whom no coordinator with an address answers for.';

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
    select count(*) as lines from mentorcert_private.digest_contents(recipient.organisation_id, recipient.user_id, as_of)
  ) as content
  where not exists (
    select from mentorcert_private.notice_mails as mail
    where mail.organisation_id = recipient.organisation_id and mail.user_id = recipient.user_id and mail.week = recipient.week
      and mail.state <> 'released'
  )
$$;
comment on function mentorcert_private.due_digests(timestamptz, uuid [], uuid []) is
  'The digests that are due at an instant, one a login and week; those with no lines are not sent. Nothing is changed.';

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
      mails.id, line.kind, count(*) as total,
      jsonb_agg(
        jsonb_build_object(
          'full_name', line.full_name, 'chapters', line.chapters, 'last_valid_day', line.last_valid_day,
          'refresher_until', line.refresher_until,
          'name', case mails.language when 'en' then line.name_en else line.name_nb end
        )
        order by line.position
      ) filter (where line.position <= 100) as shown
    from mails
    cross join lateral (
      select every.*, row_number() over (partition by every.kind) as position
      from mentorcert_private.digest_contents(mails.organisation_id, mails.user_id, as_of) as every
    ) as line
    group by mails.id, line.kind
  )
  select
    mails.id, organisation.name, organisation.time_zone, mails.language, login.email::text,
    coalesce(expiring.shown, '[]'), coalesce(expired.shown, '[]'), coalesce(expiring.total, 0), coalesce(expired.total, 0)
  from mails
  join auth.users as login on login.id = mails.user_id and mentorcert_private.is_address(login.email)
  join mentorcert.organisations as organisation on organisation.id = mails.organisation_id
  left join lines as expiring on expiring.id = mails.id and expiring.kind = 'expiring'
  left join lines as expired on expired.id = mails.id and expired.kind = 'expired'
$$;
comment on function mentorcert_private.claimed_digests(uuid [], timestamptz) is
  'What to write in digests that an earlier transaction claimed, at most 100 lines of a kind.';

-- What 0.1.0 called, whose statements may run still.
create or replace function mentorcert_private.digest_lines(organisation_id uuid, user_id uuid, as_of timestamptz)
returns table (full_name text, chapters text, name_nb text, name_en text, last_valid_day date, has_expired boolean)
language sql
stable
set search_path = ''
as $$
  select content.full_name, content.chapters, content.name_nb, content.name_en, content.last_valid_day, content.kind <> 'expiring'
  from mentorcert_private.digest_contents(organisation_id, user_id, as_of) as content
$$;
comment on function mentorcert_private.digest_lines(uuid, uuid, timestamptz) is 'The lines of mentorcert_private.digest_contents.';

create or replace function mentorcert_private.claimed_outdated(mail_ids uuid [], as_of timestamptz default now())
returns table (mail_id uuid, outdated jsonb, outdated_count bigint)
language sql
stable
security definer -- so that the role of the jobs reads only what it is to write, and a row says so
set search_path = ''
as $$
  select mentorcert_private.check_notices_as_of(as_of);
  select
    line.mail_id, jsonb_agg(line.facts order by line.position) filter (where line.position <= 100), count(*)
  from (
    select
      mail.id as mail_id, row_number() over (partition by mail.id) as position,
      jsonb_build_object(
        'full_name', content.full_name, 'chapters', content.chapters, 'last_valid_day', content.last_valid_day,
        'refresher_until', content.refresher_until, 'after_lapse', content.after_lapse,
        'name', case coalesce(mentor.language, 'nb') when 'en' then content.name_en else content.name_nb end
      ) as facts
    from mentorcert_private.notice_mails as mail
    left join mentorcert.peer_mentors as mentor
      on mentor.user_id = mail.user_id and mentor.organisation_id = mail.organisation_id
    cross join lateral mentorcert_private.digest_contents(mail.organisation_id, mail.user_id, as_of) as content
    where
      mail.id = any(mail_ids) and mail.kind = 'digest' and mail.state = 'sending'
      and mentorcert_private.is_committed(mail.claimed_in) and content.kind = 'outdated'
  ) as line
  group by line.mail_id
$$;
comment on function mentorcert_private.claimed_outdated(uuid [], timestamptz) is
  'What is outdated since the last digest, for digests that an earlier transaction claimed, at most 100 lines of each.';

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
        'days_left', clock.day - mentorcert_private.day_of(as_of, organisation.time_zone),
        'refresher_until', refresher.until, 'after_lapse', type.after_lapse,
        'is_outdated', coalesce(refresher.until < mentorcert_private.day_of(as_of, organisation.time_zone), false)
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
  cross join lateral (select mentorcert_private.refresher_until(clock.day - 1, type.refresher_months) as until) as refresher
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.is_address(mentor.email)
  group by mail.id, organisation.id, mentor.id
$$;
comment on function mentorcert_private.claimed_notices(uuid [], timestamptz) is
  'What to write in mails that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

revoke execute on function mentorcert_private.digest_contents, mentorcert_private.claimed_outdated
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.claimed_outdated to mentorcert_jobs;
