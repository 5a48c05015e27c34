-- One change of many certifications.

-- name: preview(change, certification_ids, renewed_on, basis)
-- What a renewal is based on answers what is asked for by then, as change_certifications says.
select
  outcome.certification_id, mentor.organisation_id, mentor.id as peer_mentor_id, mentor.full_name,
  certification.certification_type, certification.expires_at as expired_at_before,
  public.current_status(certification) as status_before,
  outcome.expires_at, outcome.status, outcome.takes_back, nullif(outcome.refusal, 'certification_outdated_' || :basis::text) as refusal,
  outcome.counted_from
from public.preview_changes(:change, :certification_ids, :renewed_on::date) as outcome
left join public.peer_mentor_certifications as certification on certification.id = outcome.certification_id
left join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
order by refusal nulls last, mentor.sort_key, outcome.certification_id;

-- name: apply(change, certification_ids, renewed_on, note, evidence)
select public.change_certifications(
  :change, :certification_ids, :renewed_on::date, :note::text, :evidence::jsonb
);
