-- The audit log, and how long logs are kept.

-- name: entries(organisation_id, since, size)
select
  entry.recorded_at, organisation.slug as organisation, entry.table_name, entry.row_id, entry.action, entry.actor,
  entry.before, entry.after
from public.audit_log as entry
left join public.organisations as organisation on organisation.id = entry.organisation_id
where
  (:organisation_id::uuid is null or entry.organisation_id = :organisation_id)
  and entry.recorded_at >= coalesce(:since::timestamptz, '-infinity')
order by entry.recorded_at desc, entry.id
limit :size;

-- name: retention()
select retention.log, extract(epoch from retention.keep)::bigint / 86400 as days
from private.log_retention as retention
order by retention.log;

-- name: set_retention(log, days)!
update private.log_retention as retention set keep = make_interval(days => :days)
where retention.log = :log;
