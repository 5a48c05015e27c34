-- Days, midnights and validity: when a certification begins, ends, and what its status is.
--
-- In plpgsql, which takes a third of the time of SQL for a function that no query takes apart: they are called for each row.

create or replace function mentorcert_private.day_starts(day date, time_zone text)
returns timestamptz
language plpgsql
immutable
set search_path = ''
as $$
declare
  midnight constant timestamptz := day::timestamp at time zone time_zone;
begin
  return case
    -- Where the clock is put back at midnight, midnight comes twice, and the server takes the second.
    when (midnight - interval '1 hour') at time zone time_zone = day::timestamp then midnight - interval '1 hour'
    else midnight
  end;
end
$$;
comment on function mentorcert_private.day_starts(date, text) is
  'The first instant of a day in a time zone: the first of two midnights, and where the clock skips midnight the first instant after the gap.';

create or replace function mentorcert_private.day_of(instant timestamptz, time_zone text)
returns date
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (instant at time zone time_zone)::date;
end
$$;
comment on function mentorcert_private.day_of(timestamptz, text) is 'The day on the calendar of a time zone.';

create or replace function mentorcert_private.counted_from(issued_on date, held_until date, early_renewal_days integer)
returns date
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case when held_until - issued_on between 0 and early_renewal_days then held_until else issued_on end;
end
$$;
comment on function mentorcert_private.counted_from(date, date, integer) is
  'The day from which a validity counts: the last day of what was held until then where it is renewed within that number of days before, else its own day.';

create or replace function mentorcert_private.last_valid_day(
  validity_rule text, validity_months integer, issued_on date, held_until date default null, early_renewal_days integer default null
)
returns date
language plpgsql
immutable
set search_path = ''
as $$
declare
  start constant date := mentorcert_private.counted_from(issued_on, held_until, early_renewal_days);
  year_end date;
begin
  if validity_rule = 'months' then
    return greatest((start + make_interval(months => validity_months))::date, held_until);
  elsif validity_rule = 'end_of_year' then
    year_end := make_date(extract(year from start + make_interval(months => coalesce(validity_months, 0)))::integer, 12, 31);
    -- Renewed in the year in which it ends, it holds through the next one; renewed once more, no longer than that.
    return case
      when held_until >= year_end and (early_renewal_days is null or start = held_until)
        then greatest((year_end + interval '1 year')::date, held_until)
      else greatest(year_end, held_until)
    end;
  end if;
  return null;
end
$$;
comment on function mentorcert_private.last_valid_day(text, integer, date, date, integer) is
  'The last day on which a certification issued on a day holds; null: no last day. Months are clamped at month end. Early renewal never shortens: held_until, the last day of what was held before, stays where it is later. Within early_renewal_days before held_until it counts on from there.';

create or replace function mentorcert_private.status_at(suspended boolean, expires_at timestamptz, at timestamptz)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case when suspended then 'suspended' when expires_at <= at then 'expired' else 'active' end;
end
$$;
comment on function mentorcert_private.status_at(boolean, timestamptz, timestamptz) is
  'What the status is at an instant: suspension lies on top of the dates.';

revoke execute on function
  mentorcert_private.day_starts, mentorcert_private.day_of, mentorcert_private.counted_from, mentorcert_private.last_valid_day,
  mentorcert_private.status_at
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.day_starts, mentorcert_private.day_of, mentorcert_private.counted_from, mentorcert_private.last_valid_day,
  mentorcert_private.status_at
to authenticated, service_role;
