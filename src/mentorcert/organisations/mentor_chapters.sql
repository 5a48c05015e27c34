-- Chapters of peer mentors, and their ends.

-- name: of_peer_mentor(peer_mentor_id)
select link.id, link.organisation_id, link.peer_mentor_id, link.chapter_id, chapter.name as chapter, link.ended_at, link.version
from mentorcert.peer_mentor_chapters as link
join mentorcert.chapters as chapter on chapter.id = link.chapter_id
where
  link.peer_mentor_id = :peer_mentor_id and (link.ended_at is null or link.ended_at > statement_timestamp())
order by mentorcert_private.sort_key(chapter.name), chapter.id;

-- name: get(peer_mentor_id, chapter_id)
select link.id, link.organisation_id, link.peer_mentor_id, link.chapter_id, chapter.name as chapter, link.ended_at, link.version
from mentorcert.peer_mentor_chapters as link
join mentorcert.chapters as chapter on chapter.id = link.chapter_id
where
  link.peer_mentor_id = :peer_mentor_id and link.chapter_id = :chapter_id and (link.ended_at is null or link.ended_at > statement_timestamp());

-- name: end_link(id, last_day, version)!
-- One that has ended meanwhile is another version than the one that was seen.
update mentorcert.peer_mentor_chapters as link
set
  ended_at = coalesce(mentorcert_private.day_starts(:last_day::date + 1, organisation.time_zone), now()),
  version = coalesce(:version, link.version)
from mentorcert.organisations as organisation
where
  link.id = :id and organisation.id = link.organisation_id
  and (link.ended_at is null or link.ended_at > statement_timestamp() or :version::bigint is not null);

-- name: keep(id, version)!
update mentorcert.peer_mentor_chapters as link
set ended_at = null, version = :version
where link.id = :id and link.ended_at > statement_timestamp();
