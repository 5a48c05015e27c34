-- What the two lists show, as they would be asked for by hand.

-- name: make_coordinator(user_id, slug)!
-- Of the chapter in which the benchmark's coordinator of the most chapters is.
insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
select membership.organisation_id, :user_id, 'coordinator', membership.chapter_id
from mentorcert.memberships as membership
join mentorcert.organisations as organisation on organisation.id = membership.organisation_id
where organisation.slug = :slug and membership.role = 'coordinator'
order by cardinality(mentorcert_private.with_chapters_below(array[membership.chapter_id])) desc
limit 1;

-- name: make_administrator(user_id, slug)!
insert into mentorcert.memberships (organisation_id, user_id, role)
select organisation.id, :user_id, 'org_admin' from mentorcert.organisations as organisation where organisation.slug = :slug;

-- name: change_chapter(slug)!
update mentorcert.chapters as chapter set name = chapter.name
where chapter.id = (
  select one.id from mentorcert.chapters as one
  join mentorcert.organisations as organisation on organisation.id = one.organisation_id
  where organisation.slug = :slug
  limit 1
);

-- name: coordinators_list()
select
  page.id, page.peer_mentor_id, page.certification_type, page.issued_at, page.expires_at,
  public.current_status(page) as status, page.chapter_ids
from public.certifications_page(page_size => 50) as page;

-- name: public_list()
select listed.peer_mentor_id, listed.display_name, listed.chapters, listed.listed_until
from public.listed_peer_mentors as listed
where listed.organisation_slug = 'organisation-0'
order by listed.display_name, listed.peer_mentor_id
limit 50;
