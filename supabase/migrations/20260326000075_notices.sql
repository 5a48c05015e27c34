-- Notices: when a certification's holder is reminded, in which language, and the ledger by which each notice goes out at most once.

-- Does what CHECK cannot: look at the elements of an array together.
create or replace function private.are_distinct(numbers smallint[])
returns boolean
language sql
immutable
set search_path = ''
as $$ select count(*) = count(distinct number) from unnest(numbers) as number $$;
comment on function private.are_distinct(smallint[]) is 'Whether no number is null or comes twice.';

alter table public.certification_types
add column if not exists reminder_days smallint [] not null default '{90,30,7}'
constraint certification_types_reminder_days_valid check (
  cardinality(reminder_days) <= 6
  and array_position(reminder_days, null) is null
  and 0 <= all (reminder_days)
  and 365 >= all (reminder_days)
  and private.are_distinct(reminder_days)
);
grant insert (reminder_days), update (reminder_days) on public.certification_types to authenticated;
comment on column public.certification_types.reminder_days is
  'How many days before the first day without it the holder is reminded; where any is given, also once it has expired. None: no notices of this type.';

alter table public.peer_mentors
add column if not exists language text not null default 'nb'
constraint peer_mentors_language_valid check (language in ('nb', 'en'));
grant insert (language), update (language) on public.peer_mentors to authenticated;
comment on column public.peer_mentors.language is 'The language of what is written to this person: nb or en.';

create or replace function public.set_my_language(language text)
returns boolean
language plpgsql
security definer -- a peer mentor writes no column but this one, of no row but the own
set search_path = ''
as $$
begin
  perform private.check_endpoint('peer_mentors');
  if set_my_language.language is null or set_my_language.language not in ('nb', 'en') then
    raise exception using
      errcode = 'MC008', message = 'this is no language of ours', hint = 'Give nb or en.', constraint = 'language';
  end if;
  update public.peer_mentors as mentor set language = set_my_language.language
  where mentor.id = any(private.own_peer_mentor_ids()) and mentor.language <> set_my_language.language;
  return cardinality(private.own_peer_mentor_ids()) > 0;
end
$$;
comment on function public.set_my_language(text) is
  'Sets the language of what is written to the caller; returns whether the caller is a peer mentor at all.';

-- The ledger

create table if not exists private.notice_mails (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kind text not null,
  state text not null default 'sending',
  peer_mentor_id uuid,
  user_id uuid,
  week date,
  covered_until date,
  claimed_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  constraint notice_mails_pkey primary key (id),
  constraint notice_mails_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint notice_mails_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references public.peer_mentors (organisation_id, id),
  constraint notice_mails_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint notice_mails_one_digest_a_week unique (organisation_id, user_id, week),
  constraint notice_mails_kind_valid check (
    kind = 'reminder' and num_nonnulls(user_id, week, covered_until) = 0 and peer_mentor_id is not null
    or kind = 'digest' and num_nonnulls(user_id, week, covered_until) = 3 and peer_mentor_id is null
  ),
  constraint notice_mails_state_valid check (
    state in ('sending', 'sent', 'empty') and (state = 'sent') = (sent_at is not null)
  )
);
create index if not exists notice_mails_peer_mentor_id_idx on private.notice_mails (organisation_id, peer_mentor_id);
create index if not exists notice_mails_user_id_idx on private.notice_mails (user_id);
create index if not exists notice_mails_sending_idx on private.notice_mails (claimed_at) where state = 'sending';
alter table private.notice_mails enable row level security;
comment on table private.notice_mails is 'Each mail, written before it is sent; whatever then happens, nothing sends it again by itself.';
comment on column private.notice_mails.state is
  'sending: handed to the mail server, or the sender died meanwhile; sent: the mail server took it; empty: a digest had nothing to tell that week.';
comment on column private.notice_mails.week is 'The Monday of a digest''s week, in the organisation''s time zone.';
comment on column private.notice_mails.covered_until is 'The day of a digest: what ended by then is told, and not again by the next.';

create table if not exists private.notices (
  certification_id uuid not null,
  expires_at timestamptz not null,
  days_before smallint not null,
  organisation_id uuid not null,
  outcome text not null,
  mail_id uuid,
  recorded_at timestamptz not null default clock_timestamp(),
  constraint notices_pkey primary key (certification_id, expires_at, days_before),
  constraint notices_certification_id_fkey foreign key (certification_id) references public.peer_mentor_certifications (id),
  constraint notices_organisation_id_fkey foreign key (organisation_id) references public.organisations (id),
  constraint notices_mail_id_fkey foreign key (mail_id) references private.notice_mails (id),
  constraint notices_outcome_valid check (
    outcome in ('mailed', 'collapsed', 'skipped') and (outcome = 'skipped') = (mail_id is null)
  )
);
create index if not exists notices_mail_id_idx on private.notices (mail_id);
create index if not exists notices_organisation_id_idx on private.notices (organisation_id, recorded_at);
alter table private.notices enable row level security;
comment on table private.notices is
  'What became of each reminder: of a certification, for an end, so many days before. The key is what lets it out at most once.';
comment on column private.notices.days_before is 'The offset of the type; 0: the notice that it has expired.';
comment on column private.notices.outcome is
  'mailed; collapsed: a later notice in the same mail overtook it; skipped: it became due before the time that a run reaches back.';

revoke execute on function private.are_distinct(smallint []), public.set_my_language(text)
from public, anon, authenticated, service_role;
-- A constraint asks with the rights of whoever writes the row.
grant execute on function private.are_distinct(smallint []), public.set_my_language(text) to authenticated, service_role;
