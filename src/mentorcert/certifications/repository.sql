-- Certifications with their current status, without the history.

-- name: page(after_expires_at, after_id, page_size, status, certification_type, chapter_id, expiring_before, with_left)
select
  page.id, page.organisation_id, page.peer_mentor_id, page.certification_type, page.issued_at, page.expires_at,
  public.current_status(page) as status, page.chapter_ids,
  public.early_renewal_from(page) as early_renewal_from,
  public.refresher_until(page) as refresher_until, public.after_lapse(page) as after_lapse, public.is_outdated(page) as is_outdated
from public.certifications_page(
  :after_expires_at::timestamptz, :after_id::uuid, :page_size::integer, :status::text, :certification_type::text,
  :chapter_id::uuid, :expiring_before::timestamptz, :with_left::boolean
) as page;

-- name: get(certification_id)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.peer_mentor_certifications as certification
where certification.id = :certification_id;

-- name: lock(certification_id)!
select from public.peer_mentor_certifications as certification
where certification.id = :certification_id
for no key update;

-- name: was_valid(certification_id, at, known_at)
select public.certification_as_of(:certification_id, :at, :known_at::timestamptz);

-- name: register(peer_mentor_id, certification_type, issued_on, last_valid_day, note, evidence)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.register_certification(
  :peer_mentor_id::uuid, :certification_type::text, :issued_on::date, :last_valid_day::date, :note::text, :evidence::jsonb
) as certification;

-- name: renew(certification_id, renewed_on, last_valid_day, note, evidence)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.renew_certification(
  :certification_id::uuid, :renewed_on::date, :last_valid_day::date, :note::text, :evidence::jsonb
) as certification;

-- name: counted_from(certification_id)
select certification.renewal_history #>> '{-1,counted_from}'
from public.peer_mentor_certifications as certification
where certification.id = :certification_id;

-- name: suspend(certification_id, reason)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.suspend_certification(:certification_id::uuid, :reason::text) as certification;

-- name: reinstate(certification_id, note)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.reinstate_certification(:certification_id::uuid, :note::text) as certification;

-- name: extend(certification_type, last_valid_day, reason, chapter_id, expired_since)
select public.extend_certifications(
  :certification_type::text, :last_valid_day::date, :reason::text, :chapter_id::uuid, :expired_since::date
);

-- name: revert(certification_id, entry_id, reason)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.revert_change(
  certification_id => :certification_id::uuid, entry_id => :entry_id::uuid, reason => :reason::text
) as certification;

-- name: revert_batch(batch_id, reason)
select public.revert_change(batch_id => :batch_id::uuid, reason => :reason::text);
