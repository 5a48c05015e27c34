-- Days, midnights and validity: when a certification begins, ends, and what its status is.

create or replace function private.day_starts(day date, time_zone text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select case
    -- Where the clock is put back at midnight, midnight comes twice, and the server takes the second.
    when (midnight - interval '1 hour') at time zone time_zone = day::timestamp then midnight - interval '1 hour'
    else midnight
  end
  from (select day::timestamp at time zone time_zone as midnight) as server
$$;
comment on function private.day_starts(date, text) is
  'The first instant of a day in a time zone: the first of two midnights, and where the clock skips midnight the first instant after the gap.';

create or replace function private.day_of(instant timestamptz, time_zone text)
returns date
language sql
immutable
set search_path = ''
as $$ select (instant at time zone time_zone)::date $$;
comment on function private.day_of(timestamptz, text) is 'The day on the calendar of a time zone.';

create or replace function private.last_valid_day(
  validity_rule text, validity_months integer, issued_on date, held_until date default null
)
returns date
language sql
immutable
set search_path = ''
as $$
  select case validity_rule
    when 'months' then greatest((issued_on + make_interval(months => validity_months))::date, held_until)
    -- Renewed in the year in which it ends, it holds through the next one; renewed once more, no longer than that.
    when 'end_of_year' then case
      when held_until >= year_end then greatest((year_end + interval '1 year')::date, held_until)
      else year_end
    end
  end
  from make_date(
    extract(year from issued_on + make_interval(months => coalesce(validity_months, 0)))::integer, 12, 31
  ) as year_end
$$;
comment on function private.last_valid_day(text, integer, date, date) is
  'The last day on which a certification issued on a day holds; null: no last day. Months are clamped at month end. Early renewal never shortens: held_until, the last day of what was held before, stays where it is later.';

create or replace function private.status_at(suspended boolean, expires_at timestamptz, at timestamptz)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when suspended then 'suspended' when expires_at <= at then 'expired' else 'active' end
$$;
comment on function private.status_at(boolean, timestamptz, timestamptz) is
  'What the status is at an instant: suspension lies on top of the dates.';

create or replace function public.current_status(certification public.peer_mentor_certifications)
returns text
language sql
stable
set search_path = ''
as $$ select private.status_at(certification.status = 'suspended', certification.expires_at, now()) $$;
comment on function public.current_status(public.peer_mentor_certifications) is
  'What the status truly is now, also after a missed nightly run; a computed column of the Data API.';

revoke execute on function
  private.day_starts(date, text), private.day_of(timestamptz, text),
  private.last_valid_day(text, integer, date, date),
  private.status_at(boolean, timestamptz, timestamptz),
  public.current_status(public.peer_mentor_certifications)
from public, anon, authenticated, service_role;
grant execute on function
  private.day_starts(date, text), private.day_of(timestamptz, text),
  private.last_valid_day(text, integer, date, date),
  private.status_at(boolean, timestamptz, timestamptz),
  public.current_status(public.peer_mentor_certifications)
to authenticated, service_role;
