-- Another time for refreshers, or another thing that it takes after it, says first who is outdated then, and who no more.

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
    'refreshers', (
      select coalesce(jsonb_object_agg(type.code, jsonb_build_array(past.ended_by, type.after_lapse)), '{}')
      from mentorcert_private.outdated_limits(registry_state.organisation_id) as past
      join mentorcert.certification_types as type
        on type.organisation_id = registry_state.organisation_id and type.code = past.certification_type
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
  'What is compared for the consequences: who is listed, who consents, who is in which chapters, who coordinates which, the members'' addresses, the chapters'' contacts and places, the types'' rules, what is outdated of them, which are retired, and which types and chapters are merged.';

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
  -- What ended by the first is outdated, and what ended by the second will be; of a retired type nothing is, which is said of it.
  refreshers as (
    select
      entry.code,
      max((entry.value ->> 0)::timestamptz) filter (where not states.is_after) as ended_by_before,
      max((entry.value ->> 0)::timestamptz) filter (where states.is_after) as ended_by,
      count(distinct entry.value ->> 1) = 2 as takes_another
    from states
    cross join lateral jsonb_each(states.state -> 'refreshers') as entry (code, value)
    where not exists (select from retired where retired.code = entry.code)
    group by entry.code
    having count(*) = 1 or count(distinct entry.value) = 2
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
    select distinct
      case
        when lapse.is_outdated and lapse.was_outdated then 'is_outdated_otherwise'
        when lapse.is_outdated then 'becomes_outdated'
        else 'is_outdated_no_more'
      end,
      certification.peer_mentor_id, null
    from refreshers
    join public.peer_mentor_certifications as certification
      on certification.organisation_id = mentorcert_private.administered_organisation_id()
      and certification.certification_type = refreshers.code
      and certification.status <> 'suspended'
      and certification.expires_at <= greatest(refreshers.ended_by_before, refreshers.ended_by)
    cross join lateral (
      select
        coalesce(certification.expires_at <= refreshers.ended_by_before, false) as was_outdated,
        coalesce(certification.expires_at <= refreshers.ended_by, false) as is_outdated
    ) as lapse
    where lapse.was_outdated <> lapse.is_outdated or lapse.is_outdated and refreshers.takes_another
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

create or replace trigger require_consequences_on_update
before update of
  required_for_listing, validity_rule, validity_months, early_renewal_days, refresher_months, after_lapse, retired_on, merged_into_id
on mentorcert.certification_types
for each row when (
  (
    old.required_for_listing, old.validity_rule, old.validity_months, old.early_renewal_days, old.refresher_months, old.after_lapse,
    old.retired_on, old.merged_into_id
  ) is distinct from (
    new.required_for_listing, new.validity_rule, new.validity_months, new.early_renewal_days, new.refresher_months, new.after_lapse,
    new.retired_on, new.merged_into_id
  )
)
execute function mentorcert_private.require_consequences();
