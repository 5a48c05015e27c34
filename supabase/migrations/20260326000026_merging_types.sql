-- One certification type is merged into another: what is held of it becomes the other type, in one transaction, and can be again what it was.

create table if not exists mentorcert_private.type_merges (
  type_id uuid not null,
  organisation_id uuid not null,
  batch_id uuid not null,
  certification_ids uuid[] not null,
  merged_at timestamptz not null default now(),
  constraint type_merges_pkey primary key (type_id),
  constraint type_merges_type_id_fkey foreign key (organisation_id, type_id)
    references mentorcert.certification_types (organisation_id, id)
);
alter table mentorcert_private.type_merges enable row level security;
revoke all on mentorcert_private.type_merges from public, anon, authenticated, service_role;
comment on table mentorcert_private.type_merges is 'What the merge of a type changed, for as long as it can be undone.';
comment on column mentorcert_private.type_merges.batch_id is 'As in the histories'' entries.';

create or replace function mentorcert_private.merge_type(merged_id uuid, into_id uuid, reason text)
returns void
language plpgsql
security definer -- keeps what was changed in a table that is no client's; the caller is an administrator of both types
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  batch constant uuid := gen_random_uuid();
  merged mentorcert.certification_types;
  target mentorcert.certification_types;
  changed uuid[];
begin
  perform mentorcert_private.require_certifications();
  select type.* into merged from mentorcert.certification_types as type
  where type.id = merge_type.merged_id and type.organisation_id = organisation and type.retired_on is null;
  select type.* into target from mentorcert.certification_types as type
  where type.id = merge_type.into_id and type.organisation_id = organisation and type.retired_on is null;
  if merged.id is null or target.id is null or merged.id = target.id then
    raise exception using
      errcode = 'MC008', message = 'a type is merged into another one of the organisation, and neither is retired',
      hint = 'Choose a type that is in use.', constraint = 'merged_into_id';
  end if;
  perform 1 from public.peer_mentor_certifications as certification
  where certification.organisation_id = organisation and certification.certification_type in (merged.code, target.code)
  order by certification.id -- everybody locks in this order, so nobody waits in a circle
  for no key update;
  perform 1 from mentorcert.certification_types as type
  where type.id in (merged.id, target.id) order by type.id for no key update;

  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch));
  with held as (
    select certification.id, certification.issued_at, certification.expires_at, other.id as other_id, other.expires_at as other_expires_at
    from public.peer_mentor_certifications as certification
    join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    left join public.peer_mentor_certifications as other
      on other.organisation_id = organisation and other.peer_mentor_id = certification.peer_mentor_id
      and other.certification_type = target.code
    where
      certification.organisation_id = organisation and certification.certification_type = merged.code
      and mentor.erased_at is null and mentor.merged_into is null
  ),
  updated as (
    update public.peer_mentor_certifications as certification
    set certification_type = target.code, issued_at = held.issued_at, expires_at = held.expires_at
    from held
    where certification.id = coalesce(held.other_id, held.id)
      -- Of who holds both, the later end holds, and the one of the merged type stays as it is.
      and (held.other_id is null or coalesce(held.expires_at, 'infinity') > coalesce(held.other_expires_at, 'infinity'))
    returning certification.id
  )
  select coalesce(array_agg(updated.id), '{}') into changed from updated;
  perform mentorcert_private.set_change_context(null);

  insert into mentorcert_private.type_merges (type_id, organisation_id, batch_id, certification_ids)
  values (merged.id, organisation, batch, changed)
  on conflict (type_id) do update set
    batch_id = excluded.batch_id, certification_ids = excluded.certification_ids, merged_at = now();
  update mentorcert.certification_types as type
  set
    retired_on = mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation)),
    retired_reason = reason, merged_into_id = target.id
  where type.id = merged.id;
end
$$;
comment on function mentorcert_private.merge_type(uuid, uuid, text) is
  'Makes certifications of one type those of another, by an entry of their histories, and retires the type; who holds both keeps both, the other one to the later end. Administrator only.';

create or replace function mentorcert_private.undo_merge_of_type(merged_id uuid)
returns void
language plpgsql
security definer -- reads what was changed from a table that is no client's; the caller is an administrator of the type
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  merge mentorcert_private.type_merges;
  type mentorcert.certification_types;
  undone integer;
begin
  perform mentorcert_private.require_certifications();
  select noted.* into merge from mentorcert_private.type_merges as noted
  where noted.type_id = undo_merge_of_type.merged_id and noted.organisation_id = organisation;
  perform 1 from public.peer_mentor_certifications as certification
  where certification.id = any(merge.certification_ids)
  order by certification.id
  for no key update;
  select merged.* into type from mentorcert.certification_types as merged where merged.id = merge.type_id for no key update;

  perform mentorcert_private.set_change_context(
    jsonb_build_object('kind', 'reverted', 'reverts_batch', merge.batch_id, 'note', type.retired_reason)
  );
  with members as materialized (
    select member, mentorcert_private.latest_change(member.id) as entry
    from public.peer_mentor_certifications as member
    where member.id = any(merge.certification_ids)
  ),
  formers as (
    select (mentorcert_private.state_before(members.member, members.entry)).*
    from members
    where
      members.entry ->> 'batch_id' = merge.batch_id::text
      -- Of who has the merged type again, registered as of a day before the merge, nothing can become it.
      and not (members.entry -> 'before' ? 'certification_type' and exists (
        select from public.peer_mentor_certifications as other
        where
          other.organisation_id = organisation and other.peer_mentor_id = (members.member).peer_mentor_id
          and other.certification_type = type.code
      ))
  )
  update public.peer_mentor_certifications as certification
  set
    certification_type = former.certification_type, issued_at = former.issued_at, expires_at = former.expires_at,
    status = former.status
  from formers as former
  where certification.id = former.id;
  get diagnostics undone = row_count;
  perform mentorcert_private.set_change_context(null);
  if type.merged_into_id is null or undone <> cardinality(merge.certification_ids) then
    raise exception using
      errcode = 'MC006', message = 'something that the merge changed was changed since', constraint = 'consequences_undoable',
      hint = 'Nothing was undone. Take the type into use again, and correct the certifications that belong to it.';
  end if;
  update mentorcert.certification_types as merged
  set retired_on = null, retired_reason = null, merged_into_id = null
  where merged.id = merge.type_id;
  delete from mentorcert_private.type_merges as noted where noted.type_id = merge.type_id;
end
$$;
comment on function mentorcert_private.undo_merge_of_type(uuid) is
  'Makes every certification again what it was before the merge of a type, unless one was changed since (MC006). Administrator only.';

revoke execute on function mentorcert_private.merge_type, mentorcert_private.undo_merge_of_type
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.merge_type, mentorcert_private.undo_merge_of_type to authenticated;
