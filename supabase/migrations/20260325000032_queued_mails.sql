-- Mails that are asked for by a person and sent at once, in the ledger of the notices: letters, and reminders sent now.

create or replace function mentorcert_private.may_be_mailed(mail_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from mentorcert_private.notice_mails as mail
    join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
    join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
    left join mentorcert_private.letters as letter on letter.id = mail.letter_id
    where
      mail.id = may_be_mailed.mail_id
      -- What nobody could send for days is news no more.
      and mail.queued_at > clock_timestamp() - interval '3 days'
      and mentor.erased_at is null and mentor.merged_into is null
      and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(clock_timestamp(), organisation.time_zone))
      and mentorcert_private.is_address(mentor.email)
      and case mail.kind
        when 'letter' then mentorcert_private.confirmed_address(letter.written_by) is not null and exists (
          select from mentorcert.memberships as membership
          where
            membership.user_id = letter.written_by and membership.organisation_id = mail.organisation_id
            and membership.role in ('coordinator', 'org_admin')
            and (membership.ended_at is null or membership.ended_at > clock_timestamp())
        )
        else exists (
          select from mentorcert_private.notices as notice
          join public.peer_mentor_certifications as certification on certification.id = notice.certification_id
          where
            notice.mail_id = mail.id and notice.outcome = 'mailed' and certification.expires_at = notice.expires_at
            and certification.status <> 'suspended'
        )
      end
  );
end
$$;
comment on function mentorcert_private.may_be_mailed(uuid) is
  'Whether what was asked for may still be sent: within three days, to somebody who is there and has a usable address; a letter of somebody who may write and be answered, a reminder of an end that still is the end.';

create or replace function mentorcert_private.claim_queued(most integer default 100)
returns setof uuid
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  due_ids uuid[];
  dropped_ids uuid[];
begin
  if mentorcert_private.notices_are_held() then
    return;
  end if;
  due_ids := array(
    select mail.id from mentorcert_private.notice_mails as mail
    where
      mail.state = 'queued'
      -- What came back is tried again a little later.
      and (mail.claimed_at <= mail.queued_at or mail.claimed_at < clock_timestamp() - interval '5 minutes')
    order by mail.queued_at, mail.id
    limit most
    for no key update skip locked
  );
  perform mentorcert_private.check_claim(due_ids);
  dropped_ids := array(select id from unnest(due_ids) as id where not mentorcert_private.may_be_mailed(id));
  delete from mentorcert_private.notices as notice where notice.mail_id = any(dropped_ids);
  update mentorcert_private.notice_mails as mail set state = 'released' where mail.id = any(dropped_ids);
  return query
  update mentorcert_private.notice_mails as mail
  set state = 'sending', claimed_at = clock_timestamp(), claimed_in = pg_current_xact_id()
  where mail.id = any(due_ids) and mail.state = 'queued'
  returning mail.id;
end
$$;
comment on function mentorcert_private.claim_queued(integer) is
  'Takes up mails that were asked for, the oldest first, and returns them; what must not be sent any more is released. Once that has committed, claimed_letters and claimed_notices have the contents.';

create or replace function mentorcert_private.claimed_letters(mail_ids uuid[])
returns table (
  mail_id uuid, organisation text, language text, address text, reply_to text, subject text, body text
)
language plpgsql
stable
security definer -- so that the role of the jobs reads the address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
begin
  return query
  select
    mail.id, organisation.name, mentor.language, mentor.email, mentorcert_private.confirmed_address(letter.written_by), letter.subject,
    letter.body
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.letters as letter on letter.id = mail.letter_id
  join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.may_be_mailed(mail.id);
end
$$;
comment on function mentorcert_private.claimed_letters(uuid[]) is
  'What to write in letters that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

create or replace function mentorcert_private.refuse_mails(mail_ids uuid[])
returns void
language plpgsql
security definer -- the role of the jobs executes the job functions, and has no right on any table
set search_path = ''
as $$
declare
  refused_ids constant uuid[] := array(
    select mail.id from mentorcert_private.notice_mails as mail
    where mail.id = any(mail_ids) and mail.state = 'sending'
    order by mail.id
    for no key update
  );
