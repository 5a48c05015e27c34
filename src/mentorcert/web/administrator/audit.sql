-- The audit log of the organisation, and what the ids in it are called.

-- name: entries(organisation_id, table_name, actor, from_day, to_day, time_zone, before_at, before_id, size)
select entry.id, entry.recorded_at, entry.table_name, entry.row_id, entry.action, entry.actor, entry.before, entry.after
from public.audit_log as entry
where
  entry.organisation_id = :organisation_id
  and entry.recorded_at >= coalesce(private.day_starts(:from_day::date, :time_zone), '-infinity')
  and entry.recorded_at < coalesce(private.day_starts(:to_day::date + 1, :time_zone), 'infinity')
  and entry.recorded_at <= coalesce(:before_at::timestamptz, 'infinity')
  and (:before_at::timestamptz is null or (entry.recorded_at, entry.id) < (:before_at, :before_id::uuid))
  and (:table_name::text is null or entry.table_name = :table_name)
  and (:actor::uuid is null or entry.actor ->> 'user_id' = :actor::text)
order by entry.recorded_at desc, entry.id desc
limit :size;

-- name: actor(email)$
select login.user_id from private.member_logins() as login where lower(login.email) = lower(:email);

-- name: logins(ids)
select login.user_id as id, login.email as name from private.member_logins() as login where login.user_id = any(:ids);

-- name: names(organisation_id, ids)
select chapter.id, chapter.name from public.chapters as chapter
where chapter.organisation_id = :organisation_id and chapter.id = any(:ids)
union all
select type.id, type.code from public.certification_types as type
where type.organisation_id = :organisation_id and type.id = any(:ids)
union all
select mentor.id, mentor.full_name from public.peer_mentors as mentor
where mentor.organisation_id = :organisation_id and mentor.id = any(:ids);
