-- What a peer mentor can talk about, and in which languages: chosen from the organisation's list, shown on the public list
-- only while the person is on it.
--
-- That somebody talks about an illness says something of the person's own health. So no client reads or writes the tables,
-- the choices stand in no audit log, and an erasure removes them.

create table if not exists mentorcert_private.topics (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  kind text not null,
  name_nb text not null,
  name_en text not null,
  is_offered boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint topics_pkey primary key (id),
  constraint topics_organisation_id_id_key unique (organisation_id, id),
  constraint topics_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint topics_kind_valid check (kind in ('topic', 'language')),
  constraint topics_name_characters check (mentorcert_private.is_readable_line(name_nb) and mentorcert_private.is_readable_line(name_en)),
  constraint topics_name_length check (length(name_nb) <= 100 and length(name_en) <= 100),
  constraint topics_name_valid check (name_nb <> '' and name_en <> '')
);
create unique index if not exists topics_name_key
on mentorcert_private.topics (organisation_id, kind, mentorcert_private.folded(name_nb));
alter table mentorcert_private.topics enable row level security;
revoke all on mentorcert_private.topics from anon, authenticated, service_role;
comment on table mentorcert_private.topics is 'The list of an organisation of what peer mentors can talk about (topic), and in which languages (language).';
comment on column mentorcert_private.topics.version is 'How often the row was written. An update that names it changes that version only.';
comment on column mentorcert_private.topics.is_offered is 'Whether it can be chosen and is shown; who has chosen it keeps the choice, for the day on which it is offered again.';

create table if not exists mentorcert_private.peer_mentor_topics (
  organisation_id uuid not null,
  peer_mentor_id uuid not null,
  topic_id uuid not null,
  created_at timestamptz not null default now(),
  constraint peer_mentor_topics_pkey primary key (peer_mentor_id, topic_id),
  constraint peer_mentor_topics_peer_mentor_id_fkey foreign key (organisation_id, peer_mentor_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint peer_mentor_topics_topic_id_fkey foreign key (organisation_id, topic_id)
    references mentorcert_private.topics (organisation_id, id)
);
create index if not exists peer_mentor_topics_topic_id_idx on mentorcert_private.peer_mentor_topics (topic_id, peer_mentor_id);
alter table mentorcert_private.peer_mentor_topics enable row level security;
revoke all on mentorcert_private.peer_mentor_topics from anon, authenticated, service_role;
comment on table mentorcert_private.peer_mentor_topics is 'What a peer mentor has chosen to be asked about; written by public.set_peer_mentor_topics, removed by an erasure.';

create or replace trigger canonicalise
before insert or update of name_nb, name_en on mentorcert_private.topics
for each row execute function mentorcert_private.canonicalise('line', 'name_nb', 'name_en');

create or replace trigger keep_identity
before update of id, organisation_id, kind, created_at on mentorcert_private.topics
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'kind', 'created_at');

create or replace trigger check_version
before update of version on mentorcert_private.topics
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert_private.topics
for each row execute function mentorcert_private.set_version();

create or replace function public.organisation_topics()
returns table (id uuid, organisation_id uuid, kind text, name_nb text, name_en text, is_offered boolean, version bigint)
language sql
stable
security definer -- the tables are no client's to read
set search_path = ''
as $$
  select topic.id, topic.organisation_id, topic.kind, topic.name_nb, topic.name_en, topic.is_offered, topic.version
  from mentorcert_private.topics as topic
  where mentorcert_private.check_endpoint('organisations') and topic.organisation_id = (select public.get_user_organisation_id())
  order by topic.kind desc, mentorcert_private.sort_key(topic.name_nb), topic.id
$$;
comment on function public.organisation_topics() is 'The topics and languages of the organisation the caller acts in, by name.';

create or replace function public.save_organisation_topic(
  topic_id uuid, kind text, name_nb text, name_en text, is_offered boolean default true, version bigint default null
)
returns uuid
language plpgsql
security definer -- the table is no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation();
  saved_id uuid;
