-- What a role reads, through row-level security and as the owner would write it by hand. The parameters stand in the
-- text as literals, as they would by hand.

-- name: page_by_function()
select * from public.certifications_page();

-- name: page_under_policies()
select * from public.peer_mentor_certifications
order by expires_at, id
limit 50;

-- name: page_of_organisation_under_policies(organisation_id)
select * from public.peer_mentor_certifications
where organisation_id = :organisation_id
order by expires_at, id
limit 50;

-- name: page_of_peer_mentor(peer_mentor_id)
select * from public.peer_mentor_certifications
where peer_mentor_id = :peer_mentor_id
order by expires_at, id
limit 50;

-- name: page_of_chapters(chapter_ids)
select * from public.peer_mentor_certifications
where chapter_ids && :chapter_ids
order by expires_at, id
limit 50;

-- name: page_of_chapters_in_organisation(organisation_id, chapter_ids)
select * from public.peer_mentor_certifications
where organisation_id = :organisation_id and chapter_ids && :chapter_ids
order by expires_at, id
limit 50;

-- name: page_of_chapters_by_join(chapter_ids)
select * from public.peer_mentor_certifications
where peer_mentor_id in (
  select link.peer_mentor_id from mentorcert.peer_mentor_chapters as link
  where link.chapter_id = any(:chapter_ids) and link.ended_at is null
)
order by expires_at, id
limit 50;

-- name: page_of_organisation(organisation_id)
select * from public.peer_mentor_certifications
where organisation_id = :organisation_id
order by expires_at, id
limit 50;

-- name: count_under_policies()
select count(*) from public.peer_mentor_certifications;

-- name: count_of_peer_mentor(peer_mentor_id)
select count(*) from public.peer_mentor_certifications where peer_mentor_id = :peer_mentor_id;

-- name: count_of_chapters(chapter_ids)
select count(*) from public.peer_mentor_certifications where chapter_ids && :chapter_ids;

-- name: count_of_organisation(organisation_id)
select count(*) from public.peer_mentor_certifications where organisation_id = :organisation_id;

-- name: row_under_policies(certification_id)
select * from public.peer_mentor_certifications where id = :certification_id;

-- name: row_of_peer_mentor(certification_id, peer_mentor_id)
select * from public.peer_mentor_certifications
where id = :certification_id and peer_mentor_id = :peer_mentor_id;

-- name: row_of_chapters(certification_id, chapter_ids)
select * from public.peer_mentor_certifications
where id = :certification_id and chapter_ids && :chapter_ids;

-- name: row_of_organisation(certification_id, organisation_id)
select * from public.peer_mentor_certifications
where id = :certification_id and organisation_id = :organisation_id;

-- name: organisation()$
select md5('organisation 0')::uuid;

-- name: administrator()$
select md5('administrator 0')::uuid;

-- name: peer_mentor_with_login()^
select mentor.user_id, mentor.id
from mentorcert.peer_mentors as mentor
where mentor.organisation_id = md5('organisation 0')::uuid and mentor.user_id is not null
order by mentor.id
limit 1;

-- name: coordinators()
-- Of one chapter, of three and of twenty-five.
select membership.user_id, array_agg(membership.chapter_id)
from mentorcert.memberships as membership
where membership.user_id in (
  select md5(concat_ws(' ', 'coordinator 0', chapters, 0))::uuid from unnest(array[1, 3, 25]) as chapters
)
group by membership.user_id
order by count(*);

-- name: visible_certification()$
select certification.id from public.peer_mentor_certifications as certification limit 1;

-- name: nothing()
select;
