-- Certificates.

-- name: of_certifications(certification_ids)
select
  organisation.id as organisation_id, certification.id, organisation.name as organisation, organisation.time_zone, mentor.full_name,
  type.name_nb, type.name_en, type.gives_certificate, type.certificate_nb, type.certificate_en,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status
from public.peer_mentor_certifications as certification
join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = certification.organisation_id and mentor.id = certification.peer_mentor_id
join mentorcert.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
where certification.id = any(:certification_ids::uuid[])
order by mentor.sort_key, mentor.id, type.code;

-- name: design()
select design.organisation_id, design.signatory, design.signatory_title, design.logo, design.version
from public.certificate_design() as design;

-- name: set_design(signatory, signatory_title, logo, has_logo)
select public.set_certificate_design(:signatory::text, :signatory_title::text, :logo::bytea, :has_logo::boolean);

-- name: type_text(type_id)
select type.id, type.organisation_id, type.name_nb, type.name_en, type.gives_certificate, type.certificate_nb, type.certificate_en, type.version
from mentorcert.certification_types as type
where type.id = :type_id;

-- name: set_type_text(type_id, gives_certificate, certificate_nb, certificate_en, version)
select public.set_type_certificate(
  :type_id::uuid, :gives_certificate::boolean, :certificate_nb::text, :certificate_en::text, :version::bigint
);

-- name: check(code)
select
  details.state, details.organisation, details.time_zone, details.name_nb, details.name_en, details.expires_at, details.initials
from public.certificate_details(:code::uuid) as details;

-- name: clock()
select now();
