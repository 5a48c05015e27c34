-- The audit log, what the ids in it are called, and how long logs are kept.

-- name: entries(organisation_id, since, table_name, user_id, from_day, to_day, time_zone, before_at, before_id, size)
select
  entry.id, entry.organisation_id, entry.recorded_at, organisation.slug as organisation, entry.table_name, entry.row_id,
  entry.action, entry.actor, entry.before, entry.after
from mentorcert.audit_log as entry
left join mentorcert.organisations as organisation on organisation.id = entry.organisation_id
where
  (:organisation_id::uuid is null or entry.organisation_id = :organisation_id)
  and entry.recorded_at >= coalesce(:since::timestamptz, '-infinity')
  and entry.recorded_at >= coalesce(mentorcert_private.day_starts(:from_day::date, :time_zone::text), '-infinity')
  and entry.recorded_at < coalesce(mentorcert_private.day_starts(:to_day::date + 1, :time_zone::text), 'infinity')
  and entry.recorded_at <= coalesce(:before_at::timestamptz, 'infinity')
  and (:before_at::timestamptz is null or (entry.recorded_at, entry.id) < (:before_at, :before_id::uuid))
  and (:table_name::text is null or entry.table_name = :table_name)
  and (:user_id::uuid is null or entry.actor ->> 'user_id' = :user_id::text)
order by entry.recorded_at desc, entry.id desc
limit :size;

-- name: find_member(email)
select login.user_id from mentorcert_private.member_logins() as login where lower(login.email) = lower(mentorcert_private.canonical_email(:email));

-- name: member_addresses(ids)
select login.user_id, login.email from mentorcert_private.member_logins() as login
where login.user_id = any(:ids) and login.email is not null;

-- name: row_names(organisation_id, ids, language)
select chapter.id, chapter.organisation_id, chapter.name from mentorcert.chapters as chapter
where chapter.organisation_id = :organisation_id and chapter.id = any(:ids)
union all
select type.id, type.organisation_id, case when :language = 'en' then type.name_en else type.name_nb end from mentorcert.certification_types as type
where type.organisation_id = :organisation_id and type.id = any(:ids)
union all
select mentor.id, mentor.organisation_id, mentor.full_name from mentorcert.peer_mentors as mentor
where mentor.organisation_id = :organisation_id and mentor.id = any(:ids) and mentor.full_name is not null
union all
select certification.id, certification.organisation_id, concat_ws(', ', mentor.full_name, case when :language = 'en' then type.name_en else type.name_nb end)
from public.peer_mentor_certifications as certification
join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
join mentorcert.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
where certification.organisation_id = :organisation_id and certification.id = any(:ids)
union all
select course.id, course.organisation_id, coalesce(case when :language = 'en' then course.name_en end, course.name_nb)
from public.courses(since => (now() - interval '1 year')::date) as course
where course.organisation_id = :organisation_id and course.id = any(:ids);

-- name: retention()
select retention.log, extract(epoch from retention.keep)::bigint / 86400 as days
from mentorcert_private.log_retention as retention
order by retention.log;

-- name: set_retention(log, days)!
update mentorcert_private.log_retention as retention set keep = make_interval(days => :days)
where retention.log = :log;
