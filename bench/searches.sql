-- Who searches, and the search as the owner of the tables would write it.

-- name: organisation()$
select md5('organisation 0')::uuid;

-- name: administrator()$
select md5('administrator 0')::uuid;

-- name: by_hand(organisation_id, pattern)
select certification.*
from public.peer_mentor_certifications as certification
join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
where mentor.organisation_id = :organisation_id and mentor.full_name ilike :pattern
order by certification.expires_at, certification.id
limit 50;
