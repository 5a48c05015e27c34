-- What goes on among the sample people. Ids of logins are derived from what they are, so that they are the same each time.

-- name: coordinators_without()
select
  organisation.slug, membership.user_id as id, membership.chapter_id,
  md5('mentorcert sample ' || organisation.slug || ' administrator')::uuid as administrator_id,
  mentorcert_private.day_of(now(), organisation.time_zone) as today
from mentorcert.organisations as organisation
join mentorcert.memberships as membership
  on membership.organisation_id = organisation.id and membership.role = 'coordinator' and membership.ended_at is null
where
  organisation.slug in ('hom', 'apen-samtale')
  and membership.user_id = md5('mentorcert sample ' || organisation.slug || ' coordinator')::uuid
  and not exists (select from mentorcert_private.courses as course where course.organisation_id = organisation.id)
  and not exists (select from mentorcert_private.renewal_requests as request where request.organisation_id = organisation.id)
order by organisation.slug;

-- name: ending_next(chapter_id, certification_type, size)
select certification.id, certification.peer_mentor_id
from public.peer_mentor_certifications as certification
join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
where
  certification.certification_type = :certification_type and certification.expires_at > now()
  and mentor.user_id is null and mentor.chapter_ids && mentorcert_private.with_chapters_below(array[:chapter_id::uuid])
order by certification.expires_at, mentor.external_id
limit :size;

-- name: add_login(slug, number, peer_mentor_id)
with login as (
  insert into auth.users (id, email, email_confirmed_at)
  values (md5('mentorcert sample ' || :slug || ' asking ' || :number)::uuid, 'asking-' || :number || '@' || :slug || '.example', now())
  on conflict (id) do update set email = excluded.email
  returning id
),
joined as (
  insert into mentorcert.memberships (organisation_id, user_id, role)
  select mentor.organisation_id, login.id, 'peer_mentor'
  from login join mentorcert.peer_mentors as mentor on mentor.id = :peer_mentor_id
)
update mentorcert.peer_mentors as mentor set user_id = login.id from login where mentor.id = :peer_mentor_id
returning mentor.user_id;
