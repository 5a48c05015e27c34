-- What a peer mentor sees of the own certifications; the token says who it is.

-- name: peer_mentor()
select
  mentor.id, mentor.organisation_id, mentor.listing_consent, mentor.left_on,
  array(
    select chapter.name from mentorcert.chapters as chapter where chapter.id = any(mentor.chapter_ids) order by chapter.name
  ) as chapters,
  exists (select from public.listed_peer_mentors as listed where listed.peer_mentor_id = mentor.id) as is_listed
from mentorcert.peer_mentors as mentor
where mentor.user_id = (select auth.uid());

-- name: certifications(time_zone)
select
  certification.id, certification.organisation_id, certification.certification_type, type.name_nb, type.name_en, certification.issued_at,
  certification.expires_at, public.current_status(certification) as status,
  mentorcert_private.day_of(certification.expires_at, :time_zone) - 1 - mentorcert_private.day_of(now(), :time_zone) as days_left,
  public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse,
  public.is_outdated(certification) as is_outdated, type.retired_on, type.reminder_days
from public.peer_mentor_certifications as certification
join mentorcert.certification_types as type
  on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
where certification.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
order by certification.expires_at, type.code;
