-- Notes on peer mentors, and follow-ups.

-- name: of_peer_mentor(peer_mentor_id)
select
  note.id, note.organisation_id, note.text, note.author, note.created_at, note.edited_at, note.due_on, note.responsible_id,
  note.responsible, note.is_reached, note.done_at, note.done_by, note.may_change, note.version
from public.peer_mentor_notes(:peer_mentor_id::uuid) as note;

-- name: responsibles(peer_mentor_id)
select of.user_id, of.organisation_id, of.name from public.note_responsibles(:peer_mentor_id::uuid) as of;

-- name: follow_ups(of_everybody)
select
  note.id, note.organisation_id, note.peer_mentor_id, note.full_name, note.text, note.due_on, note.responsible_id, note.responsible,
  note.is_reached, note.version
from public.follow_ups(:of_everybody::boolean) as note;

-- name: write(peer_mentor_id, text, due_on, responsible_id)
select public.write_note(:peer_mentor_id::uuid, :text::text, :due_on::date, :responsible_id::uuid);

-- name: change(note_id, text, due_on, responsible_id, version)
select public.change_note(:note_id::uuid, :text::text, :due_on::date, :responsible_id::uuid, :version::bigint);

-- name: settle(note_id, is_done, version)
select public.settle_note(:note_id::uuid, :is_done::boolean, :version::bigint);

-- name: remove(note_id, version)
select public.remove_note(:note_id::uuid, :version::bigint);
