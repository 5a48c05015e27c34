-- Changes of weight: who leaves or joins the public list, and who loses or gains reach, before any of it is made.
--
-- The registry is compared with itself: its state is noted, the change is made in a savepoint, and the states are compared.
-- So no rule of the list or of reach stands here a second time. A client makes such a change by confirming what it saw.

create or replace function mentorcert_private.registry_state(organisation_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'listed', (
      select coalesce(jsonb_object_agg(listed.peer_mentor_id, listed.display_name), '{}')
      from public.listed_peer_mentors as listed
      where listed.organisation_id = registry_state.organisation_id and listed.listed_until > now()
    ),
    'consenting', (
      select coalesce(jsonb_agg(mentor.id), '[]')
      from mentorcert.peer_mentors as mentor
      where mentor.organisation_id = registry_state.organisation_id and mentor.listing_consent
    ),
    'chapters', (
      select coalesce(jsonb_object_agg(mentor.id, mentor.chapter_ids), '{}')
      from mentorcert.peer_mentors as mentor
      where mentor.organisation_id = registry_state.organisation_id and mentor.erased_at is null
    ),
    'coordinated', (
      select coalesce(jsonb_agg(distinct jsonb_build_array(membership.user_id, below.id)), '[]')
      from mentorcert.memberships as membership
      cross join lateral unnest(mentorcert_private.with_chapters_below(array[membership.chapter_id])) as below (id)
      where
        membership.organisation_id = registry_state.organisation_id
        and membership.role = 'coordinator'
        and (membership.ended_at is null or membership.ended_at > statement_timestamp())
    ),
    'addresses', (select coalesce(jsonb_object_agg(login.user_id, login.email), '{}') from mentorcert_private.member_logins() as login),
    'rules', (
      select coalesce(jsonb_object_agg(type.code, jsonb_build_array(type.validity_rule, type.validity_months, type.early_renewal_days)), '{}')
      from mentorcert.certification_types as type
      where type.organisation_id = registry_state.organisation_id
    ),
    'contacts', (
      select coalesce(
        jsonb_object_agg(
          chapter.id,
          array_remove(array[chapter.contact_email, chapter.contact_phone, chapter.website], null) || chapter.places
        ),
        '{}'
      )
      from mentorcert.chapters as chapter
      where chapter.organisation_id = registry_state.organisation_id
    ),
    'merged', (
      select coalesce(jsonb_agg(chapter.id), '[]') from mentorcert.chapters as chapter
      where chapter.organisation_id = registry_state.organisation_id and chapter.merged_into_id is not null
    ),
    'merged_types', (
      select coalesce(jsonb_object_agg(type.code, target.code), '{}')
      from mentorcert.certification_types as type
      join mentorcert.certification_types as target on target.id = type.merged_into_id
      where type.organisation_id = registry_state.organisation_id
    ),
    'retired', (
      select coalesce(jsonb_agg(type.code), '[]') from mentorcert.certification_types as type
      where type.organisation_id = registry_state.organisation_id and type.retired_on is not null
    )
  )
$$;
comment on function mentorcert_private.registry_state(uuid) is
  'What is compared for the consequences: who is listed, who consents, who is in which chapters, who coordinates which, the members'' addresses, the chapters'' contacts and places, the types'' rules, which are retired, and which types and chapters are merged.';

create or replace function mentorcert_private.note_state()
returns void
language sql
set search_path = ''
as $$
  select set_config(
    'mentorcert.noted_state', mentorcert_private.registry_state(mentorcert_private.require_administered_organisation('administration_right'))::text, true
  )
$$;
comment on function mentorcert_private.note_state() is
  'Notes the state of the caller''s organisation until the transaction ends: before a change whose consequences are asked for. Administrator only.';

