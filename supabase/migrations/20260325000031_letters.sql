-- Letters: what a coordinator or an administrator writes by mail to chosen peer mentors.
--
-- A letter is a draft, of its author alone, until it is sent; then it has a mail for each recipient in the ledger of the
-- notices. Whom the author reaches is judged when people are chosen, when the draft is shown, and when it is sent.

create table if not exists mentorcert_private.letters (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  written_by uuid,
  recipient_ids uuid[] not null,
  subject text not null default '',
  body text not null default '',
  written_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  mails integer not null default 0,
  constraint letters_pkey primary key (id),
  constraint letters_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint letters_written_by_fkey foreign key (written_by) references auth.users (id) on delete set null,
  constraint letters_recipient_ids_valid check (cardinality(recipient_ids) <= 1000 and (sent_at is null or recipient_ids = '{}')),
  constraint letters_subject_characters check (mentorcert_private.is_readable_line(subject)),
  constraint letters_subject_length check (length(subject) <= 150),
  constraint letters_subject_given check (sent_at is null or subject <> ''),
  constraint letters_body_characters check (mentorcert_private.is_readable(body)),
  constraint letters_body_length check (length(body) <= 5000),
  constraint letters_body_given check (sent_at is null or body <> ''),
  constraint letters_mails_valid check ((sent_at is null) = (mails = 0) and mails >= 0)
);
create index if not exists letters_organisation_id_idx on mentorcert_private.letters (organisation_id, sent_at desc, id);
create index if not exists letters_written_by_idx on mentorcert_private.letters (written_by, written_at);
create index if not exists letters_written_at_idx on mentorcert_private.letters (written_at);
alter table mentorcert_private.letters enable row level security;
revoke all on mentorcert_private.letters from public, anon, authenticated, service_role;
grant select (id, organisation_id, written_by, recipient_ids, subject, body, written_at, sent_at, mails)
on mentorcert_private.letters to authenticated;
comment on table mentorcert_private.letters is
  'What is written to chosen peer mentors; kept as mentorcert_private.log_retention says: letters since they were sent, letter_drafts.';
comment on column mentorcert_private.letters.written_by is 'Whose address answers go to; null where that login is gone.';
comment on column mentorcert_private.letters.recipient_ids is 'Who was chosen, of a draft; of a sent letter the ledger of the notices says it.';
comment on column mentorcert_private.letters.written_at is 'When the text was written last: who sends it names it, so that no other text is sent than was shown.';
comment on column mentorcert_private.letters.mails is 'To how many it was sent.';

drop policy if exists "authors read their letters, and administrators what was sent" on mentorcert_private.letters;
create policy "authors read their letters, and administrators what was sent"
on mentorcert_private.letters for select to authenticated
using (
  (select mentorcert_private.check_endpoint('peer_mentors'))
  and (
    written_by = (select auth.uid()) and organisation_id = (select public.get_user_organisation_id())
    or sent_at is not null and organisation_id = (select mentorcert_private.administered_organisation_id())
  )
);
comment on policy "authors read their letters, and administrators what was sent" on mentorcert_private.letters is
  'Authors their drafts too, in the organisation in which they were written. Administrators answer for what was sent; a draft is its author''s.';

create or replace trigger canonicalise
before insert or update of subject on mentorcert_private.letters
for each row execute function mentorcert_private.canonicalise('line', 'subject');

create or replace trigger canonicalise_body
before insert or update of body on mentorcert_private.letters
for each row execute function mentorcert_private.canonicalise('text', 'body');

create or replace trigger keep_identity
before update on mentorcert_private.letters
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id');

create or replace function mentorcert_private.letter_recipients(peer_mentor_ids uuid[])
returns table (organisation_id uuid, peer_mentor_id uuid, full_name text, sort_key text, email text, outcome text)
language plpgsql
stable
security definer -- which addresses were refused is no client's to read; it gives nobody but those within whose reach the caller writes
set search_path = ''
as $$
declare
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  return query
  select
    mentor.organisation_id, mentor.id, mentor.full_name, mentor.sort_key, mentor.email,
    case
      when mentor.left_on <= mentorcert_private.day_of(now(), organisation.time_zone) then 'left'
      else coalesce(mentorcert_private.address_fault(mentor.email, mentor.id), 'mail')
    end
  from mentorcert.peer_mentors as mentor
  join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
  where
    mentor.id = any(letter_recipients.peer_mentor_ids) and mentor.erased_at is null and mentor.merged_into is null
    and (mentor.organisation_id = administered or mentor.chapter_ids && coordinated and mentor.id <> all(gone));
