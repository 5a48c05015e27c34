-- Two peer mentors who are one person: merged in one transaction, which can be undone.
--
-- One row is kept, the other is absorbed: it stays, in nobody's reach, and refers to the kept one. Chapters, login and
-- certifications come under the kept row, with their ids and histories. Where both hold a type, the kept certification takes the
-- later end by an entry of its own history, and the absorbed one stays as it is, to be read as history. What the absorbed one can be
-- asked about is added, as far as the consent to the public list goes.

create table if not exists mentorcert_private.peer_mentor_merges (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kept_id uuid not null,
  absorbed_id uuid not null,
  reason text,
  actor jsonb not null,
  merged_at timestamptz not null default clock_timestamp(),
  undone_at timestamptz,
  state jsonb,
  transaction_id xid8 not null default pg_current_xact_id(),
  constraint peer_mentor_merges_pkey primary key (id),
  constraint peer_mentor_merges_kept_id_fkey foreign key (organisation_id, kept_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_merges_absorbed_id_fkey foreign key (organisation_id, absorbed_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_merges_absorbed_id_valid check (absorbed_id <> kept_id),
  constraint peer_mentor_merges_reason_valid check (reason <> '' and length(reason) <= 500),
  constraint peer_mentor_merges_reason_characters check (mentorcert_private.is_readable(reason))
);
create unique index if not exists peer_mentor_merges_absorbed_id_key
on mentorcert_private.peer_mentor_merges (absorbed_id) where undone_at is null;
create index if not exists peer_mentor_merges_kept_id_idx on mentorcert_private.peer_mentor_merges (kept_id);
alter table mentorcert_private.peer_mentor_merges enable row level security;
revoke all on mentorcert_private.peer_mentor_merges from anon, authenticated, service_role;
comment on table mentorcert_private.peer_mentor_merges is
  'Which peer mentors were merged, by whom and why; read by public.merges_of.';
comment on column mentorcert_private.peer_mentor_merges.state is
  'Both rows as they were, what moved, and what the merge left, with which an undoing compares; gone with an erasure.';
comment on column mentorcert_private.peer_mentor_merges.transaction_id is
  'The transaction that merged, or undid: in it alone, rows of the two move.';

create or replace trigger keep_identity
before update on mentorcert_private.peer_mentor_merges
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'kept_id', 'absorbed_id', 'merged_at');

create or replace trigger reject_removal
before delete or truncate on mentorcert_private.peer_mentor_merges
for each statement execute function mentorcert_private.reject_change('peer_mentor_merges_kept', 'Undo the merge.');

create or replace trigger require_consequences_on_insert
before insert on mentorcert_private.peer_mentor_merges
for each row execute function mentorcert_private.require_consequences();

do $$
begin
  perform mentorcert_private.audit_table(
    'mentorcert_private.peer_mentor_merges', columns => '{kept_id,absorbed_id,undone_at}', is_deletable => false
  );
end
$$;

-- Who is who

create or replace function mentorcert_private.kept_peer_mentor_id(peer_mentor_id uuid)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  into_id uuid;
begin
  loop
    select mentor.merged_into into into_id from mentorcert.peer_mentors as mentor where mentor.id = peer_mentor_id;
    exit when into_id is null;
    peer_mentor_id := into_id;
  end loop;
  return peer_mentor_id;
end
$$;
comment on function mentorcert_private.kept_peer_mentor_id(uuid) is 'The row that stands for a peer mentor now: itself, or the one it was merged into.';

create or replace function mentorcert_private.merged_peer_mentor_ids(peer_mentor_id uuid)
returns uuid[]
language sql
stable
set search_path = ''
as $$
  with recursive same (id) as (
    select merged_peer_mentor_ids.peer_mentor_id
    union all
    select absorbed.id
    from same
    join mentorcert.peer_mentors as kept on kept.id = same.id
    join mentorcert.peer_mentors as absorbed
      on absorbed.organisation_id = kept.organisation_id and absorbed.merged_into = kept.id
  )
  select array_agg(same.id) from same
$$;
comment on function mentorcert_private.merged_peer_mentor_ids(uuid) is 'A peer mentor, and all rows that were merged into it.';

create or replace function mentorcert_private.reads_peer_mentor(peer_mentor_id uuid)
returns boolean
language plpgsql
stable
security definer -- asks for the kept row of one that no client reads
set search_path = ''
as $$
begin
  return exists (
    select from mentorcert.peer_mentors as mentor
    where
      mentor.id = mentorcert_private.kept_peer_mentor_id(reads_peer_mentor.peer_mentor_id) and mentor.erased_at is null
      and (
        mentor.organisation_id = mentorcert_private.administered_organisation_id()
        or mentor.chapter_ids && mentorcert_private.coordinated_chapter_ids() and mentor.id <> all(mentorcert_private.left_peer_mentor_ids())
        or mentor.id = any(mentorcert_private.own_peer_mentor_ids())
      )
  );
end
$$;
comment on function mentorcert_private.reads_peer_mentor(uuid) is
  'Whether the caller reads a peer mentor, or the one whom it was merged into, as the policies of peer_mentors say.';

-- Guards: what a merge alone may do

create or replace function mentorcert_private.is_merging(from_id uuid, to_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from mentorcert_private.peer_mentor_merges as merge
    where
      merge.transaction_id = pg_current_xact_id_if_assigned()
      and (merge.absorbed_id, merge.kept_id)
        = (case when merge.undone_at is null then from_id else to_id end, case when merge.undone_at is null then to_id else from_id end)
  )
$$;
comment on function mentorcert_private.is_merging(uuid, uuid) is
  'Whether this transaction merges the one peer mentor into the other, or undoes that the other way round.';

create or replace function mentorcert_private.keep_peer_mentor()
returns trigger
language plpgsql
security definer -- merges are no client's to read
set search_path = ''
as $$
begin
  if not mentorcert_private.is_merging(old.peer_mentor_id, new.peer_mentor_id) then
    raise exception using
      errcode = 'MC007', message = format('%s.peer_mentor_id cannot be changed', tg_table_name),
      hint = 'Merge the peer mentors, if the two are one person: merge_peer_mentors, by preview_consequences.',
      schema = tg_table_schema, table = tg_table_name, column = 'peer_mentor_id',
      constraint = format('%s_peer_mentor_id_immutable', tg_table_name);
  end if;
  return new;
end
$$;
comment on function mentorcert_private.keep_peer_mentor() is 'Refuses (MC007) to move a row to another peer mentor, but by a merge.';

create or replace trigger keep_peer_mentor
before update of peer_mentor_id on public.peer_mentor_certifications
for each row when (old.peer_mentor_id is distinct from new.peer_mentor_id) execute function mentorcert_private.keep_peer_mentor();

create or replace trigger keep_peer_mentor
before update of peer_mentor_id on mentorcert.peer_mentor_chapters
for each row when (old.peer_mentor_id is distinct from new.peer_mentor_id) execute function mentorcert_private.keep_peer_mentor();

create or replace function mentorcert_private.keep_merged()
returns trigger
language plpgsql
security definer -- merges are no client's to read
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' or new.merged_into is distinct from old.merged_into then
    if tg_op = 'INSERT' or not mentorcert_private.is_merging(
      case when new.merged_into is null then old.merged_into else new.id end, coalesce(new.merged_into, new.id)
    ) then
      raise exception using
        errcode = 'MC007', message = 'peer_mentors.merged_into is written by a merge',
        hint = 'Preview merge_peer_mentors or undo_merge with preview_consequences, and confirm it.',
        schema = 'mentorcert', table = 'peer_mentors', column = 'merged_into', constraint = 'peer_mentors_merged_into_immutable';
    end if;
  elsif new.erased_at is null then
    raise exception using
      errcode = 'MC023', message = 'this peer mentor was merged into another one, and changes no more',
      hint = 'Change the one that was kept, or undo the merge first.',
      schema = 'mentorcert', table = 'peer_mentors', constraint = 'peer_mentor_merged';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.keep_merged() is
  'Refuses to write merged_into but by a merge (MC007), and to change a row that was merged into another one (MC023), but for an erasure.';

create or replace trigger keep_merged_on_insert
before insert on mentorcert.peer_mentors
for each row when (new.merged_into is not null) execute function mentorcert_private.keep_merged();

create or replace trigger keep_merged
before update on mentorcert.peer_mentors
for each row when (
  old.merged_into is distinct from new.merged_into
  or old.merged_into is not null and (
    old.external_id, old.user_id, old.full_name, old.display_name, old.email, old.phone, old.listing_consent, old.language,
    old.left_on, old.left_reason, old.erased_at
  ) is distinct from (
    new.external_id, new.user_id, new.full_name, new.display_name, new.email, new.phone, new.listing_consent, new.language,
    new.left_on, new.left_reason, new.erased_at
  )
)
execute function mentorcert_private.keep_merged();

-- Merging

create or replace function mentorcert_private.lock_peer_mentors(ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Chapters, certifications, the organisation, peer mentors, each by id: the order in which everybody locks.
  perform 1 from mentorcert.chapters as chapter
  where chapter.id in (select link.chapter_id from mentorcert.peer_mentor_chapters as link where link.peer_mentor_id = any(ids))
  order by chapter.id
  for share;
  perform 1 from public.peer_mentor_certifications as certification
  where certification.peer_mentor_id = any(ids)
  order by certification.id
  for no key update;
  perform 1 from mentorcert.organisations as organisation
  where organisation.id in (select mentor.organisation_id from mentorcert.peer_mentors as mentor where mentor.id = any(ids))
  order by organisation.id
  for share;
  perform 1 from mentorcert.peer_mentors as mentor where mentor.id = any(ids) order by mentor.id for no key update;
end
$$;
comment on function mentorcert_private.lock_peer_mentors(uuid[]) is 'Locks peer mentors and what they hold until the end of the transaction.';

create or replace function mentorcert_private.refresh_chapter_ids(ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  update mentorcert.peer_mentors as mentor set chapter_ids = mentorcert_private.current_chapter_ids(mentor.id)
  where mentor.id = any(ids) and mentor.chapter_ids <> mentorcert_private.current_chapter_ids(mentor.id);
  update public.peer_mentor_certifications as certification
  set chapter_ids = mentorcert_private.current_chapter_ids(certification.peer_mentor_id)
  where
    certification.peer_mentor_id = any(ids)
    and certification.chapter_ids <> mentorcert_private.current_chapter_ids(certification.peer_mentor_id);
end
$$;
comment on function mentorcert_private.refresh_chapter_ids(uuid[]) is
  'Copies the chapters of peer mentors again, where the triggers see only whom a chapter came to.';

create or replace function mentorcert_private.move_login(from_id uuid, to_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  login uuid;
  feed mentorcert_private.calendar_feeds;
begin
  -- A new login ends the feed of a row; this is the same login.
  delete from mentorcert_private.calendar_feeds as moved where moved.peer_mentor_id = from_id returning moved.* into feed;
  select mentor.user_id into login from mentorcert.peer_mentors as mentor where mentor.id = from_id;
  update mentorcert.peer_mentors as mentor set user_id = null where mentor.id = from_id;
  update mentorcert.peer_mentors as mentor set user_id = login where mentor.id = to_id;
  if feed.peer_mentor_id is not null then
    feed.peer_mentor_id := to_id;
    insert into mentorcert_private.calendar_feeds select (feed).*;
  end if;
end
$$;
comment on function mentorcert_private.move_login(uuid, uuid) is 'Moves a login, with its calendar feed, from one row of a person to the other.';

create or replace function mentorcert_private.merge_snapshot(kept_id uuid, absorbed_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'person', (
      select jsonb_agg(to_jsonb(mentor) - array['chapter_ids', 'version', 'created_at', 'updated_at', 'erased_at'] order by mentor.id)
      from mentorcert.peer_mentors as mentor where mentor.id in (kept_id, absorbed_id)
    ),
    'chapters', (
      select jsonb_agg(jsonb_build_array(link.id, link.peer_mentor_id, extract(epoch from link.ended_at)) order by link.id)
      from mentorcert.peer_mentor_chapters as link where link.peer_mentor_id in (kept_id, absorbed_id)
    ),
    -- Not active or expired: that is the calendar's.
    'certifications', (
      select jsonb_agg(
        jsonb_build_array(
          certification.id, certification.peer_mentor_id, certification.certification_type,
          extract(epoch from certification.issued_at), extract(epoch from certification.expires_at), certification.status = 'suspended',
          mentorcert_private.latest_change(certification.id) -> 'entry_id'
        )
        order by certification.id
      )
      from public.peer_mentor_certifications as certification where certification.peer_mentor_id in (kept_id, absorbed_id)
    ),
    'consent', (
      select count(*) from mentorcert.listing_consents as act where act.peer_mentor_id in (kept_id, absorbed_id)
    )
  )
$$;
comment on function mentorcert_private.merge_snapshot(uuid, uuid) is
  'What two merged peer mentors are, as far as people change it, by topic, in every time zone alike: for whether it was changed since.';

create or replace function mentorcert_private.merge_changes_since(merge mentorcert_private.peer_mentor_merges)
returns text[]
language sql
stable
set search_path = ''
as $$
  select array(
    select present.key
    from jsonb_each(mentorcert_private.merge_snapshot(merge.kept_id, merge.absorbed_id)) as present
    where present.value is distinct from merge.state -> 'after' -> present.key
    order by array_position('{person,chapters,certifications,consent}', present.key)
  )
$$;
comment on function mentorcert_private.merge_changes_since(mentorcert_private.peer_mentor_merges) is
  'What was changed of two peer mentors since they were merged: person, chapters, certifications, consent.';

create or replace function mentorcert_private.merged_person(
  kept mentorcert.peer_mentors, absorbed mentorcert.peer_mentors, choices jsonb
)
returns mentorcert.peer_mentors
language plpgsql
stable
set search_path = ''
as $$
declare
  taken constant jsonb := coalesce(choices -> 'take', '[]');
begin
  if jsonb_typeof(taken) <> 'array' or not taken <@ '["full_name", "display_name", "email", "phone", "language"]' then
    raise exception using
      errcode = 'MC008', message = 'take names full_name, display_name, email, phone and language only',
      hint = 'The number is that of the row that is kept: choose which one is.', constraint = 'merge_take';
  elsif kept.user_id is not null and absorbed.user_id is not null and coalesce(choices ->> 'login', '') not in ('kept', 'absorbed') then
    raise exception using
      errcode = 'MC008', message = 'both peer mentors have a login, and one person signs in with one',
      hint = 'Say which login stays: kept or absorbed.', constraint = 'merge_login';
  end if;
  -- What is known of one only is kept, whichever it is.
  if taken ? 'full_name' then kept.full_name := absorbed.full_name; end if;
  if taken ? 'display_name' or kept.display_name is null then kept.display_name := absorbed.display_name; end if;
  if taken ? 'email' or kept.email is null then kept.email := absorbed.email; end if;
  if taken ? 'phone' or kept.phone is null then kept.phone := absorbed.phone; end if;
  if taken ? 'language' then kept.language := absorbed.language; end if;
  if kept.user_id is null or absorbed.user_id is not null and choices ->> 'login' = 'absorbed' then
    kept.user_id := absorbed.user_id;
  end if;
  -- Who has left under one number and is here under the other is here.
  if kept.left_on is null or absorbed.left_on is null then
    kept.left_on := null;
    kept.left_reason := null;
  elsif absorbed.left_on > kept.left_on then
    kept.left_on := absorbed.left_on;
    kept.left_reason := absorbed.left_reason;
  end if;
  -- What was said last holds: a no that is later than a yes, whichever row it was said of.
  kept.listing_consent := coalesce(
    (
      select act.is_given from mentorcert.listing_consents as act
      where act.peer_mentor_id = any(
        mentorcert_private.merged_peer_mentor_ids(kept.id) || mentorcert_private.merged_peer_mentor_ids(absorbed.id)
      )
      order by act.recorded_at desc, act.is_given
      limit 1
    ),
    false
  );
  return kept;
end
$$;
comment on function mentorcert_private.merged_person(mentorcert.peer_mentors, mentorcert.peer_mentors, jsonb) is
  'The kept row as a merge leaves it: its own, what it lacks, and what the choices take from the absorbed one.';

create or replace function mentorcert_private.merge_chapters(kept_id uuid, absorbed_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  shared constant jsonb := (
    select coalesce(
      jsonb_agg(
        jsonb_build_object('id', link.id, 'ended_at', link.ended_at, 'kept_id', held.id, 'kept_ended_at', held.ended_at) order by link.id
      ),
      '[]'
    )
    from mentorcert.peer_mentor_chapters as link
    join mentorcert.peer_mentor_chapters as held
      on held.peer_mentor_id = merge_chapters.kept_id and held.chapter_id = link.chapter_id
    where
      link.peer_mentor_id = merge_chapters.absorbed_id
      and (link.ended_at is null or link.ended_at > statement_timestamp())
      and (held.ended_at is null or held.ended_at > statement_timestamp())
  );
  moved uuid[];
begin
  -- In a chapter in which both are, the later end holds, and the absorbed row's ends.
  update mentorcert.peer_mentor_chapters as held
  set ended_at = case when link.ended_at is not null then link.ended_at end
  from jsonb_to_recordset(shared) as link (ended_at timestamptz, kept_id uuid, kept_ended_at timestamptz)
  where held.id = link.kept_id and coalesce(link.ended_at, 'infinity') > coalesce(link.kept_ended_at, 'infinity');
  update mentorcert.peer_mentor_chapters as link set ended_at = now()
  where link.id in (select ended.id from jsonb_to_recordset(shared) as ended (id uuid));
  with links as (
    update mentorcert.peer_mentor_chapters as link set peer_mentor_id = merge_chapters.kept_id
    where
      link.peer_mentor_id = merge_chapters.absorbed_id
      and link.id not in (select ended.id from jsonb_to_recordset(shared) as ended (id uuid))
    returning link.id
  )
  select coalesce(array_agg(links.id order by links.id), '{}') into moved from links;
  perform mentorcert_private.refresh_chapter_ids(array[merge_chapters.kept_id, merge_chapters.absorbed_id]);
  return jsonb_build_object('shared_chapters', shared, 'moved_chapters', moved);
end
$$;
comment on function mentorcert_private.merge_chapters(uuid, uuid) is
  'Puts the kept peer mentor into the chapters of the absorbed one, each to its end, past ones included; returns what an undoing needs.';

create or replace function mentorcert_private.topic_names(topic_ids jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object('kind', topic.kind, 'name_nb', topic.name_nb, 'name_en', topic.name_en)
      order by topic.kind desc, mentorcert_private.sort_key(topic.name_nb), topic.id
    ),
    '[]'
  )
  from mentorcert_private.topics as topic where topic_ids ? topic.id::text
$$;
comment on function mentorcert_private.topic_names(jsonb) is 'Topics and languages by name, topics first.';

create or replace function mentorcert_private.merge_topics(kept mentorcert.peer_mentors, absorbed mentorcert.peer_mentors, is_public boolean)
returns jsonb
language sql
set search_path = ''
as $$
  -- A choice is about the person's health: made under a number that had no consent, it is not shown by that of the other.
  with chosen as materialized (
    select
      choice.topic_id, bool_or(choice.peer_mentor_id = kept.id) as is_kept,
      not is_public or bool_or(case choice.peer_mentor_id when kept.id then kept.listing_consent else absorbed.listing_consent end)
        as is_allowed
    from mentorcert_private.peer_mentor_topics as choice
    where choice.peer_mentor_id in (kept.id, absorbed.id)
    group by choice.topic_id
  ),
  gained as (
    insert into mentorcert_private.peer_mentor_topics (organisation_id, peer_mentor_id, topic_id)
    select kept.organisation_id, kept.id, chosen.topic_id from chosen where chosen.is_allowed and not chosen.is_kept
  ),
  set_aside as (
    delete from mentorcert_private.peer_mentor_topics as choice
    using chosen
    where choice.peer_mentor_id = kept.id and choice.topic_id = chosen.topic_id and not chosen.is_allowed
  )
  select jsonb_build_object(
    'gained_topics', coalesce(jsonb_agg(chosen.topic_id) filter (where chosen.is_allowed and not chosen.is_kept), '[]'),
    'set_aside_topics', coalesce(jsonb_agg(chosen.topic_id) filter (where chosen.is_kept and not chosen.is_allowed), '[]'),
    'left_out_topics', coalesce(jsonb_agg(chosen.topic_id) filter (where not chosen.is_allowed), '[]')
  )
  from chosen
$$;
comment on function mentorcert_private.merge_topics(mentorcert.peer_mentors, mentorcert.peer_mentors, boolean) is
  'Adds what the absorbed peer mentor can be asked about to the choices of the kept one. Where the merged one consents to the public list, choices of a row that did not are left out. Returns what an undoing needs, and what was left out.';

create or replace function mentorcert_private.take_topics_back(merge mentorcert_private.peer_mentor_merges)
returns jsonb
language sql
set search_path = ''
as $$
  with lost as (
    -- Not what was chosen again since.
    delete from mentorcert_private.peer_mentor_topics as choice
    where
      choice.peer_mentor_id = merge.kept_id and merge.state -> 'gained_topics' ? choice.topic_id::text
      and choice.created_at <= merge.merged_at
    returning choice.topic_id
  ),
  gained as (
    insert into mentorcert_private.peer_mentor_topics (organisation_id, peer_mentor_id, topic_id)
    select merge.organisation_id, merge.kept_id, former.topic_id::uuid
    from jsonb_array_elements_text(merge.state -> 'set_aside_topics') as former (topic_id)
    on conflict on constraint peer_mentor_topics_pkey do nothing
    returning topic_id
  )
  select jsonb_build_object(
    'gained', mentorcert_private.topic_names((select jsonb_agg(gained.topic_id) from gained)),
    'left_out', mentorcert_private.topic_names((select jsonb_agg(lost.topic_id) from lost))
  )
$$;
comment on function mentorcert_private.take_topics_back(mentorcert_private.peer_mentor_merges) is
  'Takes back what a merge did to the choices of the kept peer mentor; what was chosen since stays. Returns what is chosen again and what is not any more.';

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
      perform mentorcert_private.set_change_context(jsonb_build_object('note', reason));
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

create or replace function mentorcert_private.merge_peer_mentors(kept_id uuid, absorbed_id uuid, choices jsonb)
returns jsonb
language plpgsql
security definer -- moves rows that no client moves
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  reason constant text := nullif(mentorcert_private.canonical_text(choices ->> 'reason'), '');
  kept mentorcert.peer_mentors;
  absorbed mentorcert.peer_mentors;
  merged mentorcert.peer_mentors;
  merge_id uuid;
  chapters jsonb;
  certifications jsonb;
  topics jsonb;
begin
  perform mentorcert_private.check_endpoint('peer_mentors'), mentorcert_private.require_certifications();
  perform mentorcert_private.lock_peer_mentors(array[merge_peer_mentors.kept_id, merge_peer_mentors.absorbed_id]);
  select * into kept from mentorcert.peer_mentors as mentor
  where mentor.id = merge_peer_mentors.kept_id and mentor.organisation_id = organisation and mentor.erased_at is null and mentor.merged_into is null;
  select * into absorbed from mentorcert.peer_mentors as mentor
  where mentor.id = merge_peer_mentors.absorbed_id and mentor.organisation_id = organisation and mentor.erased_at is null and mentor.merged_into is null;
  if kept.id is null or absorbed.id is null then
    perform mentorcert_private.raise_forbidden();
  elsif kept.id = absorbed.id then
    raise exception using
      errcode = 'MC008', message = 'this is one peer mentor, not two', hint = 'Choose the other one.', constraint = 'merge_of_two';
  elsif reason is null or length(reason) > 500 then
    raise exception using
      errcode = 'MC004', message = 'a reason of at most 500 characters is required',
      hint = 'Say why the two are one person.', constraint = 'merge_reason';
  end if;
  merged := mentorcert_private.merged_person(kept, absorbed, choices);

  insert into mentorcert_private.peer_mentor_merges (organisation_id, kept_id, absorbed_id, reason, actor)
  values (organisation, kept.id, absorbed.id, reason, mentorcert_private.actor(organisation, change))
  returning id into merge_id;
  if merged.user_id is distinct from kept.user_id then
    perform mentorcert_private.move_login(absorbed.id, kept.id);
  end if;
  -- With its chapters, below, the absorbed one leaves the list; the portal hears of that first.
  update mentorcert.peer_mentors as mentor set user_id = null, merged_into = kept.id where mentor.id = absorbed.id;
  perform mentorcert_private.set_change_context(change || jsonb_build_object('consent', 'given', 'reason', reason));
  update mentorcert.peer_mentors as mentor
  set
    full_name = merged.full_name, display_name = merged.display_name, email = merged.email, phone = merged.phone,
    language = merged.language, left_on = merged.left_on, left_reason = merged.left_reason, listing_consent = merged.listing_consent
  where mentor.id = kept.id;
  perform mentorcert_private.set_change_context(nullif(change, '{}'));
  chapters := mentorcert_private.merge_chapters(kept.id, absorbed.id);
  certifications := mentorcert_private.merge_certifications(kept.id, absorbed.id, reason);
  topics := mentorcert_private.merge_topics(kept, absorbed, merged.listing_consent);
  update mentorcert_private.peer_mentor_merges as merge
  set state = chapters || certifications - 'outcomes' || topics - 'left_out_topics' || jsonb_build_object(
    'kept', to_jsonb(kept), 'absorbed', to_jsonb(absorbed), 'after', mentorcert_private.merge_snapshot(kept.id, absorbed.id)
  )
  where merge.id = merge_id;
  return jsonb_build_object(
    'kept', mentorcert_private.person_facts(kept), 'absorbed', mentorcert_private.person_facts(absorbed),
    'merged', mentorcert_private.person_facts(merged) || jsonb_build_object(
      'chapter_ids', mentorcert_private.current_chapter_ids(kept.id)
    ),
    'certifications', certifications -> 'outcomes',
    'topics', jsonb_build_object(
      'gained', mentorcert_private.topic_names(topics -> 'gained_topics'),
      'left_out', mentorcert_private.topic_names(topics -> 'left_out_topics')
    )
  );
end
$$;
comment on function mentorcert_private.merge_peer_mentors(uuid, uuid, jsonb) is
  'Merges one peer mentor into another of the caller''s organisation: {reason, take: fields of the absorbed one, login: kept or absorbed}. Returns both as they were, the kept one as it is, and what happens to each certification and to what both can be asked about. Administrator only.';

create or replace function mentorcert_private.person_facts(mentor mentorcert.peer_mentors)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select to_jsonb(mentor) - array['organisation_id', 'created_at', 'updated_at', 'version', 'erased_at', 'merged_into', 'user_id']
    || jsonb_build_object('has_login', mentor.user_id is not null)
$$;
comment on function mentorcert_private.person_facts(mentorcert.peer_mentors) is 'What an administrator compares of two peer mentors.';

create or replace function mentorcert_private.undo_merge(merge_id uuid)
returns jsonb
language plpgsql
security definer -- moves rows that no client moves
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  merge mentorcert_private.peer_mentor_merges;
  kept mentorcert.peer_mentors;
  absorbed mentorcert.peer_mentors;
  entry jsonb;
  topics jsonb;
begin
  perform mentorcert_private.check_endpoint('peer_mentors'), mentorcert_private.require_certifications();
  perform mentorcert_private.lock_peer_mentors(array[asked.kept_id, asked.absorbed_id])
  from mentorcert_private.peer_mentor_merges as asked where asked.id = undo_merge.merge_id and asked.organisation_id = organisation;
  select * into merge from mentorcert_private.peer_mentor_merges as asked
  where asked.id = undo_merge.merge_id and asked.organisation_id = organisation and asked.undone_at is null and asked.state is not null
  for no key update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  elsif mentorcert_private.merge_changes_since(merge) <> '{}' then
    raise exception using
      errcode = 'MC006',
      message = format('changed since they were merged: %s', array_to_string(mentorcert_private.merge_changes_since(merge), ', ')),
      hint = 'Nothing was undone. Take the later changes back first, or correct both by hand.', constraint = 'merge_undoable';
  end if;
  kept := jsonb_populate_record(null::mentorcert.peer_mentors, merge.state -> 'kept');
  absorbed := jsonb_populate_record(null::mentorcert.peer_mentors, merge.state -> 'absorbed');
  update mentorcert_private.peer_mentor_merges as undone
  set undone_at = clock_timestamp(), transaction_id = pg_current_xact_id()
  where undone.id = merge.id;

  update mentorcert.peer_mentors as mentor set merged_into = null where mentor.id = absorbed.id;
  if absorbed.user_id = (select mentor.user_id from mentorcert.peer_mentors as mentor where mentor.id = kept.id) then
    perform mentorcert_private.move_login(kept.id, absorbed.id);
  end if;
  perform mentorcert_private.set_change_context(change || jsonb_build_object('consent', 'given', 'reason', merge.reason));
  update mentorcert.peer_mentors as mentor
  set
    user_id = kept.user_id, full_name = kept.full_name, display_name = kept.display_name, email = kept.email, phone = kept.phone,
    language = kept.language, left_on = kept.left_on, left_reason = kept.left_reason, listing_consent = kept.listing_consent
  where mentor.id = kept.id;
  perform mentorcert_private.set_change_context(nullif(change, '{}'));
  update mentorcert.peer_mentors as mentor set user_id = absorbed.user_id
  where mentor.id = absorbed.id and mentor.user_id is distinct from absorbed.user_id;

  update mentorcert.peer_mentor_chapters as link set peer_mentor_id = absorbed.id
  where link.id in (select moved.id::uuid from jsonb_array_elements_text(merge.state -> 'moved_chapters') as moved (id));
  update mentorcert.peer_mentor_chapters as link set ended_at = former.ended_at
  from (
    select shared.id, shared.ended_at from jsonb_to_recordset(merge.state -> 'shared_chapters') as shared (id uuid, ended_at timestamptz)
    union all
    select shared.kept_id, shared.kept_ended_at
    from jsonb_to_recordset(merge.state -> 'shared_chapters') as shared (kept_id uuid, kept_ended_at timestamptz)
  ) as former
  where link.id = former.id and link.ended_at is distinct from former.ended_at;
  perform mentorcert_private.refresh_chapter_ids(array[kept.id, absorbed.id]);

  update public.peer_mentor_certifications as certification
  set peer_mentor_id = absorbed.id, chapter_ids = mentorcert_private.current_chapter_ids(absorbed.id)
  where certification.id in (select moved.id::uuid from jsonb_array_elements_text(merge.state -> 'moved_certifications') as moved (id));
  topics := mentorcert_private.take_topics_back(merge);
  for entry in select * from jsonb_array_elements(merge.state -> 'entries') loop
    perform public.revert_change((entry ->> 0)::uuid, (entry ->> 1)::uuid, merge.reason);
  end loop;
  return jsonb_build_object('kept', mentorcert_private.person_facts(kept), 'absorbed', mentorcert_private.person_facts(absorbed), 'topics', topics);
end
$$;
comment on function mentorcert_private.undo_merge(uuid) is
  'Makes two peer mentors of one again, each as it was, as long as nothing of either was changed since (MC006). Administrator only.';

-- What clients ask

create or replace function public.merges_of(peer_mentor_id uuid)
returns table (
  id uuid, organisation_id uuid, absorbed_id uuid, external_id text, full_name text, merged_at timestamptz, actor_id uuid, reason text,
  changed_since text[], certifications jsonb, consents jsonb
)
language plpgsql
stable
security definer -- the absorbed row is in nobody's reach; who reads the kept one reads what was absorbed
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors'), mentorcert_private.require_certifications();
  if not mentorcert_private.reads_peer_mentor(merges_of.peer_mentor_id) then
    return;
  end if;
  return query
  select
    merge.id, merge.organisation_id, merge.absorbed_id, absorbed.external_id, absorbed.full_name, merge.merged_at,
    (merge.actor ->> 'user_id')::uuid, merge.reason,
    case
      when merge.organisation_id = mentorcert_private.administered_organisation_id() then mentorcert_private.merge_changes_since(merge)
    end,
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', certification.id, 'certification_type', certification.certification_type, 'issued_at', certification.issued_at,
            'expires_at', certification.expires_at, 'status', public.current_status(certification)
          )
          order by certification.certification_type collate "C"
        ),
        '[]'
      )
      from public.peer_mentor_certifications as certification where certification.peer_mentor_id = merge.absorbed_id
    ),
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'is_given', act.is_given, 'recorded_at', act.recorded_at, 'way', act.way, 'actor_id', act.actor -> 'user_id',
            'reason', act.reason
          )
          order by act.recorded_at desc
        ),
        '[]'
      )
      from mentorcert.listing_consents as act where act.peer_mentor_id = merge.absorbed_id
    )
  from mentorcert_private.peer_mentor_merges as merge
  join mentorcert.peer_mentors as absorbed on absorbed.id = merge.absorbed_id
  where
    merge.kept_id = any(mentorcert_private.merged_peer_mentor_ids(mentorcert_private.kept_peer_mentor_id(merges_of.peer_mentor_id)))
    and merge.undone_at is null
  order by merge.merged_at desc;
