-- Feeds the registry from the project's tables, and refuses changes of what is fed.

create table mentorcert_hierarchy.failures (
  step text not null,
  key uuid not null,
  noted_at timestamptz not null default now(),
  reason text not null,
  constraint failures_pkey primary key (step, key)
);
alter table mentorcert_hierarchy.failures enable row level security;
comment on table mentorcert_hierarchy.failures is
  'What the registry refused when it was fed, and why. A row goes when it is fed, or no difference any more.';

create function mentorcert_hierarchy.feed_step(step text, only_key uuid default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
  case step
    when 'organisations' then
      insert into mentorcert.organisations (id, slug, name, time_zone)
      select d.id, d.slug, d.name, d.time_zone from mentorcert_hierarchy.differing_organisations as d
      where d.action = 'add' and (only_key is null or d.id = only_key);
      update mentorcert.organisations as organisation set name = d.name
      from mentorcert_hierarchy.differing_organisations as d
      where d.id = organisation.id and d.action = 'change' and (only_key is null or d.id = only_key);
    when 'chapters' then
      -- Parents afterwards, when all chapters are there.
      insert into mentorcert.chapters (id, organisation_id, code, name)
      select d.id, d.organisation_id, d.code, d.name from mentorcert_hierarchy.differing_chapters as d
      where d.action = 'add' and (only_key is null or d.id = only_key);
      update mentorcert.chapters as chapter
      set
        -- An organisation that is another one is refused by the registry, and noted.
        organisation_id = d.organisation_id, code = d.code, name = d.name, parent_id = d.parent_id,
        retired_on = null, retired_reason = null, merged_into_id = null
      from mentorcert_hierarchy.differing_chapters as d
      where d.id = chapter.id and d.action = 'change' and (only_key is null or d.id = only_key);
    when 'left_peer_mentors' then
      update mentorcert.peer_mentors as mentor set left_on = mentorcert_private.day_of(now(), d.time_zone)
      from mentorcert_hierarchy.differing_peer_mentors as d
      where d.id = mentor.id and d.action = 'end' and (only_key is null or d.id = only_key);
    when 'peer_mentors' then
      with differing as materialized (
        select * from mentorcert_hierarchy.differing_peer_mentors as d where only_key is null or d.id = only_key
      ), added as (
        insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, user_id, email, phone)
        select d.id, d.organisation_id, d.number, d.full_name, d.user_id, d.email, d.phone from differing as d where d.action = 'add'
      )
      update mentorcert.peer_mentors as mentor
      set
        organisation_id = d.organisation_id, external_id = d.number, full_name = d.full_name, user_id = d.user_id, email = d.email,
        phone = d.phone, left_on = null, left_reason = null
      from differing as d
      where d.id = mentor.id and d.action = 'change';
    when 'ended_peer_mentor_chapters' then
      update mentorcert.peer_mentor_chapters as link set ended_at = now()
      from mentorcert_hierarchy.differing_peer_mentor_chapters as d
      where d.link_id = link.id and d.action = 'end' and (only_key is null or d.peer_mentor_id = only_key);
    when 'peer_mentor_chapters' then
      with differing as materialized (
        select * from mentorcert_hierarchy.differing_peer_mentor_chapters as d where only_key is null or d.peer_mentor_id = only_key
      ), added as (
        insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id, ended_at)
        select d.organisation_id, d.peer_mentor_id, d.chapter_id, d.ends_at from differing as d where d.action = 'add'
      )
      update mentorcert.peer_mentor_chapters as link set ended_at = d.ends_at
      from differing as d
      where d.link_id = link.id and d.action = 'change';
    when 'ended_memberships' then
      update mentorcert.memberships as membership set ended_at = now()
      from mentorcert_hierarchy.differing_memberships as d
      where d.membership_id = membership.id and d.action = 'end' and (only_key is null or d.user_id = only_key);
    when 'memberships' then
      with differing as materialized (
        select * from mentorcert_hierarchy.differing_memberships as d where only_key is null or d.user_id = only_key
      ), added as (
        insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id, ended_at)
        select d.organisation_id, d.user_id, d.role, d.chapter_id, d.ends_at from differing as d where d.action = 'add'
      )
      update mentorcert.memberships as membership set ended_at = d.ends_at
      from differing as d
      where d.membership_id = membership.id and d.action = 'change';
    when 'retired_chapters' then
      update mentorcert.chapters as chapter
      set
        retired_on = mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(chapter.organisation_id)),
        retired_reason = 'not in the tables of the project any more'
      from mentorcert_hierarchy.differing_chapters as d
      where d.id = chapter.id and d.action = 'end' and (only_key is null or d.id = only_key);
  end case;
