-- Invitations: who was invited by e-mail address to what, by whom, until when, and its result.
--
-- An invitation gives no right. The login whose confirmed address it names gets the right in the moment in which it signs in, if
-- what the invitation rests on still holds then. No answer shows whether an address has a login: it is asked of nobody's login
-- but the caller's own. The mails about invitations are in the ledger of the notices.

-- The stand-in for Supabase Auth of older versions has no such column.
do $$
begin
  -- Looked at first: not even a column that is there may be added by anybody but the owner.
  if obj_description('auth.users'::regclass, 'pg_class') = 'Stands in for the logins of Supabase Auth.' and not exists (
    select from pg_attribute where attrelid = 'auth.users'::regclass and attname = 'email_confirmed_at' and not attisdropped
  ) then
    alter table auth.users add column email_confirmed_at timestamptz;
  end if;
end
$$;

create table if not exists mentorcert_private.invitations (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  email text,
  role text not null,
  chapter_id uuid,
  peer_mentor_id uuid,
  language text not null default 'nb',
  invited_by uuid,
  is_by_operator boolean not null,
  invited_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  mailed_at timestamptz,
  accepted_at timestamptz,
  accepted_by uuid,
  withdrawn_at timestamptz,
  failed_at timestamptz,
  failure text,
  constraint invitations_pkey primary key (id),
  constraint invitations_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint invitations_chapter_id_fkey foreign key (organisation_id, chapter_id) references mentorcert.chapters (organisation_id, id),
  constraint invitations_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint invitations_invited_by_fkey foreign key (invited_by) references auth.users (id) on delete set null,
  constraint invitations_accepted_by_fkey foreign key (accepted_by) references auth.users (id) on delete set null,
  constraint invitations_email_valid check (mentorcert_private.is_email(email)),
  constraint invitations_email_given check (email is not null or num_nonnulls(accepted_at, withdrawn_at) = 1),
  constraint invitations_role_valid check (role in ('peer_mentor', 'coordinator', 'org_admin')),
  constraint invitations_chapter_id_valid check ((role = 'coordinator') = (chapter_id is not null)),
  constraint invitations_peer_mentor_id_valid check ((role = 'peer_mentor') = (peer_mentor_id is not null)),
  constraint invitations_language_valid check (language in ('nb', 'en')),
  constraint invitations_operator_valid check (not is_by_operator or invited_by is null),
  constraint invitations_expires_at_valid check (expires_at > invited_at and expires_at < invited_at + interval '92 days'),
  constraint invitations_settled_once check (num_nonnulls(accepted_at, withdrawn_at) <= 1),
  constraint invitations_accepted_by_valid check (accepted_by is null or accepted_at is not null),
  constraint invitations_failure_valid check ((failed_at is null) = (failure is null) and length(failure) <= 100)
);
create index if not exists invitations_organisation_id_idx on mentorcert_private.invitations (organisation_id, invited_at desc, id);
create index if not exists invitations_email_idx
on mentorcert_private.invitations (mentorcert_private.folded(email)) where accepted_at is null and withdrawn_at is null;
create unique index if not exists invitations_open_key
on mentorcert_private.invitations (organisation_id, mentorcert_private.folded(email), role, chapter_id) nulls not distinct
where accepted_at is null and withdrawn_at is null and peer_mentor_id is null;
create unique index if not exists invitations_open_peer_mentor_key
on mentorcert_private.invitations (peer_mentor_id) where accepted_at is null and withdrawn_at is null and peer_mentor_id is not null;
create index if not exists invitations_unmailed_idx
on mentorcert_private.invitations (invited_at) where mailed_at is null and accepted_at is null and withdrawn_at is null;
create index if not exists invitations_peer_mentor_id_idx on mentorcert_private.invitations (peer_mentor_id);
create index if not exists invitations_chapter_id_idx on mentorcert_private.invitations (organisation_id, chapter_id);
create index if not exists invitations_invited_by_idx on mentorcert_private.invitations (invited_by);
create index if not exists invitations_accepted_by_idx on mentorcert_private.invitations (accepted_by);
alter table mentorcert_private.invitations enable row level security;
revoke all on mentorcert_private.invitations from public, anon, authenticated, service_role;
grant select (
  id, organisation_id, email, role, chapter_id, peer_mentor_id, language, invited_by, is_by_operator, invited_at, expires_at,
  mailed_at, accepted_at, accepted_by, withdrawn_at, failed_at, failure
) on mentorcert_private.invitations to authenticated;
comment on table mentorcert_private.invitations is
  'Who was invited by e-mail address to a role, and its result; kept as mentorcert_private.log_retention says.';
