-- The sample people. Their ids are derived from what they are, so that they are the same each time.

-- name: add_logins()
insert into auth.users as login (id, email, email_confirmed_at)
select
  md5('mentorcert sample ' || organisation.slug || ' ' || kind)::uuid,
  kind || '@' || organisation.slug || '.example',
  now()
from mentorcert.organisations as organisation
cross join unnest(array['administrator', 'coordinator', 'mentor']) as kind
where organisation.slug in ('hom', 'apen-samtale')
on conflict (id) do update set email_confirmed_at = excluded.email_confirmed_at where login.email_confirmed_at is null;

-- name: add_memberships()
insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
select organisation.id, login.id, wanted.role, chapter.id
from mentorcert.organisations as organisation
cross join (
  values ('administrator', 'org_admin'), ('coordinator', 'coordinator'), ('mentor', 'peer_mentor')
) as wanted (kind, role)
join auth.users as login on login.email = wanted.kind || '@' || organisation.slug || '.example'
-- The coordinator of the chapter under which there are most peer mentors.
left join lateral (
  select candidate.id
  from mentorcert.chapters as candidate
  where candidate.organisation_id = organisation.id and candidate.parent_id is null and wanted.role = 'coordinator'
  order by (
    select count(*) from mentorcert.peer_mentors as mentor
    where mentor.chapter_ids && mentorcert_private.with_chapters_below(array[candidate.id])
  ) desc, candidate.code
  limit 1
) as chapter on true
where organisation.slug in ('hom', 'apen-samtale')
-- Another chapter may have most by now; the coordinator stays where she is.
and not exists (
  select from mentorcert.memberships as membership
  where membership.organisation_id = organisation.id and membership.user_id = login.id
);

-- name: link_peer_mentors()
-- Somebody who is on the list, has more than one certification, and of whom one expires next.
update mentorcert.peer_mentors as mentor
set user_id = login.id
from mentorcert.organisations as organisation
join auth.users as login on login.email = 'mentor@' || organisation.slug || '.example'
cross join lateral (
  select certification.peer_mentor_id as id
  from public.peer_mentor_certifications as certification
  join public.listed_peer_mentors as listed on listed.peer_mentor_id = certification.peer_mentor_id
  where certification.organisation_id = organisation.id and certification.status = 'active'
  group by certification.peer_mentor_id
  having count(*) > 1
  order by min(certification.expires_at), certification.peer_mentor_id
  limit 1
) as chosen
where
  mentor.id = chosen.id
  and mentor.user_id is null
  and not exists (
    select from mentorcert.peer_mentors as other where other.organisation_id = organisation.id and other.user_id = login.id
  );

-- name: people()
select
  login.id, login.email, membership.role, organisation.name as organisation, organisation.slug,
  coalesce(chapter.name, mentor.full_name) as scope
from mentorcert.organisations as organisation
join mentorcert.memberships as membership
  on membership.organisation_id = organisation.id and (membership.ended_at is null or membership.ended_at > statement_timestamp())
join auth.users as login
  on login.id = membership.user_id and login.email like '%@' || organisation.slug || '.example'
left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = organisation.id and mentor.user_id = login.id and membership.role = 'peer_mentor'
where
  organisation.slug in ('hom', 'apen-samtale')
  -- Those who only ask for a renewal are left out.
  and split_part(login.email, '@', 1) in ('administrator', 'coordinator', 'mentor')
order by organisation.slug desc, array_position(array['peer_mentor', 'coordinator', 'org_admin'], membership.role);

-- name: invited()
select
  invitation.id, invitation.email, invitation.role, organisation.name as organisation, organisation.slug,
  coalesce(chapter.name, mentor.full_name) as scope
from mentorcert_private.invitations as invitation
join mentorcert.organisations as organisation on organisation.id = invitation.organisation_id
left join mentorcert.chapters as chapter on chapter.id = invitation.chapter_id
left join mentorcert.peer_mentors as mentor on mentor.id = invitation.peer_mentor_id
where
  organisation.slug in ('hom', 'apen-samtale') and invitation.accepted_at is null and invitation.withdrawn_at is null
  and invitation.expires_at > now()
order by invitation.invited_at desc
limit 20;

-- name: login_of(invitation_id)
with invited as (
  select invitation.email
  from mentorcert_private.invitations as invitation
  join mentorcert.organisations as organisation on organisation.id = invitation.organisation_id
  where
    invitation.id = :invitation_id and organisation.slug in ('hom', 'apen-samtale') and invitation.accepted_at is null
    and invitation.withdrawn_at is null and invitation.expires_at > now()
),
present as (
  select login.id, login.email from auth.users as login join invited on lower(login.email) = lower(invited.email)
),
made as (
  insert into auth.users (email, email_confirmed_at)
  select invited.email, now() from invited where not exists (select from present)
  returning id, email
)
select every.id, every.email
from (select id, email from made union all select id, email from present) as every
where not exists (
  select from mentorcert.memberships as membership
  join mentorcert.organisations as organisation on organisation.id = membership.organisation_id
  where membership.user_id = every.id and organisation.slug not in ('hom', 'apen-samtale')
);
