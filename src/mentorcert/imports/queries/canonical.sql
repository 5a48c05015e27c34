-- Names, numbers and addresses of an import: their canonical form, whom a number means, and what the registry would not take.
-- Where the registry is looked through for people of the file, offset 0 has it done person by person, by an index: joined
-- otherwise, everybody of the organisation would be read.

-- name: canonicalise_rows()!
-- But for rows that are so already, most of a file: letters of Latin, words with one space between them, addresses in lower
-- case. A row's chapters are sorted already.
update pg_temp.import_rows as staged
set
  external_id = nullif(mentorcert_private.canonical_line(staged.external_id), ''),
  full_name = nullif(mentorcert_private.canonical_line(staged.full_name), ''),
  email = nullif(mentorcert_private.canonical_email(staged.email), ''),
  phone = nullif(mentorcert_private.canonical_line(staged.phone), ''),
  chapters = (
    select array_agg(distinct mentorcert_private.canonical_line(named.word) collate "C") from unnest(staged.chapters) as named (word)
  ),
  certification_type = nullif(mentorcert_private.canonical_line(staged.certification_type), '')
from (select '^[!-~\u00a1-\u00ac\u00ae-\u024f]+( [!-~\u00a1-\u00ac\u00ae-\u024f]+)*$' as line) as canonical
where not (
  coalesce(staged.external_id ~ canonical.line, true)
  and coalesce(staged.full_name ~ canonical.line, true)
  and coalesce(staged.email ~ '^[!-~]+$' and staged.email = lower(staged.email), true)
  and coalesce(staged.phone ~ canonical.line, true)
  and coalesce(array_to_string(staged.chapters, ' ') ~ canonical.line, true)
  and coalesce(staged.certification_type ~ canonical.line, true)
);

-- name: match_numbers(organisation_id)!
-- w1 is W1, as the registry writes it or else the file's first line; and 123 is 00123 if the registry has that, and not
-- the other, for somebody of the same name: spreadsheets take the zeros away.
with people as (
  select staged.external_id, staged.full_name, min(staged.line) as line
  from pg_temp.import_rows as staged
  where staged.external_id is not null
  group by staged.external_id, staged.full_name
),
meant as (
  select
    people.external_id as written, people.full_name,
    coalesce(
      same.external_id,
      case when count(distinct alike.external_id) = 1 then min(alike.external_id) end,
      first_value(people.external_id) over (partition by mentorcert_private.folded(people.external_id) order by people.line)
    ) as external_id,
    same.external_id is null and count(distinct alike.external_id) = 1 as is_repaired
  from people
  left join lateral (
    select mentor.external_id from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = :organisation_id
      and mentorcert_private.folded(mentor.external_id) = mentorcert_private.folded(people.external_id)
    offset 0
  ) as same on true
  left join lateral (
    select mentor.external_id from mentorcert.peer_mentors as mentor
    where
      mentor.organisation_id = :organisation_id
      and mentorcert_private.number_key(mentor.external_id) = mentorcert_private.number_key(people.external_id)
      and mentorcert_private.folded(mentor.full_name) = mentorcert_private.folded(people.full_name)
      and mentor.erased_at is null
      and mentor.merged_into is null
    offset 0
  ) as alike on true
  group by people.external_id, people.full_name, people.line, same.external_id
),
renamed as (
  update pg_temp.import_rows as staged
  set external_id = meant.external_id
  from meant
  where
    meant.written = staged.external_id and meant.full_name is not distinct from staged.full_name
    and meant.external_id <> staged.external_id
  returning staged.line, meant.external_id, meant.is_repaired
)
insert into pg_temp.import_problems (line, column_name, problem, detail, is_of_person)
select
  renamed.line, 'external_id',
  case when renamed.is_repaired then 'number_repaired' else 'external_id_case' end, renamed.external_id, true
from renamed;

-- name: check_texts()!
with people as (
  select array_agg(staged.line) as lines, staged.external_id, staged.full_name, staged.email, staged.phone
  from pg_temp.import_rows as staged
  where not staged.person_is_bad
  group by staged.external_id, staged.full_name, staged.email, staged.phone
),
wrong as (
  select said.line, rule.column_name, rule.problem
  from people
  cross join lateral (
    values
      ('external_id', 'number_signs', not mentorcert_private.is_number(people.external_id)),
      ('external_id', 'text_empty', people.external_id is null),
      ('external_id', 'text_long', length(people.external_id) > 100),
      ('name', 'text_empty', people.full_name is null),
      ('name', 'text_unreadable', not mentorcert_private.is_readable_line(people.full_name)),
      ('name', 'text_long', length(people.full_name) > 200),
      ('email', 'email_invalid', not mentorcert_private.is_email(people.email)),
      ('phone', 'phone_invalid', not mentorcert_private.is_phone(people.phone) or length(people.phone) > 40)
  ) as rule (column_name, problem, is_broken)
  cross join unnest(people.lines) as said (line)
  where rule.is_broken
),
noted as (
  insert into pg_temp.import_problems (line, column_name, problem, is_of_person)
  select wrong.line, wrong.column_name, wrong.problem, true from wrong
)
update pg_temp.import_rows as staged
set
  row_is_bad = true, person_is_bad = true,
  external_id = case
    when not exists (select from wrong where wrong.line = staged.line and wrong.column_name = 'external_id') then staged.external_id
  end
where staged.line in (select wrong.line from wrong);

-- name: check_look_alikes(organisation_id)!
-- Of persons that the registry does not have yet: is each another one under another number?
with people as (
  select distinct on (staged.external_id)
    staged.line, staged.external_id, mentorcert_private.number_key(staged.external_id) as number_key,
    mentorcert_private.search_key(staged.full_name) as name, mentorcert_private.folded(staged.email) as email
  from pg_temp.import_rows as staged
  where staged.external_id is not null
  order by staged.external_id, staged.line
),
added as (
  select people.* from people
  where not exists (
    select from mentorcert.peer_mentors as mentor
    where mentor.organisation_id = :organisation_id and mentor.external_id = people.external_id
  )
),
alike as (
  select added.line, 'number_looks_like' as problem, mentor.external_id
  from added
  cross join lateral (
    select present.external_id from mentorcert.peer_mentors as present
    where
      present.organisation_id = :organisation_id
      and mentorcert_private.number_key(present.external_id) = added.number_key
      and present.erased_at is null
      and present.merged_into is null
    offset 0
  ) as mentor
  union all
  select added.line, 'number_looks_like', other.external_id
  from added
  join people as other on other.number_key = added.number_key and other.external_id <> added.external_id
  union all
  select added.line, 'person_looks_like', mentor.external_id
  from added
  cross join lateral (
    select present.external_id from mentorcert.peer_mentors as present
    where
      present.organisation_id = :organisation_id
      and mentorcert_private.folded(present.email) = added.email
      and mentorcert_private.search_key(present.full_name) = added.name
      and present.erased_at is null
      and present.merged_into is null
    offset 0
  ) as mentor
  union all
  select added.line, 'person_looks_like', other.external_id
  from added
  join people as other
    on other.email = added.email and other.name = added.name and other.external_id <> added.external_id
)
insert into pg_temp.import_problems (line, column_name, problem, detail)
select
  alike.line, case when alike.problem = 'number_looks_like' then 'external_id' else 'name' end, alike.problem,
  -- A few are enough.
  array_to_string(trim_array(array_agg(distinct alike.external_id), greatest(count(distinct alike.external_id) - 3, 0)::integer), ', ')
from alike
group by alike.line, alike.problem;
