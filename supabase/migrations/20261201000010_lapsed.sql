-- How long after its end a refresher still renews a certification, and what it takes after that.
--
-- Nothing is stored of who is too late: it follows from the end, the type and the day, at the moment of asking. The day is that of
-- the renewal, in the organisation's time zone; time goes on under a suspension. A renewal that is too late says in its evidence on
-- what it is based. An extension is no renewal, and a reversal or a merge only says again what was said before.

alter table mentorcert.certification_types
  add column if not exists refresher_months integer,
  add column if not exists after_lapse text not null default 'course';
do $$
begin
  if not exists (select from pg_catalog.pg_constraint as known where known.conname = 'certification_types_refresher_months_valid') then
    alter table mentorcert.certification_types
      add constraint certification_types_refresher_months_valid check (refresher_months between 0 and 1200),
      add constraint certification_types_after_lapse_valid check (after_lapse in ('course', 'registration'));
  end if;
end
$$;
grant insert (refresher_months, after_lapse), update (refresher_months, after_lapse) on mentorcert.certification_types to authenticated;
comment on column mentorcert.certification_types.refresher_months is
  'For how many months after the last valid day a refresher still renews it, on their last day too; null: without limit, 0: not after the end.';
comment on column mentorcert.certification_types.after_lapse is
  'What it takes after that: the whole course, or a new registration.';

create or replace function mentorcert_private.refresher_until(last_valid_day date, refresher_months integer)
returns date
language plpgsql
immutable
strict
set search_path = ''
as $$
begin
  return least((last_valid_day + make_interval(months => refresher_months))::date, date '9999-12-31');
end
$$;
comment on function mentorcert_private.refresher_until(date, integer) is
  'The last day of a renewal by a refresher; months are clamped at month end. Null: there is none, for it does not end or is renewed without limit.';

create or replace function mentorcert_private.oldest_refreshed_end(day date, refresher_months integer)
returns date
language plpgsql
immutable
strict
set search_path = ''
as $$
declare
  earlier constant date := (day - make_interval(months => refresher_months))::date;
begin
  -- From the end of a shorter month, as many months on do not reach the day.
  return case when (earlier + make_interval(months => refresher_months))::date < day then earlier + 1 else earlier end;
end
$$;
comment on function mentorcert_private.oldest_refreshed_end(date, integer) is
  'The earliest last valid day of which mentorcert_private.refresher_until is the day or later.';

create or replace function mentorcert_private.outdated_limits(organisation uuid)
returns table (certification_type text, ended_by timestamptz)
language sql
stable
rows 5
set search_path = ''
as $$
  select
    type.code,
    mentorcert_private.day_starts(
      mentorcert_private.oldest_refreshed_end(mentorcert_private.day_of(now(), place.time_zone), type.refresher_months), place.time_zone
    )
  from mentorcert.certification_types as type
  join mentorcert.organisations as place on place.id = type.organisation_id
  where type.organisation_id = organisation and type.refresher_months is not null and type.retired_on is null
$$;
comment on function mentorcert_private.outdated_limits(uuid) is
  'Of each type in use that a refresher renews for a time only: what has ended by then is outdated now. A range of expires_at, which an index finds.';

create or replace function mentorcert_private.outdated_by(organisation uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(past.certification_type, past.ended_by), '{}') from mentorcert_private.outdated_limits(organisation) as past
$$;
comment on function mentorcert_private.outdated_by(uuid) is
  'mentorcert_private.outdated_limits as an object by type, for the condition of a page.';

create or replace function public.refresher_until(certification public.peer_mentor_certifications)
returns date
language sql
stable
set search_path = ''
as $$
  select mentorcert_private.refresher_until(
    mentorcert_private.day_of(certification.expires_at, organisation.time_zone) - 1, type.refresher_months
  )
  from mentorcert.certification_types as type
  join mentorcert.organisations as organisation on organisation.id = type.organisation_id
  where type.organisation_id = certification.organisation_id and type.code = certification.certification_type
$$;
comment on function public.refresher_until(public.peer_mentor_certifications) is
  'The last day as of which a refresher renews it; null: it does not end, or is renewed without limit. A computed column of the Data API.';

create or replace function public.after_lapse(certification public.peer_mentor_certifications)
returns text
language sql
stable
set search_path = ''
as $$
  select type.after_lapse
  from mentorcert.certification_types as type
  where
    type.organisation_id = certification.organisation_id and type.code = certification.certification_type
    and type.refresher_months is not null and certification.expires_at is not null
$$;
comment on function public.after_lapse(public.peer_mentor_certifications) is
  'What it takes after refresher_until: course or registration; null where there is no such day. A computed column of the Data API.';

create or replace function public.is_outdated(certification public.peer_mentor_certifications)
returns boolean
language sql
stable
set search_path = ''
as $$
  select certification.status <> 'suspended' and exists (
    select from mentorcert_private.outdated_limits(certification.organisation_id) as past
    where past.certification_type = certification.certification_type and certification.expires_at <= past.ended_by
  )
$$;
comment on function public.is_outdated(public.peer_mentor_certifications) is
  'Whether it is expired, of a type in use, and no refresher renews it any more as of today. A computed column of the Data API.';

create or replace function mentorcert_private.reject_outdated(after_lapse text, refresher_until date)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC026', message = format('a refresher renewed it until %s', refresher_until),
    hint = case after_lapse
      when 'course' then 'It takes the whole course now; the evidence of a renewal by it says {"basis": "course"}.'
      else 'It takes a new registration now; the evidence of a renewal by it says {"basis": "registration"}.'
    end,
    schema = 'public', table = 'peer_mentor_certifications', column = 'issued_at', constraint = 'certification_outdated_' || after_lapse;
end
$$;
comment on function mentorcert_private.reject_outdated(text, date) is 'Raises MC026.';

create or replace function mentorcert_private.check_refresher(
  type mentorcert.certification_types, held public.peer_mentor_certifications, renewed public.peer_mentor_certifications,
  basis text, time_zone text
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  until constant date := mentorcert_private.refresher_until(
    mentorcert_private.day_of(held.expires_at, time_zone) - 1, type.refresher_months
  );
begin
  if mentorcert_private.day_of(renewed.issued_at, time_zone) > until and basis is distinct from type.after_lapse then
    perform mentorcert_private.reject_outdated(type.after_lapse, until);
  end if;
end
$$;
comment on function mentorcert_private.check_refresher(
  mentorcert.certification_types, public.peer_mentor_certifications, public.peer_mentor_certifications, text, text
) is 'Refuses (MC026) a renewal as of a day on which a refresher does not renew any more, unless it is based on what the type asks for then.';

revoke execute on function
  mentorcert_private.refresher_until, mentorcert_private.oldest_refreshed_end, mentorcert_private.outdated_limits, mentorcert_private.outdated_by,
  public.refresher_until, public.after_lapse, public.is_outdated, mentorcert_private.reject_outdated, mentorcert_private.check_refresher
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.refresher_until, mentorcert_private.oldest_refreshed_end, mentorcert_private.outdated_limits, mentorcert_private.outdated_by,
  public.refresher_until, public.after_lapse, public.is_outdated
to authenticated, service_role;
grant execute on function mentorcert_private.refresher_until to mentorcert_tasks;