comment on column mentorcert_private.invitations.email is 'Null once the peer mentor was erased.';
comment on column mentorcert_private.invitations.invited_by is
  'The administrator, who must still be one when it is accepted; null for the operator, and where that login is gone.';
comment on column mentorcert_private.invitations.invited_at is 'When it was made, or made again: a right that was ended since does not come back by it.';
comment on column mentorcert_private.invitations.expires_at is 'The midnight, in the organisation''s time zone, that ends the last day.';
comment on column mentorcert_private.invitations.mailed_at is 'When the mail server took the mail about it; null while none went out since it was made again.';
comment on column mentorcert_private.invitations.failure is
  'Why the last attempt to accept or to mail it failed: the name of a rule, or an SQLSTATE. It stays open.';

drop policy if exists "administrators read the invitations of their organisation" on mentorcert_private.invitations;
create policy "administrators read the invitations of their organisation"
on mentorcert_private.invitations for select to authenticated
using (
  (select mentorcert_private.check_endpoint('memberships'))
  and organisation_id = (select mentorcert_private.administered_organisation_id())
);
comment on policy "administrators read the invitations of their organisation" on mentorcert_private.invitations is
  'Who invites reads them; nobody else does, not even who is invited. With the endpoint memberships they are switched off.';

create or replace trigger keep_identity
before update on mentorcert_private.invitations
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'role', 'chapter_id', 'peer_mentor_id');

create or replace trigger reject_truncation
before truncate on mentorcert_private.invitations
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Withdraw them.');

-- Whose invitation, and whether it may still be accepted

create or replace function mentorcert_private.is_login_open(login_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from auth.users as login
    where
      login.id = login_id and login.deleted_at is null
      -- The stand-in bans nobody.
      and ((to_jsonb(login) ->> 'banned_until')::timestamptz > now()) is not true
  )
$$;
comment on function mentorcert_private.is_login_open(uuid) is 'Whether a login is there, and neither deleted nor banned.';

