-- Merges of types and of people, and the changes of types that are previewed, with the limit of a refresher.

-- Merging says again what was said of one person.

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

  perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch, 'is_merge', true));
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

create or replace function mentorcert_private.merge_certifications(kept_id uuid, absorbed_id uuid, reason text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  pair record;
  entry_id text;
  moved uuid[] := array[]::uuid[];
  entries jsonb := '[]'::jsonb;
  outcomes jsonb := '[]'::jsonb;
begin
  for pair in
    select absorbed as absorbed, kept as kept, kept.id is null as is_only
    from public.peer_mentor_certifications as absorbed
    left join public.peer_mentor_certifications as kept
      on kept.peer_mentor_id = merge_certifications.kept_id and kept.certification_type = absorbed.certification_type
    where absorbed.peer_mentor_id = merge_certifications.absorbed_id
    order by absorbed.certification_type collate "C"
  loop
    outcomes := outcomes || jsonb_build_object(
      'absorbed', mentorcert_private.state(pair.absorbed), 'kept', case when not pair.is_only then mentorcert_private.state(pair.kept) end,
      'moves', pair.is_only,
      'extends', not pair.is_only and coalesce((pair.absorbed).expires_at, 'infinity') > coalesce((pair.kept).expires_at, 'infinity'),
      'suspends', not pair.is_only and (pair.absorbed).status = 'suspended' and (pair.kept).status <> 'suspended'
    );
    if (outcomes -> -1 -> 'moves')::boolean then
      moved := moved || (pair.absorbed).id;
    end if;
    if (outcomes -> -1 -> 'extends')::boolean then
      perform mentorcert_private.set_change_context(jsonb_build_object('note', reason, 'is_merge', true));
      update public.peer_mentor_certifications as held
      set issued_at = (pair.absorbed).issued_at, expires_at = (pair.absorbed).expires_at
      where held.id = (pair.kept).id
      returning held.renewal_history #>> '{-1,entry_id}' into entry_id;
      entries := jsonb_build_array(jsonb_build_array((pair.kept).id, entry_id)) || entries;
    end if;
    if (outcomes -> -1 -> 'suspends')::boolean then
      perform mentorcert_private.set_change_context(jsonb_build_object('note', reason));
      update public.peer_mentor_certifications as held set status = 'suspended'
      where held.id = (pair.kept).id
      returning held.renewal_history #>> '{-1,entry_id}' into entry_id;
      entries := jsonb_build_array(jsonb_build_array((pair.kept).id, entry_id)) || entries;
    end if;
  end loop;
  perform mentorcert_private.set_change_context(null);
  update public.peer_mentor_certifications as certification
  set
    peer_mentor_id = merge_certifications.kept_id,
    chapter_ids = mentorcert_private.current_chapter_ids(merge_certifications.kept_id)
  where certification.id = any(moved);
  return jsonb_build_object('moved_certifications', moved, 'entries', entries, 'outcomes', outcomes);
end
$$;
comment on function mentorcert_private.merge_certifications(uuid, uuid, text) is
  'Brings the certifications of the absorbed peer mentor under the kept one; of a type that both hold, the later end and a suspension of either. Returns what an undoing needs, and the outcomes.';

-- The changes of types that are previewed

create or replace function mentorcert_private.apply_change(change text, subject uuid, new_values jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  type mentorcert.certification_types;
  chapter mentorcert.chapters;
  details jsonb;
begin
  case change
    when 'add_type' then
      type := jsonb_populate_record(null::mentorcert.certification_types, '{"required_for_listing": false, "reminder_days": [90, 30, 7], "after_lapse": "course"}' || new_values);
      insert into mentorcert.certification_types
        (
          code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days, refresher_months,
          after_lapse
        )
      values (
        type.code, type.name_nb, type.name_en, type.validity_rule, type.validity_months, type.required_for_listing, type.reminder_days,
        type.early_renewal_days, type.refresher_months, type.after_lapse
      );
    when 'change_type' then
      select former.* into type from mentorcert.certification_types as former where former.id = subject;
      type := jsonb_populate_record(type, new_values);
      update mentorcert.certification_types as changed
      set
        name_nb = type.name_nb, name_en = type.name_en, validity_rule = type.validity_rule, validity_months = type.validity_months,
        required_for_listing = type.required_for_listing, reminder_days = type.reminder_days,
        early_renewal_days = type.early_renewal_days, refresher_months = type.refresher_months, after_lapse = type.after_lapse,
        retired_on = type.retired_on, retired_reason = type.retired_reason,
        merged_into_id = case when type.retired_on is not null then type.merged_into_id end
      where changed.id = subject;
    when 'change_chapter' then
      select former.* into chapter from mentorcert.chapters as former where former.id = subject;
      chapter := jsonb_populate_record(chapter, new_values);
      update mentorcert.chapters as changed
      set
        parent_id = chapter.parent_id, code = chapter.code, name = chapter.name, retired_on = chapter.retired_on,
        retired_reason = chapter.retired_reason,
        merged_into_id = case when chapter.retired_on is not null then chapter.merged_into_id end
      where changed.id = subject;
    when 'merge_type' then
      perform mentorcert_private.merge_type(subject, (new_values ->> 'into')::uuid, new_values ->> 'reason');
    when 'merge_chapter' then
      perform mentorcert_private.merge_chapter(subject, (new_values ->> 'into')::uuid, new_values ->> 'reason');
    when 'end_membership' then
      update mentorcert.memberships as membership set ended_at = coalesce((new_values ->> 'ended_at')::timestamptz, now())
      where membership.id = subject and (membership.ended_at is null or membership.ended_at > statement_timestamp());
    when 'leave_chapter' then
      update mentorcert.peer_mentor_chapters as link set ended_at = coalesce((new_values ->> 'ended_at')::timestamptz, now())
      where link.id = subject and (link.ended_at is null or link.ended_at > statement_timestamp());
    when 'withdraw_consents' then
      perform mentorcert_private.withdraw_consents(
        array(select jsonb_array_elements_text(new_values -> 'peer_mentor_ids'))::uuid[], new_values ->> 'reason'
      );
    when 'undo' then
      perform mentorcert_private.undo_change(subject);
    when 'merge_peer_mentors' then
      select mentorcert_private.merge_peer_mentors(subject, (new_values ->> 'absorbed')::uuid, new_values) into details;
    when 'undo_merge' then
      select mentorcert_private.undo_merge(subject) into details;
    else
      raise exception using
        errcode = 'MC008', message = format('%L is no change that has consequences', change), constraint = 'change',
        hint = 'Give add_type, change_type, merge_type, change_chapter, merge_chapter, end_membership, leave_chapter, withdraw_consents, undo, merge_peer_mentors or undo_merge.';
  end case;
  if not found then
    perform mentorcert_private.raise_forbidden('the row does not exist, or the caller may not change it');
  end if;
  return details;
end
$$;
comment on function mentorcert_private.apply_change(text, uuid, jsonb) is
  'Makes one of the changes of preview_consequences, with the rights of its caller; returns what a merge says of itself, else null.';