end
$$;
comment on function mentorcert_private.letter_recipients(uuid[]) is
  'Those of these peer mentors whom the caller may write to, the administrator and the coordinators of their chapters, and what a letter does with each: mail; no_address, unusable, refused, left.';

create or replace function mentorcert_private.reply_address()
returns text
language plpgsql
stable
security definer -- reads the caller's login
set search_path = ''
as $$
begin
  return mentorcert_private.confirmed_address(auth.uid());
end
$$;
comment on function mentorcert_private.reply_address() is 'The caller''s own address, to which answers to a letter go; null where it is not confirmed, or another login has it as well.';

create or replace function mentorcert_private.draft_letter(peer_mentor_ids uuid[])
returns uuid
language plpgsql
security definer -- letters are no client's to insert
set search_path = ''
as $$
declare
  author constant uuid := mentorcert_private.acting_user();
  reached uuid[];
  drafted uuid;
begin
  if cardinality(peer_mentor_ids) > 1000 then
    raise exception using
      errcode = 'MC008', message = 'a letter to more than 1000 people', hint = 'Narrow the list, and write to one part after the other.',
      constraint = 'letters_recipient_ids_valid';
  end if;
  reached := array(
    select recipient.peer_mentor_id from mentorcert_private.letter_recipients(draft_letter.peer_mentor_ids) as recipient
  );
  if reached = '{}' then
    perform mentorcert_private.raise_forbidden();
  end if;
  -- Of drafts that nobody finishes, the latest stay.
  delete from mentorcert_private.letters as draft
  where draft.id = any(array(
    select letter.id from mentorcert_private.letters as letter
    where letter.written_by = author and letter.sent_at is null
    order by letter.written_at desc
    offset 19
  ));
  insert into mentorcert_private.letters as letter (organisation_id, written_by, recipient_ids)
  values (public.get_user_organisation_id(), author, reached)
  returning letter.id into drafted;
  return drafted;
end
$$;
comment on function mentorcert_private.draft_letter(uuid[]) is
  'Begins a letter to those of these peer mentors whom the caller may write to; at most 1000, and 20 drafts of one author. Returns its id.';

create or replace function mentorcert_private.own_draft(letter_id uuid)
returns uuid
language sql
set search_path = ''
as $$
  select letter.id from mentorcert_private.letters as letter
  where
    letter.id = own_draft.letter_id and letter.written_by = mentorcert_private.acting_user()
    and letter.organisation_id = public.get_user_organisation_id() and letter.sent_at is null
  for no key update
$$;
comment on function mentorcert_private.own_draft(uuid) is 'This letter, locked, if it is a draft of the caller''s in the organisation in which the caller acts.';

create or replace function mentorcert_private.write_letter(letter_id uuid, subject text, body text)
returns void
language plpgsql
security definer -- letters are no client's to update
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  update mentorcert_private.letters as letter
  set subject = write_letter.subject, body = write_letter.body, written_at = clock_timestamp()
  where letter.id = mentorcert_private.own_draft(write_letter.letter_id);
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
end
$$;
comment on function mentorcert_private.write_letter(uuid, text, text) is 'Writes the text of a draft of the caller''s.';

