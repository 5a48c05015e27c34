-- Everything about one peer mentor, and its erasure.

-- name: find(organisation_id, external_id)
select mentor.id from mentorcert.peer_mentors as mentor
where mentor.organisation_id = :organisation_id
  and (mentor.external_id = :external_id or mentor.id::text = lower(:external_id));

-- name: everything(peer_mentor_id)
select jsonb_build_object(
  'peer_mentor', to_jsonb(mentor),
  'organisation', jsonb_build_object('id', organisation.id, 'slug', organisation.slug, 'name', organisation.name),
  'chapters', (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'code', chapter.code, 'name', chapter.name, 'entered_at', link.created_at, 'ended_at', link.ended_at
      ) order by link.created_at, chapter.code
    ), '[]')
    from mentorcert.peer_mentor_chapters as link
    join mentorcert.chapters as chapter on chapter.id = link.chapter_id
    where link.peer_mentor_id = mentor.id
  ),
  'certifications', (
    select coalesce(jsonb_agg(
      to_jsonb(certification) || jsonb_build_object(
        'current_status', public.current_status(certification),
        'renewal_history', (
          select jsonb_agg(entry order by position)
          from public.certification_history(certification.id) with ordinality as history (entry, position)
        )
      ) order by certification.certification_type
    ), '[]')
    from public.peer_mentor_certifications as certification
    where certification.peer_mentor_id = mentor.id
  ),
  'public_list', (
    select to_jsonb(listed) from public.listed_peer_mentors as listed
    where listed.peer_mentor_id = mentor.id and listed.listed_until > now()
  ),
  'calendar_feed', (
    select jsonb_build_object('created_at', feed.created_at) from mentorcert_private.calendar_feeds as feed
    where feed.organisation_id = mentor.organisation_id and feed.peer_mentor_id = mentor.id
  ),
  'notices', (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'kind', mail.kind, 'state', mail.state, 'sent_at', mail.sent_at, 'week', mail.week,
        'reminds_of', (
          select jsonb_agg(
            jsonb_build_object(
              'certification_id', notice.certification_id, 'expires_at', notice.expires_at, 'days_before', notice.days_before
            )
          )
          from mentorcert_private.notices as notice where notice.mail_id = mail.id and notice.outcome = 'mailed'
        )
      ) order by mail.claimed_at
    ), '[]')
    from mentorcert_private.notice_mails as mail
    where mail.organisation_id = mentor.organisation_id
      and (mail.peer_mentor_id = mentor.id or mail.user_id = mentor.user_id)
  ),
  'login', (
    select jsonb_build_object('id', login.id, 'email', login.email, 'phone', login.phone, 'created_at', login.created_at)
    from auth.users as login where login.id = mentor.user_id
  ),
  'memberships', (
    select coalesce(jsonb_agg(to_jsonb(membership) order by membership.created_at, membership.id), '[]')
    from mentorcert.memberships as membership
    where membership.user_id = mentor.user_id and membership.organisation_id = mentor.organisation_id
  ),
  'audit_log', (
    select coalesce(jsonb_agg(to_jsonb(entry) order by entry.recorded_at), '[]')
    from mentorcert.audit_log as entry
    where
      entry.organisation_id = mentor.organisation_id
      and (
        entry.row_id = mentor.id::text
        or mentor.user_id::text in (entry.actor ->> 'user_id', entry.before ->> 'user_id', entry.after ->> 'user_id')
      )
  ),
  'access_log', (
    select coalesce(jsonb_agg(
      jsonb_build_object('recorded_at', entry.recorded_at, 'endpoint', entry.endpoint, 'request_id', entry.request_id)
      order by entry.recorded_at
    ), '[]')
    from mentorcert_private.access_log as entry
    where entry.user_id = mentor.user_id and mentor.organisation_id = any(entry.organisation_ids)
  )
)
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
where mentor.id = :peer_mentor_id;

-- name: erase(peer_mentor_id, with_login)
select mentorcert_private.erase_peer_mentor(:peer_mentor_id, :with_login);
