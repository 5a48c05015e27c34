-- What is wrong with the rows of an import. The texts stand in importing.py.

-- name: check_rows(time_zone, organisation_id)!
insert into pg_temp.import_problems (line, column_name, problem, detail, is_of_person)
select staged.line, 'chapters', 'chapter_unknown', word.word, true
from pg_temp.import_rows as staged
cross join unnest(staged.chapters) as named (word)
join pg_temp.import_chapters as word on word.word = named.word and word.matches = 0
union all
select staged.line, 'chapters', 'chapter_ambiguous', word.word, true
from pg_temp.import_rows as staged
cross join unnest(staged.chapters) as named (word)
join pg_temp.import_chapters as word on word.word = named.word and word.matches > 1
union all
select
  staged.line, 'certification_type',
  case when word.matches = 0 then 'type_unknown' else 'type_ambiguous' end, word.word, false
from pg_temp.import_rows as staged
join pg_temp.import_types as word on word.word = staged.certification_type and word.matches <> 1
union all
select staged.line, 'chapters', 'chapter_retired', word.word, true
from pg_temp.import_rows as staged
cross join unnest(staged.chapters) as named (word)
join pg_temp.import_chapters as word on word.word = named.word and word.matches = 1
join mentorcert.chapters as chapter on chapter.id = word.chapter_id and chapter.retired_on is not null
union all
select certification.line, 'certification_type', 'type_retired', type.retired_on::text, false
from pg_temp.import_certifications as certification
join mentorcert.certification_types as type
  on type.organisation_id = :organisation_id and type.code = certification.certification_type
where
  certification.issued >= type.retired_on
  and (certification.held_issued is null or certification.issued > certification.held_issued)
union all
select staged.line, 'issued', 'issued_in_future', null, false
from pg_temp.import_rows as staged
where staged.issued > (select mentorcert_private.day_of(now(), :time_zone))
union all
select staged.line, differing.column_name, 'person_differs', staged.first_line::text, true
from (
  select
    person.*,
    first_value(person.line) over same_person as first_line,
    first_value(person.full_name) over same_person as first_name,
    first_value(person.email) over same_person as first_email,
    first_value(person.phone) over same_person as first_phone,
    first_value(person.chapters) over same_person as first_chapters,
    first_value(person.listing_consent) over same_person as first_consent
  from pg_temp.import_rows as person
  where not person.person_is_bad
  window same_person as (partition by person.external_id order by person.line)
) as staged
cross join lateral (
  values
    ('name', staged.full_name is distinct from staged.first_name),
    ('email', staged.email is distinct from staged.first_email),
    ('phone', staged.phone is distinct from staged.first_phone),
    ('chapters', staged.chapters is distinct from staged.first_chapters),
    ('consent', staged.listing_consent is distinct from staged.first_consent)
) as differing (column_name, differs)
where differing.differs
union all
select
  staged.line, case erased.kind when 'email' then 'email' else 'external_id' end, 'person_erased', null, true
from pg_temp.import_rows as staged
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and mentor.external_id = staged.external_id
cross join lateral mentorcert_private.erased_kinds(
  :organisation_id,
  case when mentor.id is null then staged.external_id end,
  case when staged.email is distinct from mentor.email then staged.email end
) as erased (kind)
where (select mentorcert_private.has_erased(:organisation_id))
union all
select staged.line, 'external_id', 'person_merged', kept.external_id, true
from pg_temp.import_rows as staged
join mentorcert.peer_mentors as merged
  on merged.organisation_id = :organisation_id and merged.external_id = staged.external_id and merged.merged_into is not null
join mentorcert.peer_mentors as kept on kept.id = mentorcert_private.kept_peer_mentor_id(merged.id)
where kept.erased_at is null
union all
select staged.line, 'external_id', 'number_reserved', null, true
from pg_temp.import_rows as staged
where staged.external_id ~* '^erased-'
union all
select certification.line, 'certification_type', 'certification_twice', min(other.line)::text, false
from pg_temp.import_certifications as certification
join pg_temp.import_rows as staged on staged.line = certification.line
join pg_temp.import_certifications as other
  on other.external_id = certification.external_id and other.certification_type = certification.certification_type
join pg_temp.import_rows as other_staged on other_staged.line = other.line
where
  (other_staged.issued, other_staged.expires, other_staged.past_starts, other_staged.past_ends)
  is distinct from (staged.issued, staged.expires, staged.past_starts, staged.past_ends)
group by certification.line
union all
select
  certification.line, 'expires',
  case when certification.stated_expires = 'infinity' then 'type_is_limited' else 'type_is_unlimited' end,
  certification.certification_type, false
from pg_temp.import_certifications as certification
where
  (certification.stated_expires = 'infinity') <> (certification.validity_rule = 'unlimited')
  and (certification.issued, certification.expires)
    is distinct from (certification.held_issued, certification.held_expires)
union all
select
  certification.line,
  case when certification.issued < certification.held_issued then 'issued' else 'expires' end,
  case when certification.issued < certification.held_issued then 'older_than_registry' else 'would_shorten' end,
  case
    when certification.issued < certification.held_issued then certification.held_issued::text
    else certification.held_expires::text
  end,
  false