create or replace function mentorcert_private.consequences()
returns table (kind text, subjects bigint, names text[], digest text)
language sql
stable
set search_path = ''
as $$
  with states (is_after, state) as materialized (
    values
      (false, current_setting('mentorcert.noted_state')::jsonb),
      (true, mentorcert_private.registry_state(mentorcert_private.administered_organisation_id()))
  ),
  listed as (
    select entry.id, min(entry.name) as name, bool_or(states.is_after) as is_new
    from states
    cross join lateral jsonb_each_text(states.state -> 'listed') as entry (id, name)
    group by entry.id
    having count(*) = 1
  ),
  withdrawn as (
    select entry.id
    from states
    cross join lateral jsonb_array_elements_text(states.state -> 'consenting') as entry (id)
    group by entry.id
    having not bool_or(states.is_after)
  ),
  coordinated as materialized (
    select states.is_after, pair.value ->> 0 as user_id, pair.value ->> 1 as chapter_id
    from states
    cross join lateral jsonb_array_elements(states.state -> 'coordinated') as pair
  ),
  moved_chapters (ids) as materialized (
    select array(
      select coordinated.chapter_id from coordinated group by coordinated.user_id, coordinated.chapter_id having count(*) = 1
    )
  ),
  placed as materialized (
    select states.is_after, mentor.key as id, mentor.value as chapter_ids
    from states
    cross join lateral jsonb_each(states.state -> 'chapters') as mentor
  ),
  -- Most changes leave the reach of most peer mentors as it is: of those nothing is worked out.
  placed_anew as materialized (
    select placed.id
    from placed
    cross join moved_chapters
    group by placed.id
    having count(distinct placed.chapter_ids) > 1 or bool_or(placed.chapter_ids ?| moved_chapters.ids)
  ),
  chapters_of as materialized (
    select placed.is_after, placed.id, chapter.id as chapter_id
    from placed
    join placed_anew on placed_anew.id = placed.id
    cross join lateral jsonb_array_elements_text(placed.chapter_ids) as chapter (id)
  ),
  reached as materialized (
    select distinct chapters_of.is_after, coordinated.user_id, chapters_of.id
    from chapters_of
    join coordinated on coordinated.is_after = chapters_of.is_after and coordinated.chapter_id = chapters_of.chapter_id
  ),
  reach as (
    select reached.user_id, reached.id, bool_or(reached.is_after) as is_new
    from reached
    group by reached.user_id, reached.id
    having count(*) = 1
  ),
  rules as (
    select rule.key as code
    from states
    cross join lateral jsonb_each(states.state -> 'rules') as rule
    group by rule.key
    having count(distinct rule.value) = 2
  ),
  retired as (
    select type.code, bool_or(states.is_after) as is_new
    from states
    cross join lateral jsonb_array_elements_text(states.state -> 'retired') as type (code)
    group by type.code
    having count(*) = 1
  ),
  contacts as (
    select entry.chapter_id, fact.value as fact, min(fact.position) as position, bool_or(states.is_after) as is_new
    from states
    cross join lateral jsonb_each(states.state -> 'contacts') as entry (chapter_id, facts)
    cross join lateral jsonb_array_elements_text(entry.facts) with ordinality as fact (value, position)
    group by entry.chapter_id, fact.value
    having count(distinct states.is_after) = 1
  ),
  merged_types as (
    select
      (array[merge.code, merge.target])[case when bool_or(states.is_after) then 1 else 2 end] as from_code,
      (array[merge.code, merge.target])[case when bool_or(states.is_after) then 2 else 1 end] as to_code
    from states
    cross join lateral jsonb_each_text(states.state -> 'merged_types') as merge (code, target)
    group by merge.code, merge.target
    having count(*) = 1
  ),
  merged as (
    select from states group by states.state -> 'merged' having count(*) = 1
  ),
  affected_mentors (kind, id, listed_name) as (
    select 'changes_chapter', placed.id::uuid, null from placed
    where exists (select from merged)
    group by placed.id
    having count(distinct placed.chapter_ids) > 1
    union all
    select 'changes_type', certification.peer_mentor_id, null
    from merged_types
    join public.peer_mentor_certifications as certification
      on certification.organisation_id = mentorcert_private.administered_organisation_id()
      and certification.certification_type = merged_types.to_code
      and certification.renewal_history #>> '{-1,before,certification_type}' = merged_types.from_code
    union all
    select case when listed.is_new then 'joins_list' else 'leaves_list' end, listed.id::uuid, listed.name from listed
    union all
    select 'withdraws_consent', withdrawn.id::uuid, null from withdrawn
    union all
    select 'loses_last_coordinator', reached.id::uuid, null from reached group by reached.id having not bool_or(reached.is_after)
    union all
    select distinct 'renews_by_other_rule', certification.peer_mentor_id, null
    from rules
    join public.peer_mentor_certifications as certification
      on certification.organisation_id = mentorcert_private.administered_organisation_id()
      and certification.certification_type = rules.code
      and certification.status <> 'expired'
    union all
    select distinct case when retired.is_new then 'is_not_renewed' else 'is_renewed_again' end, certification.peer_mentor_id, null
    from retired
    join public.peer_mentor_certifications as certification
      on certification.organisation_id = mentorcert_private.administered_organisation_id()
      and certification.certification_type = retired.code
      and certification.status <> 'expired'
  ),
  affected (kind, id, name, amount) as (
    -- Who was merged into another row is in no reach any more, and has the name of the list.
    select
      affected_mentors.kind, affected_mentors.id,
      coalesce(mentor.full_name || ' (' || mentor.external_id || ')', affected_mentors.listed_name), 1
    from affected_mentors
    left join mentorcert.peer_mentors as mentor on mentor.id = affected_mentors.id
    where mentor.id is not null or affected_mentors.listed_name is not null
    union all
    select 'loses_last_coordinator_of_chapter', chapter.id, chapter.name, 1
    from (
      select coordinated.chapter_id::uuid as id from coordinated
      group by coordinated.chapter_id
      having not bool_or(coordinated.is_after)
    ) as left_alone
    join mentorcert.chapters as chapter on chapter.id = left_alone.id
    union all
    select
      case when contacts.is_new then 'gains_contact' else 'loses_contact' end, chapter.id,
      format('%s: %s', chapter.name, string_agg(contacts.fact, ', ' order by contacts.position, contacts.fact)), count(*)
    from contacts
    join mentorcert.chapters as chapter on chapter.id = contacts.chapter_id::uuid
    group by chapter.id, chapter.name, contacts.is_new
    union all
    -- Who has lost the last membership is a member no more, and has no address then: so the noted one.
    select
      case when changed.is_new then 'gains_reach' else 'loses_reach' end, changed.user_id::uuid,
      format(
        '%s (%s)',
        coalesce((select former.state -> 'addresses' ->> changed.user_id from states as former where not former.is_after), '–'),
        changed.mentors
      ),
      changed.mentors
    from (
      select reach.user_id, reach.is_new, count(*) as mentors from reach group by reach.user_id, reach.is_new
    ) as changed
  )
  select
    affected.kind, count(*), (array_agg(affected.name order by affected.name, affected.id))[:50],
    md5(string_agg(affected.id || ' ' || affected.amount, ',' order by affected.id))
  from affected
  group by affected.kind
  order by affected.kind
