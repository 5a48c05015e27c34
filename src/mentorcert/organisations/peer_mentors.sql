-- One peer mentor: who it is, what it holds, and what happened.

-- name: get(peer_mentor_id, certification_id)
select
  mentor.id, mentor.organisation_id, mentor.external_id, mentor.full_name, mentor.display_name, mentor.email, mentor.phone,
  mentor.listing_consent, mentor.chapter_ids, mentor.user_id,
  coalesce(
    mentor.organisation_id = (select mentorcert_private.administered_organisation_id())
    or mentor.chapter_ids && (select mentorcert_private.coordinated_chapter_ids()),
    false
  ) and mentor.erased_at is null as may_certify,
  mentor.left_on, mentor.left_reason,
  mentor.id = any((select mentorcert_private.absent_peer_mentor_ids())::uuid[]) as has_left,
  listed.listed_until, mentorcert_private.is_unaddressable(mentor.organisation_id, mentor.external_id) as is_unaddressable,
  mentor.version, mentor.language, mentor.reminders_paused
from mentorcert.peer_mentors as mentor
left join public.listed_peer_mentors as listed on listed.peer_mentor_id = mentor.id
where
  -- An id that is given and not seen is nobody; where none is given, it is the caller.
  mentor.id = (
    select case
      when :peer_mentor_id::uuid is not null then :peer_mentor_id
      when :certification_id::uuid is not null then (
        select certification.peer_mentor_id from public.peer_mentor_certifications as certification
        where certification.id = :certification_id
      )
      else (mentorcert_private.own_peer_mentor_ids())[1]
    end
  )
  and mentor.erased_at is null;

-- name: merged_into(peer_mentor_id)
select merged.organisation_id, merged.id from mentorcert_private.peer_mentor_merged_into(:peer_mentor_id) as merged;

-- name: certifications_of(peer_mentor_id)
select
  certification.id, certification.organisation_id, certification.peer_mentor_id, certification.certification_type,
  certification.issued_at, certification.expires_at, public.current_status(certification) as status,
  certification.chapter_ids, public.early_renewal_from(certification) as early_renewal_from,
  public.refresher_until(certification) as refresher_until, public.after_lapse(certification) as after_lapse,
  public.is_outdated(certification) as is_outdated
from public.peer_mentor_certifications as certification
where certification.peer_mentor_id = :peer_mentor_id
order by certification.expires_at, certification.certification_type;

-- name: names_of(user_ids)
select mentor.user_id, mentor.full_name
from mentorcert.peer_mentors as mentor
where
  mentor.user_id = any(:user_ids::uuid[])
  and mentor.organisation_id = (select public.get_user_organisation_id());

-- name: look_alikes(external_id, full_name, email)
select alike.id, alike.organisation_id, alike.external_id, alike.full_name, alike.is_same_number
from mentorcert_private.look_alikes(:external_id, :full_name, :email) as alike;

-- name: find_number(external_id)
select mentor.id from mentorcert.peer_mentors as mentor
where
  mentor.organisation_id = (select public.get_user_organisation_id())
  and mentorcert_private.folded(mentor.external_id) = mentorcert_private.folded(mentorcert_private.canonical_line(:external_id));

-- name: add(external_id, full_name, display_name, email, phone, listing_consent, user_id)$
insert into mentorcert.peer_mentors (external_id, full_name, display_name, email, phone, listing_consent, user_id)
values (:external_id, :full_name, :display_name, :email, :phone, :listing_consent, :user_id)
returning id;

-- name: change(peer_mentor_id, version)!
update mentorcert.peer_mentors as mentor
set version = :version {changes}
where mentor.id = :peer_mentor_id and mentor.erased_at is null;

-- name: enter(peer_mentor_id, chapter_ids)!
insert into mentorcert.peer_mentor_chapters (peer_mentor_id, chapter_id)
select :peer_mentor_id, chapter_id from unnest(:chapter_ids::uuid[]) as chapter_id;

-- name: leave(peer_mentor_id, chapter_ids)!
update mentorcert.peer_mentor_chapters as link set ended_at = now()
where
  link.peer_mentor_id = :peer_mentor_id and link.chapter_id = any(:chapter_ids::uuid[]) and (link.ended_at is null or link.ended_at > statement_timestamp());

-- name: look_up_login(email)
select mentorcert_private.look_up_login(:email);

-- name: found_login(lookup_id)
select mentorcert_private.found_login(:lookup_id);

-- name: login_address(user_id)
select login.email from mentorcert_private.member_logins() as login where login.user_id = :user_id;

-- name: login_address_of(peer_mentor_id)
select login.email
from mentorcert.peer_mentors as mentor
join mentorcert_private.member_logins() as login on login.user_id = mentor.user_id
where mentor.id = :peer_mentor_id;