from pg_temp.import_certifications as certification
where certification.issued < certification.held_issued or certification.expires < certification.held_expires
union all
select certification.line, 'issued', 'needs_' || type.after_lapse, refresher.until::text, false
from pg_temp.import_certifications as certification
join mentorcert.certification_types as type
  on type.organisation_id = :organisation_id and type.code = certification.certification_type
cross join lateral (
  select mentorcert_private.refresher_until(nullif(certification.held_expires, 'infinity'), type.refresher_months) as until
) as refresher
where certification.issued > certification.held_issued and certification.issued > refresher.until
union all
select certification.line, 'issued', 'superseded', null, false
from pg_temp.import_certifications as certification
where
  certification.issued >= certification.held_issued
  and certification.expires >= certification.held_expires
  and (certification.issued, certification.expires) <> (certification.held_issued, certification.held_expires)
  and exists (
    select from pg_temp.import_history as history
    where
      history.certification_id = certification.certification_id
      and history.issued = certification.issued
      and history.expires = certification.expires
      and not history.is_newest
  )
union all
-- As far again beyond what the type gives, and a year, is a slip of the pen: 2082 for 2028.
select
  period.line, case when period.is_current then 'expires' else 'past_renewals' end, 'far_beyond_rule',
  rule.last_day::text, false
from pg_temp.import_periods as period
join pg_temp.import_certifications as certification on certification.line = period.line
cross join lateral (
  select mentorcert_private.last_valid_day(certification.validity_rule, certification.validity_months, period.starts, null) as last_day
) as rule
where
  period.stated_ends <> 'infinity'
  and certification.validity_rule <> 'unlimited'
  and period.stated_ends > rule.last_day + (rule.last_day - period.starts) + 366
  and (certification.certification_id is null or period.is_current)
  and (certification.held_expires is null or period.stated_ends > certification.held_expires)
union all
-- Warnings: the row is written all the same.
select period.line, 'expires', 'beyond_rule', rule.last_day::text, false
from pg_temp.import_periods as period
join pg_temp.import_certifications as certification on certification.line = period.line
cross join lateral (
  select mentorcert_private.last_valid_day(
    certification.validity_rule, certification.validity_months, period.starts, held.until, certification.early_renewal_days
  ) as last_day
  from (
    select nullif(max(ends), 'infinity') as until
    from (
      select earlier.ends from pg_temp.import_periods as earlier
      where earlier.line = period.line and earlier.position < period.position
      union all
      select certification.held_expires where certification.held_issued < certification.issued
    ) as before
  ) as held
) as rule
where
  period.is_current
  and period.stated_ends <> 'infinity'
  and certification.validity_rule <> 'unlimited'
  and period.stated_ends > rule.last_day
  and period.stated_ends <= rule.last_day + (rule.last_day - period.starts) + 366
  and (certification.held_issued is null or certification.issued >= certification.held_issued)
  and not exists (
    select from pg_temp.import_history as history
    where
      history.certification_id = certification.certification_id
      and history.issued = certification.issued
      and history.expires = certification.expires
  )
  and (certification.held_expires is null or period.stated_ends > certification.held_expires)
union all
select certification.line, 'certification_type', 'stays_suspended', null, false
from pg_temp.import_certifications as certification
where
  certification.held_status = 'suspended'
  and (certification.issued, certification.expires) <> (certification.held_issued, certification.held_expires)
union all
select
  period.line, 'past_renewals', 'past_unknown', string_agg(period.starts::text, ', ' order by period.starts), false
from pg_temp.import_periods as period
join pg_temp.import_certifications as certification on certification.line = period.line
where
  not period.is_current
  and certification.certification_id is not null
  and not exists (
    select from pg_temp.import_history as history
    where
      history.certification_id = certification.certification_id
      and history.issued = period.starts
      and (period.stated_ends is null or history.expires = period.stated_ends)
  )
group by period.line;

-- name: keep_withdrawn_consents(time_zone, organisation_id)!
-- A file's yes may be older than the withdrawal: it is left alone, with a warning. So it is where the number is new, but
-- somebody of the same name and number or address withdrew: the number may have been another one when the file was written.
with withdrawn as (
  select staged.line, max(latest.recorded_at) as recorded_at
  from pg_temp.import_rows as staged
  left join mentorcert.peer_mentors as same
    on same.organisation_id = :organisation_id and same.external_id = staged.external_id
  cross join lateral (
    select same.id, same.listing_consent where same.id is not null
    union all
    select alike.id, alike.listing_consent
    from mentorcert.peer_mentors as alike
    where
      same.id is null and alike.organisation_id = :organisation_id and alike.erased_at is null
      and mentorcert_private.folded(alike.email) = mentorcert_private.folded(staged.email)
      and mentorcert_private.folded(alike.full_name) = mentorcert_private.folded(staged.full_name)
    union all
    select alike.id, alike.listing_consent
    from mentorcert.peer_mentors as alike
    where
      same.id is null and alike.organisation_id = :organisation_id and alike.erased_at is null
      and mentorcert_private.number_key(alike.external_id) = mentorcert_private.number_key(staged.external_id)
      and mentorcert_private.folded(alike.full_name) = mentorcert_private.folded(staged.full_name)
  ) as mentor
  cross join lateral (
    select max(act.recorded_at) as recorded_at from mentorcert.listing_consents as act where act.peer_mentor_id = mentor.id
  ) as latest
  where staged.listing_consent and not mentor.listing_consent and latest.recorded_at is not null
  group by staged.line
),
kept as (
  update pg_temp.import_rows as staged set listing_consent = false
  from withdrawn
  where staged.line = withdrawn.line
)
insert into pg_temp.import_problems (line, column_name, problem, detail)
select withdrawn.line, 'consent', 'consent_withdrawn', mentorcert_private.day_of(withdrawn.recorded_at, :time_zone)::text
from withdrawn;

