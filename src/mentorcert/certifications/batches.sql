-- Changes of many certifications, and taking one back.

-- name: batches(organisation_id, batch_id)
select
  batch.batch_id, batch.organisation_id, batch.change, cardinality(batch.certification_ids) as certifications,
  batch.changed_by, batch.changed_at, batch.reverted_by, batch.reverted_at, batch.reverted, batch.reversal_reason
from mentorcert_private.change_batches as batch
where batch.organisation_id = :organisation_id and (:batch_id::uuid is null or batch.batch_id = :batch_id)
order by batch.changed_at desc, batch.batch_id
limit 50;

-- name: made_now()
select batch.batch_id
from mentorcert_private.change_batches as batch
where batch.changed_at = now() and batch.changed_by = (select auth.uid())
limit 1;

-- name: preview_reversal(batch_id)
select
  outcome.certification_id, mentor.organisation_id, mentor.id as peer_mentor_id, mentor.full_name,
  certification.certification_type, certification.expires_at as expired_at_before,
  public.current_status(certification) as status_before,
  outcome.expires_at, outcome.status, outcome.refusal, outcome.changed_since
from mentorcert_private.preview_batch_reversal(:batch_id) as outcome
left join public.peer_mentor_certifications as certification on certification.id = outcome.certification_id
left join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
order by outcome.refusal nulls last, mentor.sort_key, outcome.certification_id;

-- name: revert(batch_id, reason, leaves_out)
select mentorcert_private.revert_batch(:batch_id, :reason::text, :leaves_out);
