-- An organisation whose peer mentors are sent to the portal.

-- name: insert_organisation(id)!
insert into mentorcert.organisations (id, slug, name) values (:id, 'portal', 'Portal');

-- name: insert_type(id)!
insert into mentorcert.certification_types (
  organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing
)
values (:id, 'course', 'course', 'course', 'months', 24, true);

-- name: insert_peer_mentors(id, mentors)!
with mentors as (
  insert into mentorcert.peer_mentors (organisation_id, external_id, full_name, listing_consent)
  select :id, 'portal-' || mentor, 'Mentor Number ' || mentor, mod(mentor, 3) = 0
  from generate_series(1, :mentors) as mentor
  returning id
)
insert into public.peer_mentor_certifications (
  organisation_id, peer_mentor_id, certification_type, issued_at, expires_at
)
select
  :id, id, 'course',
  mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') - 100, 'Europe/Oslo'),
  mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') + 100, 'Europe/Oslo')
from mentors;

-- name: connect(id)!
select mentorcert_portal.connect(:id, 'webhook', 'v1', 'bench'), mentorcert_portal.set_mode(:id, 'live', 'bench');

-- name: end_leases()!
update mentorcert_portal.states set lease_token = null, lease_until = null, next_attempt_at = now();

-- name: mark()!
select mentorcert_portal.enqueue_sync(array(select id from mentorcert.peer_mentors));

-- name: forget()!
-- Otherwise what was marked, but says the same, need not be sent.
update mentorcert_portal.states set confirmed = null;

-- name: in_sync()$
select count(*) from mentorcert_portal.states where state = 'in_sync';
