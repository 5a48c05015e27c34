-- Mails about invitations, in the ledger of the notices: each written before it is sent, so that it goes out at most once.

create or replace function mentorcert_private.awaits_mail(invitation_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from mentorcert_private.invitations as invitation
    where
      invitation.id = awaits_mail.invitation_id and invitation.mailed_at is null and invitation.failure is null
      and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at > clock_timestamp()
      -- One in doubt is not sent again by itself; an invitation that is made again is another mail.
      and not exists (
        select from mentorcert_private.notice_mails as mail
        where mail.invitation_id = invitation.id and mail.state <> 'released' and mail.claimed_at >= invitation.invited_at
      )
  );
end
$$;
comment on function mentorcert_private.awaits_mail(uuid) is 'Whether a mail about an open invitation is still to be sent.';

create or replace function mentorcert_private.claim_invitations(most integer default 100)
returns setof uuid
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  due_ids uuid[];
begin
  if mentorcert_private.notices_are_held() then
    return;
  end if;
  due_ids := array(
    select invitation.id from mentorcert_private.invitations as invitation
    where
      invitation.mailed_at is null and invitation.accepted_at is null and invitation.withdrawn_at is null
      and mentorcert_private.awaits_mail(invitation.id)
    order by invitation.invited_at
    limit most
    for no key update skip locked
  );
  perform mentorcert_private.check_claim(due_ids);

  -- Statements of their own, so that they see what was claimed and ended before the locks above were had.
  update mentorcert_private.invitations as invitation
  set failed_at = clock_timestamp(), failure = mentorcert_private.invitation_obstacle(invitation.id)
  where invitation.id = any(due_ids) and mentorcert_private.invitation_obstacle(invitation.id) is not null;
  due_ids := array(select id from unnest(due_ids) as id where mentorcert_private.awaits_mail(id));
  return query
  with claimed_again as (
    update mentorcert_private.notice_mails as mail
    set state = 'sending', claimed_at = clock_timestamp(), claimed_in = pg_current_xact_id()
    where mail.id in (
      select distinct on (released.invitation_id) released.id from mentorcert_private.notice_mails as released
      where released.invitation_id = any(due_ids) and released.state = 'released'
      order by released.invitation_id, released.claimed_at desc
    )
    returning mail.id, mail.invitation_id
  ),
  claimed_first as (
    insert into mentorcert_private.notice_mails as mail (organisation_id, kind, invitation_id)
    select invitation.organisation_id, 'invitation', invitation.id
    from mentorcert_private.invitations as invitation
    where
      invitation.id = any(due_ids)
      and not exists (select from claimed_again as again where again.invitation_id = invitation.id)
    returning mail.id
  )
  select again.id from claimed_again as again
  union all
  select first.id from claimed_first as first;
end
$$;
comment on function mentorcert_private.claim_invitations(integer) is
  'Takes up invitations whose mail is due, the oldest first, and returns the mails; what must not be accepted any more is not mailed, and says why. Once that has committed, claimed_invitations has the contents.';

create or replace function mentorcert_private.claimed_invitations(mail_ids uuid[])
returns table (
  mail_id uuid, organisation text, time_zone text, language text, address text, full_name text, role text, chapter text,
  invited_by text, expires_at timestamptz
)
language plpgsql
stable
security definer -- so that the role of the jobs reads the name and address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
begin
  return query
  select
    mail.id, organisation.name, organisation.time_zone, coalesce(mentor.language, invitation.language), invitation.email,
    mentor.full_name, invitation.role, chapter.name, login.email::text, invitation.expires_at
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.invitations as invitation on invitation.id = mail.invitation_id
  join mentorcert.organisations as organisation on organisation.id = invitation.organisation_id
  left join mentorcert.peer_mentors as mentor on mentor.id = invitation.peer_mentor_id
  left join mentorcert.chapters as chapter on chapter.id = invitation.chapter_id
  left join auth.users as login on login.id = invitation.invited_by
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at > clock_timestamp();
end
$$;
comment on function mentorcert_private.claimed_invitations(uuid[]) is
  'What to write in mails about invitations that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

revoke execute on function
  mentorcert_private.awaits_mail, mentorcert_private.claim_invitations, mentorcert_private.claimed_invitations
from public, anon, authenticated, service_role;
