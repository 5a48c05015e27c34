-- The nightly run, what it would do, and when it is due.

-- name: run(as_of, batch_size)
select coalesce(done.organisation, '') as organisation, done.local_day, done.caught_up, done.expired, done.unlisted, done.error
from mentorcert_private.run_nightly(coalesce(:as_of::timestamptz, now()), :batch_size::integer) as done
order by done.organisation, done.local_day;

-- name: due(as_of)
with due as (
  select certification.*, organisation.slug, organisation.time_zone
  from mentorcert.organisations as organisation
  join public.peer_mentor_certifications as certification on certification.organisation_id = organisation.id
  where
    lower(certification.status) = 'active'
    and certification.expires_at <= coalesce(:as_of::timestamptz, now())
)
select
  due.id as certification_id,
  due.slug as organisation,
  mentor.external_id as peer_mentor,
  due.certification_type,
  due.expires_at,
  mentorcert_private.day_of(due.expires_at, due.time_zone) - 1 as last_valid_day,
  type.required_for_listing and type.retired_on is null and listed.peer_mentor_id is not null as leaves_list
from due
join mentorcert.peer_mentors as mentor on mentor.id = due.peer_mentor_id
join mentorcert.certification_types as type
  on type.organisation_id = due.organisation_id and type.code = due.certification_type
left join public.listed_peer_mentors as listed on listed.peer_mentor_id = due.peer_mentor_id
order by due.slug, due.expires_at, mentor.external_id, due.certification_type;

-- name: next_run()
select now(), mentorcert_private.next_nightly_at(now());