$$;
comment on function mentorcert_private.consequences() is
  'What has come of the changes since mentorcert_private.note_state, by kind: how many, the first fifty by name, and a digest that is another one for others. Of coordinators, the number behind the address says how many peer mentors.';

-- A change of weight without its consequences first is refused to every client, whichever way it comes.

create or replace function mentorcert_private.require_consequences()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if mentorcert_private.acting_user() is not null and coalesce(current_setting('mentorcert.noted_state', true), '') = '' then
    -- PostgREST answers with HTTP 428, Precondition Required.
    raise exception using
      errcode = 'PT428', message = format('this change of %s is made with its consequences seen', tg_table_name),
      hint = 'Ask preview_consequences, and confirm_consequences with the fingerprint of its answer.',
      schema = tg_table_schema, table = tg_table_name, constraint = 'consequences_seen';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.require_consequences() is
  'Refuses (PT428) to a client a change whose consequences were not asked for in its transaction; the owner may.';

create or replace trigger require_consequences_on_insert
before insert on mentorcert.certification_types
for each row when (new.required_for_listing) execute function mentorcert_private.require_consequences();

create or replace trigger require_consequences_on_update
before update of required_for_listing, validity_rule, validity_months, early_renewal_days, retired_on, merged_into_id
on mentorcert.certification_types
for each row when (
  (old.required_for_listing, old.validity_rule, old.validity_months, old.early_renewal_days, old.retired_on, old.merged_into_id)
  is distinct from (
    new.required_for_listing, new.validity_rule, new.validity_months, new.early_renewal_days, new.retired_on, new.merged_into_id
  )
)
execute function mentorcert_private.require_consequences();

