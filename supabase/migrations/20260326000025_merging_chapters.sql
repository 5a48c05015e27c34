-- One chapter is merged into another: who is in it and what lies under it moves, in one transaction, and can move back. The other
-- one keeps its contact, gets what it lacks of it, and serves the postal places of both.

create table if not exists mentorcert_private.chapter_merges (
  chapter_id uuid not null,
  organisation_id uuid not null,
  child_ids uuid[] not null,
  moved jsonb not null,
  gained jsonb not null default '{"places": []}',
  merged_at timestamptz not null default now(),
  constraint chapter_merges_pkey primary key (chapter_id),
  constraint chapter_merges_chapter_id_fkey foreign key (organisation_id, chapter_id)
    references mentorcert.chapters (organisation_id, id)
);
alter table mentorcert_private.chapter_merges enable row level security;
revoke all on mentorcert_private.chapter_merges from public, anon, authenticated, service_role;
comment on table mentorcert_private.chapter_merges is 'What the merge of a chapter moved, for as long as it can be undone.';
comment on column mentorcert_private.chapter_merges.moved is
  'The rows of peer_mentor_chapters and memberships that ended or were added: {table, id, version, ended_at as before, or null where the row was added: is_new}.';
comment on column mentorcert_private.chapter_merges.gained is
  'What of the contact, and which postal places, the other chapter did not have: {contact_email, contact_phone, website, places}.';

create or replace function mentorcert_private.merge_chapter(merged uuid, into_id uuid, reason text)
returns void
language plpgsql
security definer -- keeps what was moved in a table that is no client's; the caller is an administrator of both chapters
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  children uuid[];
  noted jsonb;
  found jsonb;
begin
  perform 1 from mentorcert.organisations where id = organisation for no key update;
  perform 1 from mentorcert.chapters as chapter
  where chapter.id in (merged, into_id) and chapter.organisation_id = organisation and chapter.retired_on is null
  order by chapter.id for no key update;
  if (
    select count(*) from mentorcert.chapters as chapter
    where chapter.id in (merged, into_id) and chapter.organisation_id = organisation and chapter.retired_on is null
  ) <> 2 then
    raise exception using
      errcode = 'MC008', message = 'a chapter is merged into another one of the organisation, and neither is retired',
      hint = 'Choose a chapter that is in use.', constraint = 'merged_into_id';
  end if;
  children := array(select chapter.id from mentorcert.chapters as chapter where chapter.parent_id = merged and chapter.retired_on is null order by chapter.id);
  update mentorcert.chapters as child set parent_id = into_id where child.id = any(children);

  with ended_links as (
    update mentorcert.peer_mentor_chapters as link set ended_at = now()
    from mentorcert.peer_mentor_chapters as former
    where former.id = link.id and link.chapter_id = merged and (link.ended_at is null or link.ended_at > now())
    returning link.id, link.peer_mentor_id, link.version, former.ended_at
  ),
  new_links as (
    insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id, ended_at)
    select organisation, ended.peer_mentor_id, into_id, ended.ended_at from ended_links as ended
    where not exists (
      select from mentorcert.peer_mentor_chapters as held
      where held.peer_mentor_id = ended.peer_mentor_id and held.chapter_id = into_id and (held.ended_at is null or held.ended_at > now())
    )
    returning id, version
  ),
  ended_memberships as (
    update mentorcert.memberships as membership set ended_at = now()
    from mentorcert.memberships as former
    where former.id = membership.id and membership.chapter_id = merged and (membership.ended_at is null or membership.ended_at > now())
    returning membership.id, membership.user_id, membership.version, former.ended_at
  ),
  new_memberships as (
    insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id, ended_at)
    select organisation, ended.user_id, 'coordinator', into_id, ended.ended_at from ended_memberships as ended
    where not exists (
      select from mentorcert.memberships as held
      where held.user_id = ended.user_id and held.chapter_id = into_id and (held.ended_at is null or held.ended_at > now())
    )
    returning id, version
  )
  select coalesce(jsonb_agg(to_jsonb(each)), '[]') into noted
  from (
    select 'links' as of_table, id, version, ended_at, false as is_new from ended_links
    union all select 'links', id, version, null, true from new_links
    union all select 'memberships', id, version, ended_at, false from ended_memberships
    union all select 'memberships', id, version, null, true from new_memberships
  ) as each;

  select jsonb_build_object(
    'contact_email', case when target.contact_email is null then former.contact_email end,
    'contact_phone', case when target.contact_phone is null then former.contact_phone end,
    'website', case when target.website is null then former.website end,
    'places', to_jsonb(array(
      select served.place from unnest(former.places) with ordinality as served (place, position)
      where mentorcert_private.folded(served.place) not in (select mentorcert_private.folded(place) from unnest(target.places) as place)
      order by served.position
    ))
  ) into found
  from mentorcert.chapters as target
  join mentorcert.chapters as former on former.id = merged
  where target.id = into_id;
  update mentorcert.chapters as chapter
  set
    contact_email = coalesce(chapter.contact_email, found ->> 'contact_email'),
    contact_phone = coalesce(chapter.contact_phone, found ->> 'contact_phone'),
    website = coalesce(chapter.website, found ->> 'website'),
    places = chapter.places || array(select jsonb_array_elements_text(found -> 'places'))
  where chapter.id = into_id and jsonb_strip_nulls(found) <> '{"places": []}';

  insert into mentorcert_private.chapter_merges (chapter_id, organisation_id, child_ids, moved, gained)
  values (merged, organisation, children, noted, found)
  on conflict (chapter_id) do update set
    child_ids = excluded.child_ids, moved = excluded.moved, gained = excluded.gained, merged_at = now();
  update mentorcert.chapters as chapter
  set
    retired_on = mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation)),
    retired_reason = reason, merged_into_id = into_id
  where chapter.id = merged;
