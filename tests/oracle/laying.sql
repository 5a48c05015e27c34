-- What a world of the model becomes in Postgres, and how the oracle tries statements there.

-- name: prepare#
create schema oracle;
grant usage on schema oracle to anon, authenticated;

-- The last transaction that laid a row; what is newer was touched by a statement that is tried.
create table oracle.laid (until bigint not null);

-- Which rows a statement has touched, visible to the caller or not.
create function oracle.touched(relation regclass, key text) returns text[]
language plpgsql security definer set search_path = ''
as $$
declare
  ids text[];
begin
  execute pg_catalog.format(
    'select array_agg(%I::text) from %s where xmin::text::bigint > (select until from oracle.laid)', key, relation
  ) into ids;
  return ids;
end
$$;

-- Executes statements one by one, each undone. A statement answers with one array of text, or else
-- (where `afterwards` is given) is followed by one that does.
create function oracle.attempts(statements text[], afterwards text[])
returns table (ids text[], state text, error text)
language plpgsql set search_path = ''
as $$
declare
  message text; detail text; hint text; violated text; table_name text; column_name text;
begin
  for number in 1 .. cardinality(statements) loop
    ids := null; state := null; error := null;
    begin
      if afterwards[number] is null then
        execute statements[number] into ids;
      else
        execute statements[number];
        execute afterwards[number] into ids;
      end if;
      raise exception sqlstate 'UNDOX';
    exception
      when sqlstate 'UNDOX' then
        null;
      when others then
        get stacked diagnostics
          state = returned_sqlstate, message = message_text, detail = pg_exception_detail, hint = pg_exception_hint,
          violated = constraint_name, table_name = table_name, column_name = column_name;
        error := concat_ws(E'\n', message, detail, hint, violated, table_name, column_name);
    end;
    return next;
  end loop;
end
$$;
grant execute on all functions in schema oracle to anon, authenticated;

-- name: lay_users(ids)!
insert into auth.users (id) select unnest(:ids::uuid[]);

-- name: lay_organisations(rows)!
insert into mentorcert.organisations (id, slug, name)
select row.id, 'organisation-' || row.number, 'Organisation'
from jsonb_to_recordset(:rows) as row (id uuid, number bigint);

-- name: lay_types(rows)!
insert into mentorcert.certification_types (
  id, organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing
)
select row.id, row.organisation_id, row.code, row.code, row.code, 'months', 12, false
from jsonb_to_recordset(:rows) as row (id uuid, organisation_id uuid, code text);

-- name: lay_chapters(rows)!
insert into mentorcert.chapters (id, organisation_id, parent_id, code, name)
select row.id, row.organisation_id, row.parent_id, row.number, 'Chapter'
from jsonb_to_recordset(:rows) as row (id uuid, organisation_id uuid, parent_id uuid, number bigint)
order by row.number;

-- name: lay_memberships(rows)!
insert into mentorcert.memberships (id, organisation_id, user_id, role, chapter_id, ended_at)
-- An end that is known and lies ahead: everything holds until then.
select
  row.id, row.organisation_id, row.user_id, row.role, row.chapter_id,
  case when row.ended then now() when mod(row.number, 2) = 0 then now() + interval '1 day' end
from jsonb_to_recordset(:rows)
  as row (id uuid, organisation_id uuid, user_id uuid, role text, chapter_id uuid, ended boolean, number bigint);

-- name: lay_peer_mentors(rows)!
-- Every second one consents, which is an act.
insert into mentorcert.peer_mentors (id, organisation_id, external_id, user_id, full_name, listing_consent)
select row.id, row.organisation_id, row.number, row.user_id, 'Person', mod(row.number, 2) = 1
from jsonb_to_recordset(:rows) as row (id uuid, organisation_id uuid, number bigint, user_id uuid);

-- name: lay_peer_mentor_chapters(rows)!
insert into mentorcert.peer_mentor_chapters (id, organisation_id, peer_mentor_id, chapter_id, ended_at)
select
  row.id, row.organisation_id, row.peer_mentor_id, row.chapter_id,
  case when row.ended then now() when mod(row.number, 3) = 0 then now() + interval '1 day' end
from jsonb_to_recordset(:rows)
  as row (id uuid, organisation_id uuid, peer_mentor_id uuid, chapter_id uuid, ended boolean, number bigint);

-- name: lay_certifications(rows)!
insert into public.peer_mentor_certifications (
  id, organisation_id, peer_mentor_id, certification_type, issued_at, expires_at
)
select
  row.id, row.organisation_id, row.peer_mentor_id, row.code,
  mentorcert_private.day_starts(current_date - 100, 'Europe/Oslo'), mentorcert_private.day_starts(current_date + 100, 'Europe/Oslo')
from jsonb_to_recordset(:rows) as row (id uuid, organisation_id uuid, peer_mentor_id uuid, code text);

-- name: lay_erased(rows)
select mentorcert_private.erase_peer_mentor(row.id) from jsonb_to_recordset(:rows) as row (id uuid, erased boolean) where row.erased;

-- name: lay_left(rows)!
update mentorcert.peer_mentors as mentor set left_on = current_date - 1
from jsonb_to_recordset(:rows) as row (id uuid, "left" boolean)
where row.id = mentor.id and row."left";

-- name: lay_events(rows)!
insert into mentorcert.certification_renewal_events (entry_id, organisation_id, certification_id, position, entry)
select
  row.id, row.organisation_id, row.certification_id, 1,
  (certification.renewal_history -> 0) || jsonb_build_object('entry_id', row.id)
from jsonb_to_recordset(:rows) as row (id uuid, organisation_id uuid, certification_id uuid)
join public.peer_mentor_certifications as certification on certification.id = row.certification_id;

-- name: lay_listed()!
-- One peer mentor in three has a running lease, one an ended one, and one is not listed.
insert into public.listed_peer_mentors (
  peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until
)
select
  mentor.id, mentor.organisation_id, 'slug', 'Person', '{}',
  now() + case when mentor.turn = 0 then 1 else -1 end * interval '1 day'
from (select *, mod(external_id::integer, 3) as turn from mentorcert.peer_mentors where erased_at is null) as mentor
where mentor.turn < 2;

-- name: end_memberships(ids)!
update mentorcert.memberships set ended_at = now() where id = any(:ids);

-- name: end_peer_mentor_chapters(ids)!
update mentorcert.peer_mentor_chapters set ended_at = now() where id = any(:ids);

-- name: listed()
select peer_mentor_id, organisation_id, listed_until from public.listed_peer_mentors;

-- name: listing_consents()
select id, organisation_id, peer_mentor_id from mentorcert.listing_consents;

-- name: audit_log()
select id, organisation_id from mentorcert.audit_log;

-- name: remember_what_is_laid()!
insert into oracle.laid
select greatest(
  (select max(xmin::text::bigint) from mentorcert.organisations), (select max(xmin::text::bigint) from mentorcert.chapters),
  (select max(xmin::text::bigint) from mentorcert.memberships), (select max(xmin::text::bigint) from mentorcert.peer_mentors),
  (select max(xmin::text::bigint) from mentorcert.peer_mentor_chapters),
  (select max(xmin::text::bigint) from mentorcert.certification_types),
  (select max(xmin::text::bigint) from public.peer_mentor_certifications)
);
