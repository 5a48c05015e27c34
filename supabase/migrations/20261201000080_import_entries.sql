-- An import writes the entries of its thousands of new certifications itself, as the nightly run and the changes of many do.

create or replace function mentorcert_private.register_imported(
  organisation uuid, mentor_ids uuid[], types text[], issues date[], ends date[]
)
returns integer
language plpgsql
security definer -- writes histories and chapters, as no task may; of an organisation for which one is being done
set search_path = ''
as $$
declare
  context constant mentorcert_private.callers := mentorcert_private.change_context(begins => true);
  time_zone constant text := mentorcert_private.time_zone_of(organisation);
  seed constant bytea := uuid_send(gen_random_uuid());
  said jsonb;
  registered integer;
begin
  perform mentorcert_private.require_running_task(organisation);
  if context.user_id is not null or context.change ->> 'kind' is distinct from 'imported' or context.change ? 'as_of'
    or not context.has_valid_remarks
  then
    return 0;
  end if;
  perform 1 from mentorcert.peer_mentors as mentor
  where mentor.id in (select unnest(mentor_ids))
  order by mentor.id
  for no key update; -- so that a chapter entered meanwhile is not missed
  if exists (
    select from (select distinct unnest(mentor_ids) as id) as person
    left join mentorcert.peer_mentors as mentor
      on mentor.id = person.id and mentor.organisation_id = organisation and mentor.erased_at is null and mentor.merged_into is null
    where mentor.id is null
  ) or exists (
    select from (select distinct unnest(types) as code) as named
    left join mentorcert.certification_types as type
      on type.organisation_id = organisation and type.code = named.code and type.retired_on is null
    where type.id is null
  ) or exists (
    select from (
      select distinct * from unnest(issues, ends) as period (issued, last_day)
      offset 0 -- the rule is asked of the distinct ones, not of each
    ) as period
    where mentorcert_private.violated_date_rule(
      mentorcert_private.day_starts(period.issued, time_zone),
      case when isfinite(period.last_day) then mentorcert_private.day_starts(period.last_day + 1, time_zone) end, time_zone, now()
    ) is not null
  ) then
    return 0;
  end if;
  said := context.entry || jsonb_build_object(
    'kind', 'imported', 'actor', context.actor, 'before', null, 'recorded_at', clock_timestamp()
  );
  perform set_config('mentorcert.entry', said::text, true);
  with outcomes as materialized (
    select
      period.type, period.issued, period.last_day, days.issued_at, days.expires_at,
      -- All of the entry but its id, of which each row adds its own.
      '[' || left((
        said || jsonb_build_object(
          'effective_at', days.issued_at,
          'after', jsonb_build_object(
            'certification_type', period.type, 'status', 'active', 'issued_at', days.issued_at, 'expires_at', days.expires_at
          )
        )
      )::text, -1) || ', "entry_id": "' as entry
    from (select distinct * from unnest(types, issues, ends) as stated (type, issued, last_day)) as period
    cross join lateral (
      select
        mentorcert_private.day_starts(period.issued, time_zone) as issued_at,
        case when isfinite(period.last_day) then mentorcert_private.day_starts(period.last_day + 1, time_zone) end as expires_at
      offset 0
    ) as days
  ),
  people as materialized (
    select link.peer_mentor_id, array_agg(link.chapter_id order by link.chapter_id) as chapter_ids
    from mentorcert.peer_mentor_chapters as link
    where
      link.peer_mentor_id in (select unnest(mentor_ids)) and (link.ended_at is null or link.ended_at > statement_timestamp())
    group by link.peer_mentor_id
  )
  insert into public.peer_mentor_certifications (
    organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, status, chapter_ids, renewal_history
  )
  select
    organisation, stated.mentor_id, stated.type, outcomes.issued_at, outcomes.expires_at, 'active', coalesce(people.chapter_ids, '{}'),
    (
      outcomes.entry || encode(substr(sha256(seed || uuid_send(stated.mentor_id) || convert_to(stated.type, 'UTF8')), 1, 16), 'hex')::uuid || '"}]'
    )::jsonb
  from unnest(mentor_ids, types, issues, ends) as stated (mentor_id, type, issued, last_day)
  join outcomes on outcomes.type = stated.type and outcomes.issued = stated.issued and outcomes.last_day = stated.last_day
  left join people on people.peer_mentor_id = stated.mentor_id;
  get diagnostics registered = row_count;
  perform set_config('mentorcert.entry', '', true);
  return registered;
end
$$;
comment on function mentorcert_private.register_imported(uuid, uuid[], text[], date[], date[]) is
  'Registers what an import brings: of a peer mentor, a certification of a type, from a day to its last valid one (infinity: without end). Each with its history entry, in one statement, as record_change would write it; returns how many. None where anything is wrong or special: then all is left to that trigger, which says what.';

-- What register_imported brings along, and nothing else: an entry as mentorcert.entry and the row itself have it. Only who owns
-- these tables may: a task and the service key write the past of a certification, too, but whose it is and what may be issued
-- is asked of their rows by the trigger.
create or replace trigger record_change_on_insert
before insert on public.peer_mentor_certifications
for each row when (
  not coalesce(
    new.status = 'active'
    and has_table_privilege('mentorcert_private.callers'::regclass, 'insert')
    and new.renewal_history = jsonb_build_array(nullif(current_setting('mentorcert.entry', true), '')::jsonb || jsonb_build_object(
      'entry_id', new.renewal_history #> '{0,entry_id}',
      'effective_at', new.issued_at,
      'after', jsonb_build_object(
        'certification_type', new.certification_type, 'status', new.status, 'issued_at', new.issued_at, 'expires_at', new.expires_at
      )
    ))
    and new.renewal_history #>> '{0,kind}' = 'imported'
    and (new.renewal_history #>> '{0,entry_id}')::uuid::text = new.renewal_history #>> '{0,entry_id}'
    and (new.renewal_history #>> '{0,recorded_at}')::timestamptz between now() and clock_timestamp(),
    false
  )
)
execute function mentorcert_private.record_change();

revoke execute on function mentorcert_private.register_imported from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.register_imported to mentorcert_tasks;
