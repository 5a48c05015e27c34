-- Two peer mentors who are one, and pairs who look alike.

-- name: preview(change, subject, new_values)
select public.preview_consequences(:change::text, :subject::uuid, :new_values::jsonb);

-- name: confirm(change, subject, new_values, fingerprint)
select public.confirm_consequences(:change::text, :fingerprint::text, :subject::uuid, :new_values::jsonb);

-- name: of_peer_mentor(peer_mentor_id)
select
  merge.id, merge.organisation_id, merge.external_id, merge.full_name, merge.merged_at, merge.actor_id, merge.reason,
  merge.changed_since, merge.certifications, merge.consents
from public.merges_of(:peer_mentor_id::uuid) as merge;

-- name: pairs(after_first, after_second, size)
select * from public.look_alike_pairs(:after_first::uuid, :after_second::uuid, :size::integer);

-- name: mark_distinct(one, other, is_distinct)
select public.mark_distinct(:one::uuid, :other::uuid, :is_distinct::boolean);