begin
  delete from mentorcert_private.notices as notice where notice.mail_id = any(refused_ids);
  update mentorcert_private.notice_mails as mail
  -- A reminder of the morning's run is due again.
  set state = case when mail.queued_at is null then 'released' else 'refused' end
  where mail.id = any(refused_ids);
  update mentorcert_private.invitations as invitation
  set failed_at = clock_timestamp(), failure = 'invitation_mail_refused'
  from mentorcert_private.notice_mails as mail
  where
    mail.id = any(refused_ids) and invitation.id = mail.invitation_id
    and invitation.accepted_at is null and invitation.withdrawn_at is null;
  insert into mentorcert_private.refused_addresses as refused (peer_mentor_id, organisation_id)
  select distinct mentor.id, mentor.organisation_id
  from mentorcert_private.notice_mails as mail
  join mentorcert.peer_mentors as mentor on mentor.id = mail.peer_mentor_id
  where mail.id = any(refused_ids) and mentor.email is not null
  on conflict on constraint refused_addresses_pkey do update set refused_at = excluded.refused_at;
end
$$;
comment on function mentorcert_private.refuse_mails(uuid[]) is
  'Says which addresses are refused for good: no invitation or letter goes there until somebody has a look; a reminder of the morning''s run is due again.';

-- What was written to a person, and to whom a letter went

create or replace function mentorcert_private.mail_state(state text, claimed_at timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select case state
    when 'queued' then 'waiting'
    when 'sending' then case when claimed_at < clock_timestamp() - interval '1 hour' then 'in_doubt' else 'waiting' end
    when 'released' then 'not_sent'
    else state
  end
$$;
comment on function mentorcert_private.mail_state(text, timestamptz) is
  'The state of a mail that was asked for, as people see it: waiting, sent, refused, in_doubt, not_sent.';

create or replace function mentorcert_private.letters_to(peer_mentor_id uuid)
returns table (organisation_id uuid, letter_id uuid, subject text, written_by text, sent_at timestamptz, state text)
language plpgsql
stable
security definer -- the ledger is nobody's to read; this is what it says of one person, to those who may write to the person
set search_path = ''
as $$
begin
  return query
  select letter.organisation_id, letter.id, letter.subject, login.email::text, letter.sent_at, mentorcert_private.mail_state(mail.state, mail.claimed_at)
  from mentorcert_private.letter_recipients(array[letters_to.peer_mentor_id]) as reached
  join mentorcert_private.notice_mails as mail
    on mail.peer_mentor_id = any(mentorcert_private.merged_peer_mentor_ids(reached.peer_mentor_id))
    and mail.organisation_id = reached.organisation_id
  join mentorcert_private.letters as letter on letter.id = mail.letter_id
  left join auth.users as login on login.id = letter.written_by
  order by letter.sent_at desc, letter.id
  limit 50;
end
$$;
comment on function mentorcert_private.letters_to(uuid) is 'The latest 50 letters to a peer mentor: subject, author, when, and what the mail server said; for those who may write to the person.';

create or replace function mentorcert_private.letter_mails(letter_id uuid)
returns table (organisation_id uuid, peer_mentor_id uuid, full_name text, state text, settled_at timestamptz)
language plpgsql
stable
security definer -- the ledger is nobody's to read; this is what it says of a letter, to those who may read that
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  with sent as (
    select mail.organisation_id, mail.peer_mentor_id, mail.state, mail.claimed_at, mail.sent_at
    from mentorcert_private.letters as letter
    join mentorcert_private.notice_mails as mail on mail.letter_id = letter.id
    where
      letter.id = letter_mails.letter_id
      and (
        letter.written_by = auth.uid() and letter.organisation_id = public.get_user_organisation_id()
        or letter.organisation_id = mentorcert_private.administered_organisation_id()
      )
  )
  select sent.organisation_id, reached.peer_mentor_id, reached.full_name, mentorcert_private.mail_state(sent.state, sent.claimed_at), sent.sent_at
  from sent
  left join mentorcert_private.letter_recipients(array(select every.peer_mentor_id from sent as every)) as reached
    on reached.peer_mentor_id = sent.peer_mentor_id
  order by reached.sort_key nulls last, sent.peer_mentor_id;
end
$$;
comment on function mentorcert_private.letter_mails(uuid) is
  'To whom a letter went, and what the mail server said; for its author and administrators. Who is out of the caller''s reach by now has no name.';

revoke execute on function
  mentorcert_private.may_be_mailed, mentorcert_private.claim_queued, mentorcert_private.claimed_letters, mentorcert_private.refuse_mails,
  mentorcert_private.mail_state, mentorcert_private.letters_to, mentorcert_private.letter_mails
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.letters_to, mentorcert_private.letter_mails to authenticated;
