-- Certificates.

-- name: get(certification_id)
select
  organisation.id as organisation_id, organisation.name as organisation, organisation.time_zone, mentor.full_name,
  type.name_nb, type.name_en, certification.issued_at, certification.expires_at,
  public.current_status(certification) as status
from public.peer_mentor_certifications as certification
join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = certification.organisation_id and mentor.id = certification.peer_mentor_id
join mentorcert.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
where certification.id = :certification_id;

-- name: check(code)
select public.check_certificate(:code::uuid) as is_valid, now() as checked_at;
