-- Lists of who attended.

-- name: match(lines, numbers, names, emails)
-- The policies find the people.
select
  said.line, min(mentor.organisation_id::text)::uuid as organisation_id, min(mentor.id::text)::uuid as peer_mentor_id,
  count(*)::integer as matches
from unnest(:lines::integer[], :numbers::text[], :names::text[], :emails::text[]) as said (line, number, name, email)
join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = (select public.get_user_organisation_id())
  and mentor.id <> all((select mentorcert_private.absent_peer_mentor_ids())::uuid[])
  and case
    when said.number is not null
      then mentorcert_private.folded(mentor.external_id) = mentorcert_private.folded(mentorcert_private.canonical_line(said.number))
    else
      mentorcert_private.folded(mentor.email) = mentorcert_private.folded(mentorcert_private.canonical_line(said.email))
      and mentorcert_private.folded(mentor.full_name) = mentorcert_private.folded(mentorcert_private.canonical_line(said.name))
  end
group by said.line;