end
$$;
comment on function mentorcert_private.merge_chapter(uuid, uuid, text) is
  'Moves who is in a chapter, coordinates it or lies under it to another chapter, gives that what it lacks of the contact and the postal places, and retires it. Administrator only.';

create or replace function mentorcert_private.undo_merge_of_chapter(merged uuid)
returns void
language plpgsql
security definer -- reads what was moved from a table that is no client's; the caller is an administrator of the chapter
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  merge mentorcert_private.chapter_merges;
  target uuid;
begin
  perform 1 from mentorcert.organisations where id = organisation for no key update;
  select undone.* into merge from mentorcert_private.chapter_merges as undone
  where undone.chapter_id = merged and undone.organisation_id = organisation;
  select chapter.merged_into_id into target from mentorcert.chapters as chapter where chapter.id = merge.chapter_id;
  if target is null
    or (select count(*) from mentorcert.chapters as child where child.id = any(merge.child_ids) and child.parent_id = target)
    <> cardinality(merge.child_ids)
    or exists (
      select from jsonb_to_recordset(merge.moved) as moved (of_table text, id uuid, version bigint)
      left join mentorcert.peer_mentor_chapters as link on moved.of_table = 'links' and link.id = moved.id
      left join mentorcert.memberships as membership on moved.of_table = 'memberships' and membership.id = moved.id
      where coalesce(link.version, membership.version) is distinct from moved.version
    )
  then
    raise exception using
      errcode = 'MC006', message = 'something that the merge moved was changed since', constraint = 'consequences_undoable',
      hint = 'Nothing was undone. Take the chapter into use again, and move who belongs there.';
  end if;
  update mentorcert.chapters as chapter set retired_on = null, retired_reason = null, merged_into_id = null where chapter.id = merged;
  update mentorcert.chapters as child set parent_id = merged where child.id = any(merge.child_ids);
  update mentorcert.peer_mentor_chapters as link set ended_at = case when moved.is_new then now() else moved.ended_at end
  from jsonb_to_recordset(merge.moved) as moved (of_table text, id uuid, ended_at timestamptz, is_new boolean)
  where moved.of_table = 'links' and link.id = moved.id;
  update mentorcert.memberships as membership set ended_at = case when moved.is_new then now() else moved.ended_at end
  from jsonb_to_recordset(merge.moved) as moved (of_table text, id uuid, ended_at timestamptz, is_new boolean)
  where moved.of_table = 'memberships' and membership.id = moved.id;
  -- What was written of the contact since stays.
  update mentorcert.chapters as chapter
  set
    contact_email = nullif(chapter.contact_email, merge.gained ->> 'contact_email'),
    contact_phone = nullif(chapter.contact_phone, merge.gained ->> 'contact_phone'),
    website = nullif(chapter.website, merge.gained ->> 'website'),
    places = array(
      select served.place from unnest(chapter.places) with ordinality as served (place, position)
      where not merge.gained -> 'places' ? served.place
      order by served.position
    )
  where chapter.id = target and jsonb_strip_nulls(merge.gained) <> '{"places": []}';
  delete from mentorcert_private.chapter_merges as undone where undone.chapter_id = merged;
end
$$;
comment on function mentorcert_private.undo_merge_of_chapter(uuid) is
  'Moves everybody and everything back that the merge of a chapter moved, unless it was changed since (MC006). Administrator only.';

revoke execute on function mentorcert_private.merge_chapter, mentorcert_private.undo_merge_of_chapter
from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.merge_chapter, mentorcert_private.undo_merge_of_chapter to authenticated;
