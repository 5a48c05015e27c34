-- Calendar feeds.

-- name: created_at()
select public.calendar_feed_created_at();

-- name: create()
select public.create_calendar_feed();

-- name: revoke()
select public.revoke_calendar_feed();

-- name: read(token)
select organisation_name, time_zone, certification_id, name_nb, name_en, expires_at, reminder_days
from public.calendar_of(:token);
