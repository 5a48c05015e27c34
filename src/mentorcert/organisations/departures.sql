-- Who leaves and comes back.

-- name: mark_left(peer_mentor_id, left_on, reason, version)
select public.mark_left(:peer_mentor_id::uuid, :left_on::date, :reason::text, :version::bigint);

-- name: mark_returned(peer_mentor_id, version)
select public.mark_returned(:peer_mentor_id::uuid, :version::bigint);

-- name: without_chapter()
select mentor.id, mentor.organisation_id, mentor.full_name
from mentorcert.peer_mentors as mentor
where
  mentor.organisation_id = (select mentorcert_private.administered_organisation_id())
  and mentor.chapter_ids = '{}'
  and mentor.id <> all((select mentorcert_private.absent_peer_mentor_ids())::uuid[])
order by mentor.sort_key, mentor.id;

-- name: readmit_erased(external_id, email, reason)
select public.readmit_erased(:external_id::text, :email::text, :reason::text);