begin
  perform mentorcert_private.check_endpoint('organisations');
  if save_organisation_topic.topic_id is null then
    -- One at a time in an organisation, so that the bound holds.
    perform 1 from mentorcert.organisations as locked where locked.id = organisation for no key update;
    if (select count(*) >= 200 from mentorcert_private.topics as topic where topic.organisation_id = organisation) then
      raise exception using
        errcode = 'MC008', message = 'an organisation has at most 200 topics and languages',
        hint = 'Use one that you have, and rename it.', constraint = 'topics_number';
    end if;
    insert into mentorcert_private.topics (organisation_id, kind, name_nb, name_en, is_offered)
    values (organisation, save_organisation_topic.kind, save_organisation_topic.name_nb, save_organisation_topic.name_en, save_organisation_topic.is_offered)
    returning id into saved_id;
    return saved_id;
  end if;
  update mentorcert_private.topics as topic
  set
    name_nb = save_organisation_topic.name_nb, name_en = save_organisation_topic.name_en, is_offered = save_organisation_topic.is_offered,
    version = coalesce(save_organisation_topic.version, topic.version)
  where topic.id = save_organisation_topic.topic_id and topic.organisation_id = organisation
  returning topic.id into saved_id;
  if saved_id is null then
    perform mentorcert_private.raise_forbidden();
  end if;
  return saved_id;
end
$$;
comment on function public.save_organisation_topic(uuid, text, text, text, boolean, bigint) is
  'Adds a topic or language to the organisation''s list (null as its id), or changes one; administrators only. Returns its id.';

create or replace function mentorcert_private.may_choose_topics(peer_mentor_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from mentorcert.peer_mentors as mentor
    where
      mentor.id = may_choose_topics.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
      and (
        mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))
        or mentor.id = any(mentorcert_private.own_peer_mentor_ids())
      )
  )
$$;
comment on function mentorcert_private.may_choose_topics(uuid) is
  'Whether the caller chooses what a peer mentor can be asked about: the person, the administrator, and a coordinator of one of the chapters.';

create or replace function public.peer_mentor_topics(peer_mentor_id uuid)
returns uuid[]
language plpgsql
stable
security definer -- the choices are no client's to read
set search_path = ''
as $$
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if not mentorcert_private.may_choose_topics(peer_mentor_topics.peer_mentor_id) then
    perform mentorcert_private.raise_forbidden();
  end if;
  return array(
    select chosen.topic_id from mentorcert_private.peer_mentor_topics as chosen
    where chosen.peer_mentor_id = peer_mentor_topics.peer_mentor_id
    order by chosen.topic_id
  );
end
$$;
comment on function public.peer_mentor_topics(uuid) is
  'What a peer mentor has chosen to be asked about, as ids of public.organisation_topics; for those who may choose it.';

create or replace function public.set_peer_mentor_topics(peer_mentor_id uuid, topic_ids uuid[])
returns void
language plpgsql
security definer -- the choices are no client's to write
set search_path = ''
as $$
declare
  organisation uuid;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  select mentor.organisation_id into organisation
  from mentorcert.peer_mentors as mentor
  where mentor.id = set_peer_mentor_topics.peer_mentor_id and mentorcert_private.may_choose_topics(mentor.id)
  for no key update;
  if not found then
    perform mentorcert_private.raise_forbidden();
  end if;
  if cardinality(topic_ids) > 200 or exists (
    select from unnest(topic_ids) as wanted
    where not exists (
      select from mentorcert_private.topics as topic where topic.id = wanted and topic.organisation_id = organisation and topic.is_offered
    )
  ) then
    raise exception using
      errcode = 'MC008', message = 'this is no topic or language of the organisation''s list',
      hint = 'Choose from the list as it is now.', constraint = 'topic_ids';
  end if;
  -- What is not offered now is in no form: the choice stays.
  delete from mentorcert_private.peer_mentor_topics as chosen
  using mentorcert_private.topics as topic
  where chosen.peer_mentor_id = set_peer_mentor_topics.peer_mentor_id and topic.id = chosen.topic_id and topic.is_offered
    and chosen.topic_id <> all(topic_ids);
  insert into mentorcert_private.peer_mentor_topics (organisation_id, peer_mentor_id, topic_id)
  select distinct organisation, set_peer_mentor_topics.peer_mentor_id, wanted from unnest(topic_ids) as wanted
  on conflict on constraint peer_mentor_topics_pkey do nothing;
end
$$;
comment on function public.set_peer_mentor_topics(uuid, uuid[]) is
  'Says what a peer mentor can be asked about, and in which languages: these of those that are offered, and no others. The person, the administrator, and a coordinator of one of the chapters; the public list follows at once.';

revoke execute on function
  public.organisation_topics, public.save_organisation_topic, mentorcert_private.may_choose_topics, public.peer_mentor_topics, public.set_peer_mentor_topics
from public, anon, authenticated, service_role;
grant execute on function public.organisation_topics, public.save_organisation_topic, public.peer_mentor_topics, public.set_peer_mentor_topics to authenticated;
