-- Everything about one peer mentor, and its erasure.

-- name: find(organisation_id, external_id)
-- Of a row that was merged into another one, that.
select mentorcert_private.kept_peer_mentor_id(mentor.id) from mentorcert.peer_mentors as mentor
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
    where link.peer_mentor_id = any(same.ids)
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
    where certification.peer_mentor_id = any(same.ids)
  ),
  'consents', (
    select coalesce(jsonb_agg(to_jsonb(act) - array['organisation_id', 'peer_mentor_id'] order by act.recorded_at), '[]')
    from mentorcert.listing_consents as act where act.peer_mentor_id = any(same.ids)
  ),
  'topics', (
    select coalesce(jsonb_agg(
      jsonb_build_object('kind', topic.kind, 'name_nb', topic.name_nb, 'name_en', topic.name_en, 'chosen_at', chosen.created_at)
      order by topic.kind, topic.name_nb
    ), '[]')
    from (
      select choice.topic_id, min(choice.created_at) as created_at
      from mentorcert_private.peer_mentor_topics as choice
      where choice.peer_mentor_id = any(same.ids)
      group by choice.topic_id
    ) as chosen
    join mentorcert_private.topics as topic on topic.id = chosen.topic_id
  ),
  -- Not who wrote them: that is about others.
  'notes', (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'text', note.text, 'created_at', note.created_at, 'edited_at', note.edited_at, 'due_on', note.due_on, 'done_at', note.done_at
      ) order by note.created_at, note.id
    ), '[]')
    from mentorcert_private.peer_mentor_notes as note
    where note.peer_mentor_id = any(same.ids)
  ),
  'renewal_requests', (
    select coalesce(jsonb_agg(
      to_jsonb(request) - array['organisation_id', 'settled_by', 'held_from', 'updated_at', 'version'] order by request.asked_at, request.id
    ), '[]')
    from mentorcert_private.renewal_requests as request
    join public.peer_mentor_certifications as certification on certification.id = request.certification_id
    where certification.peer_mentor_id = any(same.ids)
  ),
  'courses', (
    select coalesce(jsonb_agg(
      to_jsonb(sign_up) - array['organisation_id', 'signed_up_by', 'rank', 'came_from', 'updated_at', 'version']
      || jsonb_build_object('name', course.name_nb, 'days', course.days)
      order by sign_up.signed_up_at, sign_up.id
    ), '[]')
    from mentorcert_private.course_sign_ups as sign_up
    join mentorcert_private.courses as course on course.id = sign_up.course_id
    where sign_up.peer_mentor_id = any(same.ids)
  ),
  'saved_filters', (
    select coalesce(jsonb_agg(
      jsonb_build_object('list', saved.list, 'name', saved.name, 'parameters', saved.parameters, 'created_at', saved.created_at)
      order by saved.created_at
    ), '[]')
    from mentorcert_private.saved_filters as saved
    where saved.organisation_id = mentor.organisation_id and saved.user_id = mentor.user_id
  ),
  'merged', (
    select coalesce(
      jsonb_agg(
        to_jsonb(absorbed) || jsonb_build_object(
          'merged_at', merge.merged_at, 'reason', merge.reason,
          'topics_set_aside', mentorcert_private.topic_names(merge.state -> 'set_aside_topics')
        ) order by merge.merged_at
      ),
      '[]'
    )
    from mentorcert_private.peer_mentor_merges as merge
    join mentorcert.peer_mentors as absorbed on absorbed.id = merge.absorbed_id
    where merge.kept_id = any(same.ids) and merge.undone_at is null
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
      and (mail.peer_mentor_id = any(same.ids) or mail.user_id = mentor.user_id)
  ),
  'letters', (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'subject', letter.subject, 'body', letter.body, 'written_by', author.email, 'asked_at', letter.sent_at, 'state', mail.state,
        'sent_at', mail.sent_at
      ) order by letter.sent_at
    ), '[]')
    from mentorcert_private.notice_mails as mail
    join mentorcert_private.letters as letter on letter.id = mail.letter_id
    left join auth.users as author on author.id = letter.written_by
    where mail.organisation_id = mentor.organisation_id and mail.peer_mentor_id = any(same.ids)
  ),
  'written_letters', (
    select coalesce(jsonb_agg(
      jsonb_build_object('subject', letter.subject, 'body', letter.body, 'written_at', letter.written_at, 'sent_at', letter.sent_at)
      order by letter.written_at
    ), '[]')
    from mentorcert_private.letters as letter
    where letter.organisation_id = mentor.organisation_id and letter.written_by = mentor.user_id
  ),
  'invitations', (
    select coalesce(jsonb_agg(
      to_jsonb(invitation) - array['organisation_id', 'invited_by', 'is_by_operator'] order by invitation.invited_at
    ), '[]')
    from mentorcert_private.invitations as invitation
    where
      invitation.organisation_id = mentor.organisation_id
      and (invitation.peer_mentor_id = any(same.ids) or invitation.accepted_by = mentor.user_id)
  ),
  'login', (
    select jsonb_build_object('id', login.id, 'email', login.email, 'phone', login.phone, 'created_at', login.created_at, 'identity', (
      select jsonb_build_object('issuer', identity.issuer, 'subject', identity.subject, 'linked_at', identity.linked_at)
      from mentorcert_private.oidc_identities as identity where identity.user_id = login.id
    ))
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
        entry.row_id = any(same.ids::text[])
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
  ),
  'portal', jsonb_build_object(
    'state', (
      select to_jsonb(held) - array['organisation_id', 'peer_mentor_id', 'lease_token', 'lease_until']
      from mentorcert_portal.states as held where held.peer_mentor_id = mentor.id
    ),
    'sent', (
      select coalesce(jsonb_agg(
        to_jsonb(logged) - array['id', 'organisation_id', 'peer_mentor_id', 'worker'] order by logged.attempted_at, logged.id
      ), '[]')
      from mentorcert_portal.attempts as logged where logged.peer_mentor_id = mentor.id
    ),
    'received', (
      select coalesce(jsonb_agg(
        to_jsonb(stored) - array['organisation_id', 'peer_mentor_id', 'digest']
        || jsonb_build_object('body', mentorcert_portal.body_text(stored.body))
        order by stored.received_at, stored.id
      ), '[]')
      from mentorcert_portal.messages_about(mentor.organisation_id, mentor.id, mentor.external_id, mentor.email) as stored
    ),
    'replays', (
      select coalesce(jsonb_agg(
        jsonb_build_object('reason', replay.reason, 'started_at', replay.started_at, 'finished_at', replay.finished_at)
        order by replay.started_at
      ), '[]')
      from mentorcert_portal.replays as replay
      where replay.organisation_id = mentor.organisation_id and replay.selection -> 'peer_mentor_ids' ? mentor.id::text
    ),
    'drift', (
      select coalesce(jsonb_agg(
        to_jsonb(drift) - array['id', 'reconciliation_id', 'organisation_id', 'peer_mentor_id'] order by drift.found_at, drift.id
      ), '[]')
      from mentorcert_portal.drift as drift
      where drift.organisation_id = mentor.organisation_id and drift.peer_mentor_id = mentor.id
    )
  )
)
from mentorcert.peer_mentors as mentor
join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
cross join lateral (select mentorcert_private.merged_peer_mentor_ids(mentor.id) as ids) as same
where mentor.id = :peer_mentor_id;

-- name: erase(peer_mentor_id, with_login)
select mentorcert_private.erase_peer_mentor(:peer_mentor_id, :with_login);