create or replace function mentorcert_private.send_letter(letter_id uuid, written_at timestamptz)
returns integer
language plpgsql
security definer -- the ledger is nobody's to write, and the address of the author is read from the login
set search_path = ''
as $$
declare
  author constant uuid := mentorcert_private.acting_user();
  draft record;
  queued integer;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  -- One letter of an author after the other, so that they are counted.
  perform mentorcert_private.take_lock('letters of ' || author);
  select letter.organisation_id, letter.recipient_ids, letter.written_at into draft
  from mentorcert_private.letters as letter where letter.id = mentorcert_private.own_draft(send_letter.letter_id);
  if not found then
    -- A second click, or a second tab.
    if exists (
      select from mentorcert_private.letters as letter
      where letter.id = send_letter.letter_id and letter.written_by = author and letter.sent_at is not null
    ) then
      return 0;
    end if;
    perform mentorcert_private.raise_forbidden();
  elsif draft.written_at is distinct from send_letter.written_at then
    raise exception using
      errcode = 'PT409', message = 'the letter has another text than the one that was shown', hint = 'Look at it again, and send it then.',
      schema = 'mentorcert_private', table = 'letters', column = 'written_at', constraint = 'letters_version_current';
  elsif mentorcert_private.confirmed_address(author) is null then
    raise exception using
      errcode = 'MC008', message = 'the login of the author has no confirmed e-mail address of its own',
      hint = 'Answers go to that address: confirm it first.', constraint = 'letters_reply_to';
  elsif (
    select count(*) from mentorcert_private.letters as letter
    where letter.written_by = author and letter.sent_at > clock_timestamp() - interval '1 hour'
  ) >= 10 then
    raise exception using
      errcode = 'MC008', message = 'more than 10 letters within an hour', hint = 'Try again later.', constraint = 'letters_an_hour';
  end if;
  insert into mentorcert_private.notice_mails (organisation_id, kind, state, peer_mentor_id, letter_id, queued_at, claimed_at)
  select
    recipient.organisation_id, 'letter', 'queued', recipient.peer_mentor_id, send_letter.letter_id, statement_timestamp(),
    statement_timestamp()
  from mentorcert_private.letter_recipients(draft.recipient_ids) as recipient
  where recipient.outcome = 'mail'
  order by recipient.peer_mentor_id;
  get diagnostics queued = row_count;
  if queued = 0 then
    raise exception using
      errcode = 'MC008', message = 'nobody whom the letter could be sent to', hint = 'Choose people who have a usable address.',
      constraint = 'letters_mails_valid';
  end if;
  update mentorcert_private.letters as letter set sent_at = clock_timestamp(), recipient_ids = '{}', mails = queued
  where letter.id = send_letter.letter_id;
  return queued;
end
$$;
comment on function mentorcert_private.send_letter(uuid, timestamptz) is
  'Sends a draft of the caller''s as it was written at an instant, one mail to each whom the caller may write to and who can be reached; at most 10 letters an hour. Returns how many; 0 for one that was sent already.';

create or replace function mentorcert_private.forget_letters()
returns trigger
language plpgsql
security definer -- letters are no client's to delete
set search_path = ''
as $$
begin
  with gone as (
    delete from mentorcert_private.notice_mails as mail where mail.peer_mentor_id = new.id and mail.letter_id is not null
    returning mail.letter_id
  )
  -- What was written to this person alone is about this person.
  delete from mentorcert_private.letters as letter using gone where letter.id = gone.letter_id and letter.mails = 1;
  delete from mentorcert_private.letters as letter
  where letter.organisation_id = new.organisation_id and letter.recipient_ids = array[new.id];
  update mentorcert_private.letters as letter set recipient_ids = array_remove(letter.recipient_ids, new.id)
  where letter.organisation_id = new.organisation_id and letter.recipient_ids @> array[new.id];
  return null;
end
$$;
comment on function mentorcert_private.forget_letters() is 'Takes an erased person out of all letters; one to nobody else goes as a whole.';

create or replace trigger forget_letters
after update of erased_at on mentorcert.peer_mentors
for each row when (new.erased_at is not null and old.erased_at is null)
execute function mentorcert_private.forget_letters();

revoke execute on function
  mentorcert_private.letter_recipients, mentorcert_private.draft_letter, mentorcert_private.own_draft, mentorcert_private.write_letter,
  mentorcert_private.send_letter, mentorcert_private.forget_letters, mentorcert_private.reply_address
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.letter_recipients, mentorcert_private.draft_letter, mentorcert_private.write_letter, mentorcert_private.send_letter,
  mentorcert_private.reply_address
to authenticated;