create or replace trigger require_consequences_on_update
before update of parent_id, retired_on, merged_into_id on mentorcert.chapters
for each row when (
  (old.parent_id, old.retired_on, old.merged_into_id) is distinct from (new.parent_id, new.retired_on, new.merged_into_id)
)
execute function mentorcert_private.require_consequences();

-- The changes that clients preview and confirm

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
      type := jsonb_populate_record(null::mentorcert.certification_types, '{"required_for_listing": false, "reminder_days": [90, 30, 7]}' || new_values);
      insert into mentorcert.certification_types
        (code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days)
      values (
        type.code, type.name_nb, type.name_en, type.validity_rule, type.validity_months, type.required_for_listing, type.reminder_days,
        type.early_renewal_days
      );
    when 'change_type' then
      select former.* into type from mentorcert.certification_types as former where former.id = subject;
      type := jsonb_populate_record(type, new_values);
      update mentorcert.certification_types as changed
      set
        name_nb = type.name_nb, name_en = type.name_en, validity_rule = type.validity_rule, validity_months = type.validity_months,
        required_for_listing = type.required_for_listing, reminder_days = type.reminder_days,
        early_renewal_days = type.early_renewal_days, retired_on = type.retired_on, retired_reason = type.retired_reason,
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

create or replace function mentorcert_private.undo_change(entry_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  entry mentorcert.audit_log;
begin
  select undone.* into entry from mentorcert.audit_log as undone
  where undone.id = entry_id and undone.action = 'update' and undone.table_name in ('certification_types', 'chapters');
  if not found then
    perform mentorcert_private.raise_forbidden('there is no such change of a type or chapter');
  end if;
  if exists (
    select from jsonb_each(entry.after) as written
    where written.value is distinct from coalesce(
      (select to_jsonb(type) from mentorcert.certification_types as type where type.id = entry.row_id::uuid),
      (select to_jsonb(chapter) from mentorcert.chapters as chapter where chapter.id = entry.row_id::uuid)
    ) -> written.key
  ) then
    raise exception using
      errcode = 'MC006', message = 'this was changed again since', constraint = 'consequences_undoable',
      hint = 'Nothing was undone. Undo the later change first.';
  end if;
  if entry.after ? 'merged_into_id' and entry.before -> 'merged_into_id' = 'null' then
    case entry.table_name
      when 'chapters' then perform mentorcert_private.undo_merge_of_chapter(entry.row_id::uuid);
      else perform mentorcert_private.undo_merge_of_type(entry.row_id::uuid);
    end case;
    return;
  end if;
  perform mentorcert_private.apply_change(
    case entry.table_name when 'chapters' then 'change_chapter' else 'change_type' end, entry.row_id::uuid, entry.before
  );
end
$$;
comment on function mentorcert_private.undo_change(uuid) is
  'Gives a type or chapter the values that it had before a change in the audit log, unless one of them was changed since (MC006).';

create or replace function mentorcert_private.change_and_compare(change text, subject uuid, new_values jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  former constant jsonb := coalesce(
    (select to_jsonb(type) from mentorcert.certification_types as type where type.id = subject),
    (select to_jsonb(chapter) from mentorcert.chapters as chapter where chapter.id = subject)
  );
  is_later constant boolean := change in ('end_membership', 'leave_chapter') and new_values ? 'ended_at';
  details jsonb;
  found jsonb;
begin
  -- Of an end that lies ahead: what it would do now; then it is given its instant.
  begin
    perform mentorcert_private.note_state();
    details := mentorcert_private.apply_change(change, subject, case when is_later then '{}' else new_values end);
    select coalesce(jsonb_agg(to_jsonb(consequence)), '[]') into found from mentorcert_private.consequences() as consequence;
    if is_later then
      raise exception sqlstate 'MCUND';
    end if;
  exception when sqlstate 'MCUND' then
    null; -- undone to the savepoint above
  end;
  if is_later then
    perform mentorcert_private.apply_change(change, subject, new_values);
  end if;
  perform set_config('mentorcert.noted_state', '', true);
  return jsonb_build_object(
    'consequences', (select coalesce(jsonb_agg(each - 'digest'), '[]') from jsonb_array_elements(found) as each),
    'fingerprint', encode(sha256(convert_to(jsonb_build_array(change, subject, new_values, former, found, details)::text, 'utf8')), 'hex')
  ) || case when details is null then '{}' else jsonb_build_object('details', details) end;
end
$$;
comment on function mentorcert_private.change_and_compare(text, uuid, jsonb) is
  'Makes a change and returns its consequences, with a fingerprint of both and of the row that was changed. Those of an end that lies ahead are what it would do now.';

create or replace function public.preview_consequences(change text, subject uuid default null, new_values jsonb default '{}')
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  found jsonb;
begin
  begin
    found := mentorcert_private.change_and_compare(change, subject, new_values);
    raise exception sqlstate 'MCUND';
  exception when sqlstate 'MCUND' then -- undone to the savepoint above
    return found;
  end;
end
$$;
comment on function public.preview_consequences(text, uuid, jsonb) is
  'What a change would do: {consequences: [{kind, subjects, names}], fingerprint}; changes nothing. change is add_type, change_type, change_chapter (with new_values), merge_type, merge_chapter (with into and reason), end_membership, leave_chapter (now, or at the ended_at of new_values), withdraw_consents (with new_values {peer_mentor_ids, reason}), undo of an entry of the audit log, merge_peer_mentors of the absorbed one (in new_values, with a reason) into the subject, or undo_merge. Administrator only.';

create or replace function public.confirm_consequences(
  change text, fingerprint text, subject uuid default null, new_values jsonb default '{}'
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  found constant jsonb := mentorcert_private.change_and_compare(change, subject, new_values);
begin
  if found ->> 'fingerprint' is distinct from fingerprint then
    -- PostgREST answers with HTTP 409.
    raise exception using
      errcode = 'PT409', message = 'the consequences are other ones than those that were shown', constraint = 'consequences_as_shown',
      hint = 'Nothing was changed. Ask preview_consequences again.';
  end if;
  return found;
end
$$;
comment on function public.confirm_consequences(text, text, uuid, jsonb) is
  'Makes the change of a preview_consequences, if it would still do what the fingerprint stands for; PT409 otherwise.';

revoke execute on function
  mentorcert_private.registry_state, mentorcert_private.note_state, mentorcert_private.consequences, mentorcert_private.require_consequences, mentorcert_private.apply_change,
  mentorcert_private.undo_change, mentorcert_private.change_and_compare, public.preview_consequences, public.confirm_consequences
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.registry_state, mentorcert_private.note_state, mentorcert_private.consequences, mentorcert_private.apply_change, mentorcert_private.undo_change,
  mentorcert_private.change_and_compare, public.preview_consequences, public.confirm_consequences
to authenticated;