end
$$;
comment on function mentorcert_hierarchy.feed_step(text, uuid) is
  'Writes the differences of one step, or those of one key, into the registry; memberships and chapters end, and nothing is deleted.';

create function mentorcert_hierarchy.feed(first_step text default 'organisations')
returns void
language plpgsql
security definer -- who writes the project's tables may not write the registry's
set search_path = ''
-- A policy that hides rows of the project is an error: what is hidden would end.
set row_security = off
-- Consequences are shown to who changes the registry; the project's own app decides for itself.
set mentorcert.noted_state = 'fed'
as $$
<<feeding>>
declare
  -- What ends comes before what is added, each for itself: a right that is taken away goes even if another is refused.
  steps constant text[] := array[
    'organisations', 'chapters', 'left_peer_mentors', 'peer_mentors', 'ended_peer_mentor_chapters', 'peer_mentor_chapters',
    'ended_memberships', 'memberships', 'retired_chapters'
  ];
  step text;
  failed uuid;
  reason text;
  broken text;
begin
  -- One at a time: of two that each take away one of two reasons for a role, the second must see that the first is gone.
  perform mentorcert_private.take_lock('mentorcert_hierarchy');
  foreach step in array steps[array_position(steps, first_step):] loop
    begin
      perform mentorcert_hierarchy.feed_step(step);
    exception when others then
      -- One by one, so that only what the registry refuses is left out.
      for failed in select distinct d.key from mentorcert_hierarchy.differences as d where d.step = feeding.step loop
        begin
          perform mentorcert_hierarchy.feed_step(step, failed);
        exception when others then
          get stacked diagnostics broken = constraint_name, reason = message_text;
          -- Only the registry's own words: others may quote a value.
          if sqlstate !~ '^MC' then
            reason := 'SQLSTATE ' || sqlstate;
          end if;
          insert into mentorcert_hierarchy.failures as failure (step, key, reason)
          values (step, failed, concat_ws(', constraint ', reason, nullif(broken, '')))
          on conflict on constraint failures_pkey do update set reason = excluded.reason, noted_at = excluded.noted_at;
        end;
      end loop;
    end;
  end loop;
  if exists (select from mentorcert_hierarchy.failures) then
    delete from mentorcert_hierarchy.failures as failure
    where not exists (
      select from mentorcert_hierarchy.differences as d where d.step = failure.step and d.key = failure.key
    );
  end if;
end
$$;
comment on function mentorcert_hierarchy.feed(text) is
  'Feeds by a step and those after it. What the registry refuses is noted in failures, and nothing else waits for it.';

create function mentorcert_hierarchy.feed_or_note(first_step text)
returns void
language plpgsql
security definer -- who writes the project's tables may not note it
set search_path = ''
as $$
begin
  perform mentorcert_hierarchy.feed(first_step);
exception when query_canceled or others then -- others alone leaves out a time limit, which would end the write
  -- The project's own write goes on, whatever happens here; check and doctor show the difference.
  raise warning 'the registry was not fed: SQLSTATE %; mentorcert hierarchy check says what differs', sqlstate;
end
$$;
comment on function mentorcert_hierarchy.feed_or_note(text) is 'As feed; an error is a warning in the log of the server, so that the write that caused it goes through.';

create function mentorcert_hierarchy.reject_hand_edit()
returns trigger
language plpgsql
security definer -- asks what no client may
set search_path = ''
as $$
begin
  -- A trigger's doing follows from a change elsewhere: the feeding itself, or a login that is deleted.
  if pg_trigger_depth() > 1 or mentorcert_private.is_erasure() then
    return new;
  end if;
  raise exception using
    errcode = 'MC025', message = format('this comes from %s', tg_argv[0]), hint = format('Change it in %s.', tg_argv[0]),
    schema = tg_table_schema, table = tg_table_name, constraint = tg_table_name || '_fed';
end
$$;
comment on function mentorcert_hierarchy.reject_hand_edit() is
  'Refuses (MC025) a change of what the project''s tables feed, which they would undo. The argument names the table.';
