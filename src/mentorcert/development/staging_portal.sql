-- What the demonstration asks the registry.

-- name: public_list(slug)
select peer_mentor_id, listed_until from public.listed_peer_mentors where organisation_slug = :slug;

-- name: connection(slug)
select connection.mode, connection.reason
from mentorcert_portal.connections as connection
join mentorcert.organisations as organisation on organisation.id = connection.organisation_id
where organisation.slug = :slug;

-- name: unconfirmed(slug)
select count(*)
from mentorcert.organisations as organisation
join mentorcert_portal.state_overview as situation on situation.organisation_id = organisation.id
where organisation.slug = :slug and situation.state <> 'in_sync';

-- name: first_listed(slug)
select mentor.external_id, certification.id
from public.listed_peer_mentors as listed
join mentorcert.peer_mentors as mentor on mentor.id = listed.peer_mentor_id
join public.peer_mentor_certifications as certification on certification.peer_mentor_id = mentor.id
join mentorcert.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
where listed.organisation_slug = :slug and listed.listed_until > now() and type.required_for_listing
order by mentor.external_id, type.code
limit 1;