create or replace function mentorcert_private.confirmed_address(login_id uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select login.email::text -- varchar on Supabase
  from auth.users as login
  where
    login.id = login_id and mentorcert_private.is_login_open(login.id)
    -- As JSON: a database that came by neither Supabase nor our stand-in may lack the column, and then nothing is confirmed.
    and to_jsonb(login) ->> 'email_confirmed_at' is not null
    and mentorcert_private.is_email(login.email)
    -- Of two logins with one address nobody knows whose it is.
    and not exists (
      select from auth.users as other
      where lower(other.email) = lower(login.email) and other.id <> login.id and other.deleted_at is null
    )
$$;
comment on function mentorcert_private.confirmed_address(uuid) is
  'The address of a login, if it is confirmed and no other''s, and the login is neither deleted nor banned.';

create or replace function mentorcert_private.invitation_obstacle(invitation_id uuid, login_id uuid default null)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  invitation record;
begin
  select
    offered.organisation_id, offered.email, offered.role, offered.peer_mentor_id, offered.invited_by, offered.is_by_operator,
    offered.invited_at, mentorcert_private.day_of(clock_timestamp(), mentorcert_private.time_zone_of(offered.organisation_id)) as today
  into invitation
  from mentorcert_private.invitations as offered where offered.id = invitation_obstacle.invitation_id;
  if not invitation.is_by_operator and not (
    mentorcert_private.is_login_open(invitation.invited_by) and exists (
      select from mentorcert.memberships as membership
      where
        membership.user_id = invitation.invited_by and membership.organisation_id = invitation.organisation_id
        and membership.role = 'org_admin' and (membership.ended_at is null or membership.ended_at > clock_timestamp())
    )
  ) then
    return 'invitation_inviter';
  end if;
  if exists (
    select from mentorcert.memberships as membership
    where
      membership.user_id = login_id and membership.organisation_id = invitation.organisation_id
      and membership.ended_at is not null and membership.updated_at >= invitation.invited_at
  ) then
    return 'invitation_ended';
  end if;
  if invitation.role = 'peer_mentor' and not exists (
    select from mentorcert.peer_mentors as mentor
    where
      mentor.id = invitation.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
      and (mentor.left_on is null or mentor.left_on > invitation.today)
      and (mentor.user_id is null or mentor.user_id = login_id)
      and mentorcert_private.folded(mentor.email) = mentorcert_private.folded(invitation.email)
  ) then
    return 'invitation_peer_mentor';
  end if;
  if invitation.role = 'peer_mentor' and exists (
    select from mentorcert.peer_mentors as other
    where
      other.organisation_id = invitation.organisation_id and other.id <> invitation.peer_mentor_id
      and mentorcert_private.folded(other.email) = mentorcert_private.folded(invitation.email)
      and other.erased_at is null and other.merged_into is null
  ) then
    return 'invitation_shared_address';
  end if;
  return null;
end
$$;
comment on function mentorcert_private.invitation_obstacle(uuid, uuid) is
  'Why an invitation must not be accepted (by a login) or mailed: the inviter is no administrator any more, a membership of the login was ended since, the peer mentor is gone, has another login or another address, or shares it. Null where nothing is in the way.';

-- Accepting: the first statements of a session.

create or replace function mentorcert_private.accept_invitation(invitation_id uuid, login_id uuid, address text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  offered record;
  obstacle text;
begin
  -- Peer mentor, memberships, invitation: the order in which those lock who end a right and withdraw what is open.
  select invitation.organisation_id, invitation.role, invitation.chapter_id, invitation.peer_mentor_id into offered
  from mentorcert_private.invitations as invitation where invitation.id = accept_invitation.invitation_id;
  perform 1 from mentorcert.peer_mentors as mentor where mentor.id = offered.peer_mentor_id for no key update;
  perform 1 from mentorcert.memberships as membership
  where membership.user_id = login_id and membership.organisation_id = offered.organisation_id
  order by membership.id
  for no key update;
  perform 1 from mentorcert_private.invitations as invitation where invitation.id = accept_invitation.invitation_id for no key update;

  -- A statement of its own, so that it sees what was written before the locks above were had.
  update mentorcert_private.invitations as invitation
  set accepted_at = clock_timestamp(), accepted_by = login_id, failed_at = null, failure = null
  where
    invitation.id = accept_invitation.invitation_id
    and mentorcert_private.folded(invitation.email) = mentorcert_private.folded(address)
    and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at > clock_timestamp();
  if not found then
    return false;
  end if;
  obstacle := mentorcert_private.invitation_obstacle(invitation_id, login_id);
  if obstacle is not null then
    raise exception using errcode = 'MC008', message = 'the invitation can''t be accepted', constraint = obstacle;
  end if;
  update mentorcert.peer_mentors as mentor set user_id = login_id
  where mentor.id = offered.peer_mentor_id and mentor.user_id is null;
  insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
  select offered.organisation_id, login_id, offered.role, offered.chapter_id
  where not exists (
    select from mentorcert.memberships as membership
    where
      membership.user_id = login_id and membership.organisation_id = offered.organisation_id and membership.role = offered.role
      and membership.chapter_id is not distinct from offered.chapter_id
      and (membership.ended_at is null or membership.ended_at > clock_timestamp())
  );
  return true;
end
$$;
comment on function mentorcert_private.accept_invitation(uuid, uuid, text) is
  'Gives a login what one invitation offers to its address; false where it is not open any more, an error where it can''t be given.';

create or replace function public.accept_invitations()
returns integer
language plpgsql
security definer -- reads the logins, and gives a right to one who has none yet
set search_path = ''
as $$
declare
  caller constant uuid := mentorcert_private.acting_user();
  address text := (select login.email from auth.users as login where login.id = caller);
  accepted integer := 0;
  open_id uuid;
  state text;
  violated text;
begin
  perform mentorcert_private.check_endpoint('memberships');
  -- Nearly always there is none, and that is all.
  if not exists (
    select from mentorcert_private.invitations as invitation
    where
      mentorcert_private.folded(invitation.email) = mentorcert_private.folded(address)
      and invitation.accepted_at is null and invitation.withdrawn_at is null
  ) then
    return 0;
  end if;
  address := mentorcert_private.confirmed_address(caller);
  for open_id in
    select invitation.id from mentorcert_private.invitations as invitation
    where
      mentorcert_private.folded(invitation.email) = mentorcert_private.folded(address)
      and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at > clock_timestamp()
    order by invitation.id
    limit 100
  loop
    -- Each for itself: one that can't be given is in nobody's way.
    begin
      accepted := accepted + mentorcert_private.accept_invitation(open_id, caller, address)::integer;
    exception
      when transaction_rollback or lock_not_available then
        -- Somebody else was at it: the next sign-in tries again.
        null;
      when others then
        get stacked diagnostics state = returned_sqlstate, violated = constraint_name;
        update mentorcert_private.invitations as invitation
        set failed_at = clock_timestamp(), failure = left(coalesce(nullif(violated, ''), state), 100)
        where invitation.id = open_id and invitation.accepted_at is null and invitation.withdrawn_at is null;
    end;
  end loop;
  return accepted;
end
$$;
comment on function public.accept_invitations() is
  'Gives the caller what open invitations offer to the confirmed address of the login; call it after each sign-in. Returns how many were accepted: one that can''t be given stays open, and its administrators see why.';

-- Inviting

create or replace function mentorcert_private.require_inviter(organisation_id uuid)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if mentorcert_private.acting_user() is not null then
    perform mentorcert_private.check_endpoint('memberships');
    perform mentorcert_private.require_administrator(
      require_inviter.organisation_id = mentorcert_private.administered_organisation_id(), 'invitation_right'
    );
  end if;
end
$$;
comment on function mentorcert_private.require_inviter(uuid) is
  'Raises 42501 for everybody but the administrator of an organisation, and the operator.';

create or replace function mentorcert_private.invitation_ends(organisation_id uuid, valid_days integer)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  zone constant text := mentorcert_private.time_zone_of(invitation_ends.organisation_id);
begin
  if valid_days is null or valid_days not between 1 and 90 then
    raise exception using
      errcode = 'MC008', message = 'an invitation is open for 1 to 90 days', hint = 'Give a number of days from 1 to 90.',
      constraint = 'valid_days';
  end if;
  return mentorcert_private.day_starts(mentorcert_private.day_of(now(), zone) + valid_days + 1, zone);
end
$$;
comment on function mentorcert_private.invitation_ends(uuid, integer) is
  'The midnight that ends the last day of an invitation made today; MC008 for less than 1 or more than 90 days.';

create or replace function mentorcert_private.require_few(number integer)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  if number > 5000 then
    raise exception using
      errcode = 'MC008', message = 'more than 5000 invitations at once', hint = 'Do one part after the other.', constraint = 'invitations_at_once';
  end if;
end
$$;
comment on function mentorcert_private.require_few(integer) is 'Refuses (MC008) more than 5000 invitations at once.';

create or replace function mentorcert_private.peer_mentors_to_invite(organisation_id uuid, peer_mentor_ids uuid[] default null)
returns table (peer_mentor_id uuid, external_id text, full_name text, sort_key text, email text, outcome text)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_custom_plan -- of one or of all
as $$
begin
  return query
  select every.id, every.external_id, every.full_name, every.sort_key, every.email, every.outcome
  from (
    select
      mentor.id, mentor.external_id, mentor.full_name, mentor.sort_key, mentor.email,
      case
        when mentor.left_on <= today.day then 'left'
        when mentor.user_id is not null then 'has_login'
        when mentor.email is null then 'no_address'
        -- Whose login it would be, nobody knows.
        when count(*) over (partition by mentorcert_private.folded(mentor.email)) > 1 then 'shared_address'
        when invitation.id is not null then 'open'
        else 'invite'
      end as outcome
    from mentorcert.peer_mentors as mentor
    cross join (
      select mentorcert_private.day_of(now(), organisation.time_zone) as day from mentorcert.organisations as organisation
      where organisation.id = peer_mentors_to_invite.organisation_id
    ) as today
    left join mentorcert_private.invitations as invitation
      on invitation.peer_mentor_id = mentor.id and invitation.accepted_at is null and invitation.withdrawn_at is null
      and invitation.expires_at > now()
    where
      mentor.organisation_id = peer_mentors_to_invite.organisation_id and mentor.erased_at is null and mentor.merged_into is null
  ) as every
  where peer_mentor_ids is null or every.id = any(peer_mentor_ids);
end
$$;
comment on function mentorcert_private.peer_mentors_to_invite(uuid, uuid[]) is
  'What inviting these peer mentors, or all of an organisation, does with each: invite; open (invited already), has_login, no_address, shared_address (another peer mentor has it), left. With the rights of the caller.';

create or replace function mentorcert_private.addresses_to_invite(organisation_id uuid, emails text[], role text, chapter_id uuid)
returns table (email text, outcome text)
language sql
stable
set search_path = ''
as $$
  select
    address.email,
    case
      when mentorcert_private.is_email(address.email) is not true then 'no_address'
      when exists (
        select from mentorcert_private.invitations as invitation
        where
          invitation.organisation_id = addresses_to_invite.organisation_id
          and mentorcert_private.folded(invitation.email) = mentorcert_private.folded(address.email)
          and invitation.role = addresses_to_invite.role and invitation.chapter_id is not distinct from addresses_to_invite.chapter_id
          and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at > now()
      ) then 'open'
      else 'invite'
    end
  from (
    select distinct on (mentorcert_private.folded(given.email)) given.email
    from (
      select mentorcert_private.canonical_email(sent.email) as email, sent.place from unnest(emails) with ordinality as sent (email, place)
    ) as given
    where given.email <> ''
    order by mentorcert_private.folded(given.email), given.place
  ) as address
$$;
comment on function mentorcert_private.addresses_to_invite(uuid, text[], text, uuid) is
  'What inviting these addresses to a role does with each: invite; open (invited to it already), no_address (no mail could be sent to it). With the rights of the caller; of logins it knows nothing.';

create or replace function mentorcert_private.invite(
  organisation_id uuid, emails text[], role text, chapter_id uuid default null, valid_days integer default 14, language text default 'nb'
)
returns integer
language plpgsql
security definer -- invitations are no client's to write
set search_path = ''
as $$
declare
  ends constant timestamptz := mentorcert_private.invitation_ends(invite.organisation_id, valid_days);
  invited integer;
begin
  perform mentorcert_private.require_inviter(invite.organisation_id);
  perform mentorcert_private.require_few(cardinality(emails));
  if invite.role is null or invite.role not in ('coordinator', 'org_admin') then
    raise exception using
      errcode = 'MC008', message = 'by an address, coordinators and administrators are invited',
      hint = 'Invite a peer mentor by the row of the person.', constraint = 'invitations_role_valid';
  end if;
  -- As if the right were given now: what can't be, is no invitation either.
  if invite.chapter_id is not null then
    perform mentorcert_private.reject_retired_chapters(array[invite.chapter_id]);
  end if;
  -- One that has expired makes place for its like.
  update mentorcert_private.invitations as invitation set withdrawn_at = clock_timestamp()
  where
    invitation.organisation_id = invite.organisation_id and invitation.role = invite.role
    and invitation.chapter_id is not distinct from invite.chapter_id
    and mentorcert_private.folded(invitation.email) = any(array(
      select mentorcert_private.folded(mentorcert_private.canonical_email(given)) from unnest(emails) as given
    ))
    and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at <= now();
  insert into mentorcert_private.invitations (organisation_id, email, role, chapter_id, language, invited_by, is_by_operator, expires_at)
  select
    invite.organisation_id, wanted.email, invite.role, invite.chapter_id, invite.language, auth.uid(), auth.uid() is null, ends
  from mentorcert_private.addresses_to_invite(invite.organisation_id, emails, invite.role, invite.chapter_id) as wanted
  where wanted.outcome = 'invite'
  on conflict do nothing;
  get diagnostics invited = row_count;
  return invited;
end
$$;
comment on function mentorcert_private.invite(uuid, text[], text, uuid, integer, text) is
  'Invites addresses to be coordinators of a chapter, or administrators; the administrator, and the operator. Returns how many: the same whether an address has a login or not.';

create or replace function mentorcert_private.invite_peer_mentors(
  organisation_id uuid, peer_mentor_ids uuid[] default null, valid_days integer default 14
)
returns integer
language plpgsql
security definer -- invitations are no client's to write
set search_path = ''
as $$
declare
  ends constant timestamptz := mentorcert_private.invitation_ends(invite_peer_mentors.organisation_id, valid_days);
  wanted_ids uuid[];
  invited integer;
begin
  perform mentorcert_private.require_inviter(invite_peer_mentors.organisation_id);
  wanted_ids := array(
    select wanted.peer_mentor_id
    from mentorcert_private.peer_mentors_to_invite(invite_peer_mentors.organisation_id, invite_peer_mentors.peer_mentor_ids) as wanted
    where wanted.outcome = 'invite'
  );
  perform mentorcert_private.require_few(cardinality(wanted_ids));
  update mentorcert_private.invitations as invitation set withdrawn_at = clock_timestamp()
  where
    invitation.peer_mentor_id = any(wanted_ids)
    and invitation.accepted_at is null and invitation.withdrawn_at is null and invitation.expires_at <= now();
  insert into mentorcert_private.invitations (
    organisation_id, email, role, peer_mentor_id, language, invited_by, is_by_operator, expires_at
  )
  select mentor.organisation_id, mentor.email, 'peer_mentor', mentor.id, mentor.language, auth.uid(), auth.uid() is null, ends
  from mentorcert.peer_mentors as mentor
  where
    mentor.id = any(wanted_ids)
    -- Asked again of those for whose lock it waited.
    and mentor.email is not null and mentor.user_id is null and mentor.erased_at is null and mentor.merged_into is null
  order by mentor.id
  for no key update -- who erases the person, or changes the address, waits, and then withdraws this
  on conflict do nothing;
  get diagnostics invited = row_count;
  return invited;
end
$$;
comment on function mentorcert_private.invite_peer_mentors(uuid, uuid[], integer) is
  'Invites these peer mentors, or all of an organisation, who have an address of their own and no login; the administrator, and the operator. Returns how many.';

create or replace function mentorcert_private.withdraw_invitations(organisation_id uuid, invitation_ids uuid[])
returns integer
language plpgsql
security definer -- invitations are no client's to write
set search_path = ''
as $$
declare
  withdrawn integer;
begin
  perform mentorcert_private.require_inviter(withdraw_invitations.organisation_id);
  update mentorcert_private.invitations as invitation set withdrawn_at = clock_timestamp()
  where
    invitation.id = any(invitation_ids) and invitation.organisation_id = withdraw_invitations.organisation_id
    and invitation.accepted_at is null and invitation.withdrawn_at is null;
  get diagnostics withdrawn = row_count;
  return withdrawn;
end
$$;
comment on function mentorcert_private.withdraw_invitations(uuid, uuid[]) is
  'Withdraws open invitations of an organisation; the administrator, and the operator. Returns how many.';

create or replace function mentorcert_private.resend_invitations(organisation_id uuid, invitation_ids uuid[], valid_days integer default 14)
returns integer
language plpgsql
security definer -- invitations are no client's to write
set search_path = ''
as $$
declare
  ends constant timestamptz := mentorcert_private.invitation_ends(resend_invitations.organisation_id, valid_days);
  sent integer;
begin
  perform mentorcert_private.require_inviter(resend_invitations.organisation_id);
  update mentorcert_private.invitations as invitation
  set
    invited_by = auth.uid(), is_by_operator = auth.uid() is null, invited_at = clock_timestamp(), expires_at = ends, mailed_at = null,
    failed_at = null, failure = null
  where
    invitation.id = any(invitation_ids) and invitation.organisation_id = resend_invitations.organisation_id
    and invitation.accepted_at is null and invitation.withdrawn_at is null
    -- Two clicks are one mail.
    and (invitation.invited_at < now() - interval '10 minutes' or invitation.failure is not null);
  get diagnostics sent = row_count;
  return sent;
end
$$;
comment on function mentorcert_private.resend_invitations(uuid, uuid[], integer) is
  'Makes open invitations again, expired ones too: another mail, another last day, in the name of the caller; the administrator, and the operator. Returns how many: none that was made within ten minutes, unless it failed.';

-- What is ended does not come back by an open invitation.

create or replace function mentorcert_private.withdraw_of_peer_mentor()
returns trigger
language plpgsql
security definer -- invitations are no client's to write
set search_path = ''
as $$
begin
  update mentorcert_private.invitations as invitation set withdrawn_at = clock_timestamp()
  where invitation.peer_mentor_id = new.id and invitation.accepted_at is null and invitation.withdrawn_at is null;
  if new.erased_at is not null then
    update mentorcert_private.invitations as invitation set email = null, accepted_by = null where invitation.peer_mentor_id = new.id;
  end if;
  return null;
end
$$;
comment on function mentorcert_private.withdraw_of_peer_mentor() is
  'Withdraws the open invitation of a peer mentor who was erased, merged, leaves, or has a login or another address; of the erased, no address stays.';

create or replace trigger withdraw_invitations
after update of erased_at, merged_into, left_on, user_id, email on mentorcert.peer_mentors
for each row when (
  new.erased_at is distinct from old.erased_at or new.merged_into is distinct from old.merged_into
  or new.left_on is not null and new.left_on is distinct from old.left_on
  or new.user_id is distinct from old.user_id or new.email is distinct from old.email
)
execute function mentorcert_private.withdraw_of_peer_mentor();

create or replace function mentorcert_private.withdraw_of_member()
returns trigger
language plpgsql
security definer -- reads the address of a login, and invitations are no client's to write
set search_path = ''
as $$
begin
  update mentorcert_private.invitations as invitation set withdrawn_at = clock_timestamp()
  where
    invitation.organisation_id = old.organisation_id
    and mentorcert_private.folded(invitation.email) = (
      select mentorcert_private.folded(login.email) from auth.users as login where login.id = old.user_id
    )
    and invitation.accepted_at is null and invitation.withdrawn_at is null;
  return null;
end
$$;
comment on function mentorcert_private.withdraw_of_member() is
  'Withdraws what is open for the address of somebody whose membership of the organisation ends, now or on a known day.';

create or replace trigger withdraw_invitations
after update of ended_at on mentorcert.memberships
for each row when (new.ended_at is not null and new.ended_at is distinct from old.ended_at)
execute function mentorcert_private.withdraw_of_member();

create or replace trigger withdraw_invitations_on_delete
after delete on mentorcert.memberships
for each row execute function mentorcert_private.withdraw_of_member();

revoke execute on function
  mentorcert_private.is_login_open, mentorcert_private.confirmed_address, mentorcert_private.invitation_obstacle,
  mentorcert_private.accept_invitation, public.accept_invitations, mentorcert_private.require_inviter,
  mentorcert_private.invitation_ends, mentorcert_private.require_few, mentorcert_private.peer_mentors_to_invite,
  mentorcert_private.addresses_to_invite, mentorcert_private.invite, mentorcert_private.invite_peer_mentors,
  mentorcert_private.withdraw_invitations, mentorcert_private.resend_invitations, mentorcert_private.withdraw_of_peer_mentor,
  mentorcert_private.withdraw_of_member
from public, anon, authenticated, service_role;
grant execute on function
  public.accept_invitations, mentorcert_private.peer_mentors_to_invite, mentorcert_private.addresses_to_invite,
  mentorcert_private.invite, mentorcert_private.invite_peer_mentors, mentorcert_private.withdraw_invitations,
  mentorcert_private.resend_invitations
to authenticated;