end
$$;
comment on function public.merges_of(uuid) is
  'Who was merged into a peer mentor, or whom that was merged into: number and name, why, what was changed since (for administrators), the certifications that another replaced, and the consents; for those who read the kept one.';

revoke execute on function
  mentorcert_private.kept_peer_mentor_id, mentorcert_private.merged_peer_mentor_ids, mentorcert_private.reads_peer_mentor,
  mentorcert_private.is_merging, mentorcert_private.keep_peer_mentor, mentorcert_private.keep_merged, mentorcert_private.lock_peer_mentors,
  mentorcert_private.refresh_chapter_ids, mentorcert_private.move_login, mentorcert_private.merge_snapshot,
  mentorcert_private.merge_changes_since, mentorcert_private.merged_person, mentorcert_private.merge_chapters,
  mentorcert_private.topic_names, mentorcert_private.merge_topics, mentorcert_private.take_topics_back,
  mentorcert_private.merge_certifications, mentorcert_private.merge_peer_mentors, mentorcert_private.person_facts,
  mentorcert_private.undo_merge, public.merges_of
from public, anon, authenticated, service_role;
grant execute on function
  mentorcert_private.merge_peer_mentors, mentorcert_private.undo_merge, public.merges_of
to authenticated;
grant execute on function mentorcert_private.kept_peer_mentor_id to mentorcert_tasks;
