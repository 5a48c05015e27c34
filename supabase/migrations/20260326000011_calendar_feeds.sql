-- Calendar feeds: a peer mentor's own dates, for a calendar that cannot sign in; who has the address reads them.
--
-- The address holds a token of 244 random bits. Only its SHA-256 is stored, so that neither a dump nor a colleague can
-- read anybody's feed; what is revoked or replaced is gone, since nothing would ever ask for it.

create table if not exists mentorcert_private.calendar_feeds (
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  constraint calendar_feeds_pkey primary key (organisation_id, peer_mentor_id),
  constraint calendar_feeds_token_hash_key unique (token_hash),
  constraint calendar_feeds_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint calendar_feeds_token_hash_valid check (octet_length(token_hash) = 32)
);
alter table mentorcert_private.calendar_feeds enable row level security;
comment on table mentorcert_private.calendar_feeds is 'Who has a calendar feed: at most one for each peer mentor; a new one takes the place of the old.';
comment on column mentorcert_private.calendar_feeds.token_hash is 'SHA-256 of the token, which nobody can read again.';

create or replace function public.create_calendar_feed()
returns text
language plpgsql
security definer -- the feeds are no client's to read or write
set search_path = ''
as $$
declare
  token constant text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  insert into mentorcert_private.calendar_feeds as feed (organisation_id, peer_mentor_id, token_hash)
  select mentor.organisation_id, mentor.id, sha256(convert_to(token, 'UTF8'))
  from mentorcert.peer_mentors as mentor
  where mentor.id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    and mentor.user_id = (select auth.uid()) -- asked again once the lock is had: an erasure may have come first
  for no key update
  on conflict on constraint calendar_feeds_pkey
  do update set token_hash = excluded.token_hash, created_at = excluded.created_at;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  return token;
end
$$;
comment on function public.create_calendar_feed() is
  'Gives the caller, who must be a peer mentor, a new calendar feed and returns its token, this once; the feed there was ends with it.';

create or replace function public.revoke_calendar_feed()
returns boolean
language plpgsql
security definer -- the feeds are no client's to read or write
set search_path = ''
as $$
begin
  delete from mentorcert_private.calendar_feeds as feed
  where feed.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    and feed.organisation_id = (select public.get_user_organisation_id());
  return found;
end
$$;
comment on function public.revoke_calendar_feed() is 'Ends the caller''s calendar feed with the next request; false where there is none.';

create or replace function public.calendar_feed_created_at()
returns timestamptz
language sql
stable
security definer -- the feeds are no client's to read or write
set search_path = ''
as $$
  select feed.created_at from mentorcert_private.calendar_feeds as feed
  where feed.peer_mentor_id = any((select mentorcert_private.own_peer_mentor_ids())::uuid[])
    and feed.organisation_id = (select public.get_user_organisation_id())
$$;
comment on function public.calendar_feed_created_at() is 'Since when the caller has a calendar feed; null without one.';

create or replace function public.calendar_of(token text)
returns table (
  organisation_name text, time_zone text, certification_id uuid, name_nb text, name_en text, expires_at timestamptz,
  reminder_days smallint[]
)
language sql
stable
security definer -- the caller is not signed in: the token is all there is to go by
set search_path = ''
as $$
  select organisation.name, organisation.time_zone, held.id, held.name_nb, held.name_en, held.expires_at, held.reminder_days
  from mentorcert_private.calendar_feeds as feed
  join mentorcert.peer_mentors as mentor on mentor.organisation_id = feed.organisation_id and mentor.id = feed.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = feed.organisation_id
  join auth.users as login on login.id = mentor.user_id
  left join lateral (
    select certification.id, type.name_nb, type.name_en, certification.expires_at, type.reminder_days
    from public.peer_mentor_certifications as certification
    join mentorcert.certification_types as type
      on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
    where certification.organisation_id = feed.organisation_id and certification.peer_mentor_id = feed.peer_mentor_id
      and certification.status <> 'suspended' and certification.expires_at is not null
  ) as held on true
  where mentorcert_private.check_endpoint('certifications') and mentorcert_private.check_endpoint('organisations')
    and feed.token_hash = sha256(convert_to(calendar_of.token, 'UTF8'))
    and login.deleted_at is null
    -- Supabase Auth has this column, its stand-in has not.
    and coalesce((to_jsonb(login) ->> 'banned_until')::timestamptz <= now(), true)
    and exists (
      select from mentorcert.memberships as membership
      where membership.user_id = mentor.user_id and membership.organisation_id = feed.organisation_id
        and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    )
  order by held.expires_at, held.id
$$;
comment on function public.calendar_of(text) is
  'What the calendar feed with this token shows: ends of certifications that are not suspended, with the days before on which their types remind; one row without any where there are none, no row for a token that is unknown or revoked, or whose login or membership has ended. Never a name.';

create or replace function mentorcert_private.end_calendar_feed()
returns trigger
language plpgsql
security definer -- the feeds are no client's to write
set search_path = ''
as $$
begin
  delete from mentorcert_private.calendar_feeds as feed
  where feed.organisation_id = new.organisation_id and feed.peer_mentor_id = new.id;
  return null;
end
$$;
comment on function mentorcert_private.end_calendar_feed() is 'Ends the feed of a peer mentor who gets another login or none: by erasure, by the end of the login, or by an administrator.';

create or replace trigger end_calendar_feed
after update of user_id on mentorcert.peer_mentors
for each row when (old.user_id is distinct from new.user_id) execute function mentorcert_private.end_calendar_feed();

revoke execute on function
  public.create_calendar_feed, public.revoke_calendar_feed, public.calendar_feed_created_at, public.calendar_of,
  mentorcert_private.end_calendar_feed
from public, anon, authenticated, service_role;
grant execute on function
  public.create_calendar_feed, public.revoke_calendar_feed, public.calendar_feed_created_at
to authenticated, service_role;
grant execute on function public.calendar_of to anon, authenticated, service_role;
