-- Requests for renewals.

-- name: waiting()
select
  request.id, request.organisation_id, request.certification_id, request.peer_mentor_id, request.full_name,
  request.certification_type, request.expires_at, request.text, request.done_on, request.state, request.reply, request.answer,
  request.asked_at, request.settled_at, request.settled_by, request.is_own, request.version
from public.renewal_requests() as request;

-- name: of_certification(certification_id)
select
  request.id, request.organisation_id, request.certification_id, request.peer_mentor_id, request.full_name,
  request.certification_type, request.expires_at, request.text, request.done_on, request.state, request.reply, request.answer,
  request.asked_at, request.settled_at, request.settled_by, request.is_own, request.version
from public.renewal_requests(only_open => false, of_certification => :certification_id::uuid) as request
order by request.asked_at desc, request.id;

-- name: get(request_id)
select
  request.id, request.organisation_id, request.certification_id, request.peer_mentor_id, request.full_name,
  request.certification_type, request.expires_at, request.text, request.done_on, request.state, request.reply, request.answer,
  request.asked_at, request.settled_at, request.settled_by, request.is_own, request.version
from public.renewal_requests(only_open => false, of_request => :request_id::uuid) as request;

-- name: own()
select
  request.id, request.organisation_id, request.certification_id, request.peer_mentor_id, request.full_name,
  request.certification_type, request.expires_at, request.text, request.done_on, request.state, request.reply, request.answer,
  request.asked_at, request.settled_at, request.settled_by, request.is_own, request.version
-- Of each certification by itself: within the reach of a coordinator there may be more than are read at once.
from public.peer_mentor_certifications as certification
cross join lateral public.renewal_requests(only_open => false, of_certification => certification.id) as request
where certification.peer_mentor_id = any(mentorcert_private.own_peer_mentor_ids())
order by request.asked_at desc, request.id;

-- name: ask(certification_id, text, done_on)
select public.request_renewal(:certification_id::uuid, :text::text, :done_on::date);

-- name: answer(request_id, answer, done_on, version)
select public.answer_renewal_request(:request_id::uuid, :answer::text, :done_on::date, :version::bigint);

-- name: withdraw(request_id, version)
select public.withdraw_renewal_request(:request_id::uuid, :version::bigint);

-- name: ask_back(request_id, reply, version)
select public.ask_back_renewal_request(:request_id::uuid, :reply::text, :version::bigint);

-- name: refuse(request_id, reason, version)
select public.refuse_renewal_request(:request_id::uuid, :reason::text, :version::bigint);

-- name: approve(request_id, renewed_on, last_valid_day, note, version)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse, public.is_outdated(certification) as is_outdated
from public.approve_renewal_request(
  :request_id::uuid, :renewed_on::date, :last_valid_day::date, :note::text, :version::bigint
) as certification;

-- name: of_organisation(slug)
-- For the operator, who is above row-level security.
select
  request.id, mentor.external_id as number, certification.certification_type, request.state, request.done_on, request.asked_at,
  certification.expires_at
from mentorcert_private.renewal_requests as request
join mentorcert.organisations as organisation on organisation.id = request.organisation_id
join public.peer_mentor_certifications as certification on certification.id = request.certification_id
join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
where
  request.settled_at is null and (:slug::text is null or organisation.slug = :slug)
  and mentor.merged_into is null
  and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), organisation.time_zone))
order by request.asked_at, request.id;
