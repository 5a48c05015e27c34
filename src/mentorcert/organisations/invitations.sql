-- Invitations of an organisation; what clients may do of it, row-level security and the functions say.

-- name: search(organisation_id, selection, before_at, before_id, size, invitation_id, peer_mentor_id)
select
  invitation.id, invitation.organisation_id, invitation.email, invitation.role, chapter.name as chapter,
  invitation.peer_mentor_id, mentor.full_name, login.email as invited_by, invitation.is_by_operator, invitation.invited_at,
  invitation.expires_at,
  case
    when invitation.accepted_at is not null then 'accepted'
    when invitation.withdrawn_at is not null then 'withdrawn'
    when invitation.expires_at <= now() then 'expired'
    when invitation.failure is not null then 'failed'
    when invitation.mailed_at is not null then 'sent'
    else 'waiting'
  end as state,
  coalesce(invitation.accepted_at, invitation.withdrawn_at) as settled_at, invitation.failure,
  invitation.invited_at < now() - interval '10 minutes' or invitation.failure is not null as may_resend
from mentorcert_private.invitations as invitation
left join mentorcert.chapters as chapter on chapter.id = invitation.chapter_id
left join mentorcert.peer_mentors as mentor on mentor.id = invitation.peer_mentor_id and mentor.erased_at is null
left join mentorcert_private.member_logins() as login on login.user_id = invitation.invited_by
where
  invitation.organisation_id = :organisation_id
  and (:selection = 'all' or (invitation.accepted_at is null and invitation.withdrawn_at is null) = (:selection = 'open'))
  and (:invitation_id::uuid is null or invitation.id = :invitation_id)
  and (:peer_mentor_id::uuid is null or invitation.peer_mentor_id = :peer_mentor_id)
  and (:before_at::timestamptz is null or (invitation.invited_at, invitation.id) < (:before_at, :before_id::uuid))
order by invitation.invited_at desc, invitation.id desc
limit :size;

-- name: candidates(organisation_id, peer_mentor_ids)
select mentor.peer_mentor_id as id, mentor.external_id, mentor.full_name, mentor.email, mentor.outcome
from mentorcert_private.peer_mentors_to_invite(:organisation_id, :peer_mentor_ids::uuid[]) as mentor
order by mentor.sort_key, mentor.peer_mentor_id;

-- name: addresses(organisation_id, emails, role, chapter_id)
select address.email, address.outcome
from mentorcert_private.addresses_to_invite(:organisation_id, :emails::text[], :role, :chapter_id::uuid) as address
order by address.email;

-- name: peer_mentors_at(organisation_id, emails)
select given.email, mentor.id
from unnest(:emails::text[]) as given (email)
join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id
  and mentorcert_private.folded(mentor.email) = mentorcert_private.folded(mentorcert_private.canonical_email(given.email))
where mentor.erased_at is null and mentor.merged_into is null;

-- name: invite(organisation_id, emails, role, chapter_id, valid_days, language)
select mentorcert_private.invite(:organisation_id, :emails::text[], :role, :chapter_id::uuid, :valid_days, :language);

-- name: invite_peer_mentors(organisation_id, peer_mentor_ids, valid_days)
select mentorcert_private.invite_peer_mentors(:organisation_id, :peer_mentor_ids::uuid[], :valid_days);

-- name: withdraw(organisation_id, invitation_ids)
select mentorcert_private.withdraw_invitations(:organisation_id, :invitation_ids::uuid[]);

-- name: resend(organisation_id, invitation_ids, valid_days)
select mentorcert_private.resend_invitations(:organisation_id, :invitation_ids::uuid[], :valid_days);
