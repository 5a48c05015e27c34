-- Pairs of peer mentors who may be one person, and those of them who are two, as an administrator has decided.

create table if not exists mentorcert_private.distinct_peer_mentors (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  first_id uuid not null,
  second_id uuid not null,
  decided_at timestamptz not null default now(),
  constraint distinct_peer_mentors_pkey primary key (id),
  constraint distinct_peer_mentors_pair_key unique (first_id, second_id),
  constraint distinct_peer_mentors_first_id_fkey foreign key (organisation_id, first_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint distinct_peer_mentors_second_id_fkey foreign key (organisation_id, second_id)
    references mentorcert.peer_mentors (organisation_id, id),
  constraint distinct_peer_mentors_pair_valid check (first_id < second_id)
);
create index if not exists distinct_peer_mentors_second_id_idx on mentorcert_private.distinct_peer_mentors (second_id);
alter table mentorcert_private.distinct_peer_mentors enable row level security;
revoke all on mentorcert_private.distinct_peer_mentors from anon, authenticated, service_role;
comment on table mentorcert_private.distinct_peer_mentors is
  'Pairs of peer mentors who look alike and are two persons, as an administrator decided; the audit log has who.';

create or replace trigger keep_identity
before update on mentorcert_private.distinct_peer_mentors
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'first_id', 'second_id');

create or replace trigger reject_truncation
before truncate on mentorcert_private.distinct_peer_mentors
for each statement execute function mentorcert_private.reject_change('audit_log_complete', 'Delete the rows.');

do $$
begin
  perform mentorcert_private.audit_table('mentorcert_private.distinct_peer_mentors', columns => '{first_id,second_id}');
end
$$;

create or replace function public.look_alike_pairs(after_first uuid default null, after_second uuid default null, page_size integer default 50)
returns table (
  organisation_id uuid, first_id uuid, first_number text, first_name text, second_id uuid, second_number text, second_name text,
  is_same_number boolean
)
language plpgsql
stable
security definer -- an index on what is compared serves no query under row-level security
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if page_size is null or page_size not between 1 and 1000 then
    raise exception using
      errcode = 'MC008', message = format('a page of %s rows', coalesce(page_size::text, 'null')),
      hint = 'Ask for 1 to 1000 rows.', constraint = 'page_size';
  end if;
  return query
  with looked_at as materialized (
    select mentor.id, mentor.external_id, mentor.full_name, mentor.email
    from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = organisation and mentor.erased_at is null and mentor.merged_into is null
      and mentor.id >= coalesce(after_first, '00000000-0000-0000-0000-000000000000')
    order by mentor.id
    limit 20000 -- whatever the size of the organisation, a page costs no more
  ),
  pairs as (
    select one.id as one_id, one.external_id, one.full_name, other.*
    from (select * from looked_at order by looked_at.id) as one
    cross join lateral (
      select alike.id, alike.external_id as other_number, alike.full_name as other_name, bool_or(alike.by_number) as by_number
      from (
        select mentor.*, true as by_number
        from mentorcert.peer_mentors as mentor
        where
          mentor.organisation_id = organisation
          and mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(one.external_id)
        union all
        select mentor.*, false
        from mentorcert.peer_mentors as mentor
        where
          mentor.organisation_id = organisation and mentor.email is not null
          and mentorcert_private.folded(mentor.email) = mentorcert_private.folded(one.email)
          and mentorcert_private.search_key(mentor.full_name) = mentorcert_private.search_key(one.full_name)
      ) as alike
      where alike.id > one.id and alike.erased_at is null and alike.merged_into is null
      group by alike.id, alike.external_id, alike.full_name
      order by alike.id
    ) as other
    where
      (after_first is null or (one.id, other.id) > (after_first, after_second))
      and not exists (
        select from mentorcert_private.distinct_peer_mentors as pair where (pair.first_id, pair.second_id) = (one.id, other.id)
      )
    limit page_size
  )
  select organisation, pairs.one_id, pairs.external_id, pairs.full_name, pairs.id, pairs.other_number, pairs.other_name, pairs.by_number
  from pairs
  union all
  -- Where it stopped before the end without a full page: from there it goes on.
  select organisation, max(looked_at.id::text)::uuid, null, null, null, null, null, null
  from looked_at
  having count(*) = 20000 and (select count(*) from pairs) < page_size
  order by 2, 5;
end
$$;
comment on function public.look_alike_pairs(uuid, uuid, integer) is
  'Peer mentors of the caller''s organisation who may be one person, pair by pair after a pair: a number equal but for case, spaces and leading zeros, or the same name and e-mail address. A row without a second one says from where to go on. Administrator only.';

create or replace function public.mark_distinct(one uuid, other uuid, is_distinct boolean default true)
returns boolean
language plpgsql
security definer -- the pairs are no client's to write
set search_path = ''
as $$
declare
  organisation constant uuid := mentorcert_private.require_administered_organisation('administration_right');
  changed integer;
begin
  perform mentorcert_private.check_endpoint('peer_mentors');
  if one = other or (
    select count(*) from mentorcert.peer_mentors as mentor
    where mentor.id in (one, other) and mentor.organisation_id = organisation and mentor.erased_at is null and mentor.merged_into is null
  ) <> 2 then
    perform mentorcert_private.raise_forbidden();
  end if;
  if is_distinct then
    insert into mentorcert_private.distinct_peer_mentors (organisation_id, first_id, second_id)
    values (organisation, least(one, other), greatest(one, other))
    on conflict on constraint distinct_peer_mentors_pair_key do nothing;
  else
    delete from mentorcert_private.distinct_peer_mentors as pair
    where (pair.first_id, pair.second_id) = (least(one, other), greatest(one, other));
  end if;
  get diagnostics changed = row_count;
  return changed > 0;
end
$$;
comment on function public.mark_distinct(uuid, uuid, boolean) is
  'Says that two peer mentors who look alike are two persons, or no longer says so; returns whether that is new. Administrator only.';

revoke execute on function
  public.look_alike_pairs, public.mark_distinct
from public, anon, authenticated, service_role;
grant execute on function public.look_alike_pairs, public.mark_distinct to authenticated;
