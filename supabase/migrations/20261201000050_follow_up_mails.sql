-- Mails about follow-ups: on its day, from eight in the morning, the person responsible gets one. It names the person and never
-- what was noted, and goes through the ledger of the notices.

alter table mentorcert_private.notice_mails add column if not exists note_id uuid;
alter table mentorcert_private.notice_mails add column if not exists due_on date;
comment on column mentorcert_private.notice_mails.due_on is 'Which day of the follow-up: one that is put off is news on its new day.';
do $$
begin
  if not exists (select from pg_catalog.pg_constraint as known where known.conname = 'notice_mails_note_id_fkey') then
    alter table mentorcert_private.notice_mails
      add constraint notice_mails_note_id_fkey foreign key (note_id)
        references mentorcert_private.peer_mentor_notes (id) on delete cascade,
      add constraint notice_mails_due_on_in_calendar check (due_on between '1899-12-31' and '9999-12-31'),
      add constraint notice_mails_note_valid check (num_nonnulls(note_id, due_on) = case kind when 'follow_up' then 2 else 0 end),
      drop constraint notice_mails_kind_valid,
      add constraint notice_mails_kind_valid check (
        kind = 'reminder' and num_nonnulls(user_id, week, covered_until, invitation_id, letter_id) = 0 and peer_mentor_id is not null
        or kind = 'digest' and num_nonnulls(user_id, week, covered_until) = 3 and num_nonnulls(peer_mentor_id, invitation_id, letter_id, queued_at) = 0
        or kind = 'invitation' and num_nonnulls(user_id, week, covered_until, peer_mentor_id, letter_id, queued_at) = 0 and invitation_id is not null
        or kind = 'letter' and num_nonnulls(user_id, week, covered_until, invitation_id) = 0
        and num_nonnulls(peer_mentor_id, letter_id, queued_at) = 3
        or kind = 'request' and num_nonnulls(week, covered_until, invitation_id, letter_id) = 0
        and num_nonnulls(peer_mentor_id, user_id) = 1 and queued_at is not null
        or kind = 'follow_up' and num_nonnulls(week, covered_until, invitation_id, letter_id, peer_mentor_id) = 0
        and num_nonnulls(user_id, queued_at) = 2
      );
  end if;
end
$$;
create unique index if not exists notice_mails_one_of_a_follow_up
on mentorcert_private.notice_mails (note_id, due_on, user_id) where note_id is not null;

create or replace function mentorcert_private.queue_follow_ups()
returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Since a restore nobody knows which of before were sent.
  restored_at constant timestamptz := coalesce((select max(restore.restored_at) from mentorcert_private.restores as restore), '-infinity');
begin
  insert into mentorcert_private.notice_mails (organisation_id, kind, state, user_id, note_id, due_on, queued_at, claimed_at)
  select
    note.organisation_id, 'follow_up', 'queued', note.responsible_id, note.id, note.due_on, statement_timestamp(), statement_timestamp()
  from mentorcert.organisations as organisation
  cross join lateral (
    select mentorcert_private.day_of(statement_timestamp() - interval '8 hours', organisation.time_zone) as day
  ) as last
  join mentorcert_private.peer_mentor_notes as note on note.organisation_id = organisation.id
  where
    -- Where no worker ran for some days, what is older is left to the page of follow-ups.
    note.due_on between last.day - 2 and last.day and note.done_at is null and note.responsible_id is not null
    and (note.due_on + time '08:00') at time zone organisation.time_zone > restored_at
  on conflict do nothing;
end
$$;
comment on function mentorcert_private.queue_follow_ups() is
  'Queues a mail for each follow-up whose day has come, or came two days ago at most: one for each day and responsible.';

create or replace function mentorcert_private.follow_up_recipient(mail_id uuid)
returns table (address text, language text, peer_mentor_id uuid, full_name text)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select mentorcert_private.confirmed_address(mail.user_id), coalesce(own.language, 'nb'), mentor.id, mentor.full_name
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.peer_mentor_notes as note
    on note.id = mail.note_id and note.due_on = mail.due_on and note.responsible_id = mail.user_id and note.done_at is null
  join mentorcert.peer_mentors as mentor on mentor.id = mentorcert_private.kept_peer_mentor_id(note.peer_mentor_id)
  left join mentorcert.peer_mentors as own on own.user_id = mail.user_id and own.organisation_id = mail.organisation_id
  where
    mail.id = follow_up_recipient.mail_id and mail.user_id = any(mentorcert_private.responsible_ids(mentor.id))
    and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(mentor.organisation_id)));
end
$$;
comment on function mentorcert_private.follow_up_recipient(uuid) is
  'Where a mail about a follow-up goes, in which language, and about whom; no row once it is done, put off or somebody else''s, the login does not reach the person any more, or the person has left.';

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
  perform mentorcert_private.queue_follow_ups();
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
  'Takes up mails that were asked for, and follow-ups whose day has come, the oldest first, and returns them; what must not be sent any more is released. Once that has committed, claimed_letters, claimed_notices, claimed_requests and claimed_follow_ups have the contents.';

create or replace function mentorcert_private.claimed_follow_ups(mail_ids uuid[])
returns table (
  mail_id uuid, organisation text, language text, address text, peer_mentor_id uuid, full_name text, due_on date
)
language plpgsql
stable
security definer -- so that the role of the jobs reads the address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
begin
  return query
  select
    mail.id, organisation.name, recipient.language, recipient.address, recipient.peer_mentor_id, recipient.full_name, mail.due_on
  from mentorcert_private.notice_mails as mail
  cross join lateral mentorcert_private.follow_up_recipient(mail.id) as recipient
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.may_be_mailed(mail.id);
end
$$;
comment on function mentorcert_private.claimed_follow_ups(uuid[]) is
  'What to write in mails about follow-ups that an earlier transaction claimed: so nobody reads an address and takes the claim back. Never what was noted.';

revoke execute on function
  mentorcert_private.queue_follow_ups, mentorcert_private.follow_up_recipient, mentorcert_private.claimed_follow_ups
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.claimed_follow_ups to mentorcert_jobs;
