-- Addresses of peer mentors that take no mail: the mail server refused the latest one for good.

create table if not exists mentorcert_private.refused_addresses (
  peer_mentor_id uuid not null,
  organisation_id uuid not null,
  refused_at timestamptz not null default clock_timestamp(),
  constraint refused_addresses_pkey primary key (peer_mentor_id),
  constraint refused_addresses_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id)
);
alter table mentorcert_private.refused_addresses enable row level security;
revoke all on mentorcert_private.refused_addresses from public, anon, authenticated, service_role;
comment on table mentorcert_private.refused_addresses is
  'Peer mentors whose address the mail server refused, until a mail goes out to them or the address is changed.';

create or replace function mentorcert_private.forget_refused_address()
returns trigger
language plpgsql
security definer -- the refusals are no client's to write
set search_path = ''
as $$
begin
  delete from mentorcert_private.refused_addresses as refused where refused.peer_mentor_id = new.id;
  return null;
end
$$;
comment on function mentorcert_private.forget_refused_address() is 'Of another address nothing is known yet, and of the erased nothing any more.';

create or replace trigger forget_refused_address
after update of email on mentorcert.peer_mentors
for each row when (new.email is distinct from old.email)
execute function mentorcert_private.forget_refused_address();

create or replace function mentorcert_private.address_fault(email text, peer_mentor_id uuid)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return case
    when address_fault.email is null then 'no_address'
    when not mentorcert_private.is_address(address_fault.email) then 'unusable'
    -- A mail server that was set up wrongly refuses everybody: after a month it is tried again.
    when exists (
      select from mentorcert_private.refused_addresses as refused
      where refused.peer_mentor_id = address_fault.peer_mentor_id and refused.refused_at > now() - interval '30 days'
    ) then 'refused'
  end;
end
$$;
comment on function mentorcert_private.address_fault(text, uuid) is
  'Why no mail reaches a peer mentor: no_address, unusable, refused; null where nothing is known to be in the way.';

revoke execute on function mentorcert_private.forget_refused_address, mentorcert_private.address_fault
from public, anon, authenticated, service_role;