-- name: find_problems()
select problem.line, problem.column_name, problem.problem, problem.detail
from pg_temp.import_problems as problem
order by problem.line, problem.column_name, problem.problem, problem.detail;

-- name: find_outcomes(organisation_id)
-- What the registry has against what each row says; to be asked before rows are left out and anything is written.
select
  staged.line,
  staged.external_id,
  staged.full_name as name,
  case
    when staged.external_id is null then null
    when mentor.id is null then 'added'
    when
      (mentor.full_name, mentor.email, mentor.phone, mentor.listing_consent)
      is distinct from (staged.full_name, staged.email, staged.phone, staged.listing_consent)
      or held.chapter_ids is distinct from stated.chapter_ids then 'changed'
    else 'unchanged'
  end as person,
  coalesce(certification.certification_type, staged.certification_type) as certification_type,
  case
    when certification.line is null then null
    when
      row_number() over (
        partition by certification.external_id, certification.certification_type order by staged.line
      ) > 1 then 'repeated'
    when certification.certification_id is null then 'added'
    when
      (certification.issued, certification.expires) <> (certification.held_issued, certification.held_expires)
      then 'changed'
    else 'unchanged'
  end as certification,
  certification.issued,
  nullif(certification.expires, 'infinity') as expires,
  coalesce(certification.expires = 'infinity', false) as is_unlimited,
  certification.held_issued,
  nullif(certification.held_expires, 'infinity') as held_expires,
  coalesce(field.changes, '[]') as changes
from pg_temp.import_rows as staged
left join pg_temp.import_certifications as certification on certification.line = staged.line
left join mentorcert.peer_mentors as mentor
  on mentor.organisation_id = :organisation_id and mentor.external_id = staged.external_id
left join lateral (
  select
    array_agg(distinct word.chapter_id order by word.chapter_id) as chapter_ids,
    string_agg(distinct word.code, ', ' order by word.code) as codes
  from unnest(staged.chapters) as named (word)
  join pg_temp.import_chapters as word on word.word = named.word
) as stated on true
left join lateral (
  select
    array_agg(membership.chapter_id order by membership.chapter_id) as chapter_ids,
    string_agg(chapter.code, ', ' order by chapter.code) as codes
  from mentorcert.peer_mentor_chapters as membership
  join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
  where
    membership.organisation_id = :organisation_id
    and membership.peer_mentor_id = mentor.id
    and (membership.ended_at is null or membership.ended_at > statement_timestamp())
) as held on true
left join lateral (
  select jsonb_agg(
    jsonb_build_object('column', changed.name, 'before', changed.before, 'after', changed.after) order by changed.position
  ) as changes
  from (
    values
      (1, 'name', mentor.full_name, staged.full_name),
      (2, 'email', mentor.email, staged.email),
      (3, 'phone', mentor.phone, staged.phone),
      (4, 'chapters', held.codes, stated.codes),
      (5, 'consent', mentor.listing_consent::text, staged.listing_consent::text)
  ) as changed (position, name, before, after)
  where mentor.id is not null and not staged.person_is_bad and changed.before is distinct from changed.after
) as field on true
order by staged.line;

-- name: leave_out_bad_rows(warnings)
-- A bad row, and every row of a person whose own columns are bad. Returns the lines left out.
with people as (
  select staged.external_id
  from pg_temp.import_rows as staged
  left join pg_temp.import_problems as problem on problem.line = staged.line and problem.is_of_person
  where staged.person_is_bad or problem.line is not null
),
left_out as (
  delete from pg_temp.import_rows as staged
  where
    staged.row_is_bad
    or staged.external_id in (select people.external_id from people)
    or staged.line in (
      select problem.line from pg_temp.import_problems as problem where problem.problem <> all(:warnings)
    )
  returning staged.line
),
certifications_left_out as (
  delete from pg_temp.import_certifications as certification
  using left_out
  where certification.line = left_out.line
)
select left_out.line from left_out order by left_out.line;

-- name: leave_out_repetitions()!
-- Lines that say the same of the same certification count once.
delete from pg_temp.import_certifications as certification
using (
  select same.line, row_number() over (partition by same.external_id, same.certification_type order by same.line) as n
  from pg_temp.import_certifications as same
) as repetition
where repetition.line = certification.line and repetition.n > 1;
