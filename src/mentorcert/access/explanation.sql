-- What explains an access, and what Postgres itself answers.

-- name: find_login(login)$
select login.id from auth.users as login
where login.id::text = lower(:login) or lower(login.email) = lower(:login)
limit 1;

-- name: certification(certification_id)^
select
  organisation.slug,
  array(
    select chapter.code
    from mentorcert.peer_mentor_chapters as link
    join mentorcert.chapters as chapter on chapter.id = link.chapter_id
    where link.peer_mentor_id = certification.peer_mentor_id and link.ended_at is null
    order by chapter.code
  )
from public.peer_mentor_certifications as certification
join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
where certification.id = :certification_id;

-- name: memberships(user_id)
select membership.organisation_id, organisation.slug as organisation, membership.role, chapter.code as chapter,
  membership.ended_at
from mentorcert.memberships as membership
join mentorcert.organisations as organisation on organisation.id = membership.organisation_id
left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
where membership.user_id = :user_id
order by organisation.slug, membership.role, chapter.code, membership.created_at;

-- name: sees(certification_id)$
select exists (
  select from public.peer_mentor_certifications as certification where certification.id = :certification_id
);

-- name: changes(certification_id)$
-- To lock a row for a change, the policies for UPDATE must let it through as well.
with locked as (
  select certification.id from public.peer_mentor_certifications as certification
  where certification.id = :certification_id
  for no key update
)
select exists (select from locked);
