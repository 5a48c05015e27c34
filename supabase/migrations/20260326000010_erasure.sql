-- Erasure of a person (GDPR, article 17): what says who it was goes, what counts must show stays without a name.

create or replace function mentorcert_private.erase_peer_mentor(peer_mentor_id uuid, with_login boolean default false)
returns text
language plpgsql
set search_path = ''
as $$
declare
  mentor mentorcert.peer_mentors;
  login text := 'kept';
  removed_ids text[];
begin
  perform mentorcert_private.set_change_context('{"kind": "erased", "job": "erasure"}');
  -- Certifications, then the organisation, then the peer mentor: the order in which everybody locks.
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = erase_peer_mentor.peer_mentor_id
  order by certification.id
  for no key update;
  perform 1 from mentorcert.organisations as organisation
  where organisation.id = (
    select asked.organisation_id from mentorcert.peer_mentors as asked where asked.id = erase_peer_mentor.peer_mentor_id
  )
  for share;
  select * into mentor from mentorcert.peer_mentors as candidate
  where candidate.id = erase_peer_mentor.peer_mentor_id and candidate.erased_at is null
  for no key update;
  if not found then
    raise exception using
      errcode = 'MC008', message = 'there is no such peer mentor, or the person is erased already',
      hint = 'Look the id up with mentorcert person export.', constraint = 'peer_mentor_id';
  end if;

  update public.peer_mentor_certifications as certification
  set renewal_history = mentorcert_private.without_remarks(certification.renewal_history)
  where certification.peer_mentor_id = mentor.id;
  update mentorcert.certification_renewal_events as event set entry = event.entry - array['note', 'evidence']
  from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = mentor.id and event.certification_id = certification.id
    and event.entry ?| array['note', 'evidence'];
  -- Nobody certified is left behind whom nobody can name.
  update public.peer_mentor_certifications as certification set status = 'suspended'
  where certification.peer_mentor_id = mentor.id and certification.status = 'active';
  update mentorcert.peer_mentor_chapters as link set ended_at = now()
  where link.peer_mentor_id = mentor.id and link.ended_at is null;
  update mentorcert.peer_mentors as erased
  set
    external_id = 'erased-' || erased.id, full_name = 'erased', display_name = null, email = null, phone = null,
    user_id = null, listing_consent = false, erased_at = now()
  where erased.id = mentor.id;

  with removed as (
    delete from mentorcert.memberships as membership
    where membership.user_id = mentor.user_id and membership.organisation_id = mentor.organisation_id
      and membership.role = 'peer_mentor'
    returning membership.id
  )
  select array_agg(removed.id::text) into removed_ids from removed;
  if mentor.user_id is null then
    login := 'none';
  elsif with_login and not exists (
    select from mentorcert.memberships as membership where membership.user_id = mentor.user_id and membership.ended_at is null
  ) and not exists (
    select from mentorcert.peer_mentors as other where other.user_id = mentor.user_id
  ) then
    delete from auth.users as of where of.id = mentor.user_id;
    login := 'deleted';
  end if;

  update mentorcert.audit_log as entry set before = entry.before - 'user_id', after = entry.after - 'user_id'
  where entry.row_id = mentor.id::text or entry.row_id = any(removed_ids)
    or login = 'deleted' and mentor.user_id::text in (entry.before ->> 'user_id', entry.after ->> 'user_id');
  insert into mentorcert.audit_log (organisation_id, table_name, row_id, action, actor)
  select mentor.organisation_id, 'peer_mentors', mentor.id::text, 'erase',
    -- The one who runs the command, not the job that the setting names for the histories.
    mentorcert_private.actor(mentor.organisation_id, '{}');
  perform mentorcert_private.set_change_context(null);
  return login;
end
$$;
comment on function mentorcert_private.erase_peer_mentor(uuid, boolean) is
  'Removes what says who a peer mentor was: name, contact, login, notes and evidence; takes the person off the public list and suspends what was active. With with_login also the login, if nothing here needs it. Returns what happened to the login: none, kept or deleted.';

revoke execute on function mentorcert_private.erase_peer_mentor from public, anon, authenticated, service_role;
