-- Certification types, and the dates to which their rules lead.

-- name: of_organisation(organisation_id)
select id, organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days,
  early_renewal_days, refresher_months, after_lapse, retired_on, retired_reason, version,
  mentorcert_private.sort_key(name_nb) as sort_key_nb, mentorcert_private.sort_key(name_en) as sort_key_en
from mentorcert.certification_types
where organisation_id = :organisation_id
order by code;

-- name: get(id)
select id, organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days,
  early_renewal_days, refresher_months, after_lapse, retired_on, retired_reason, version,
  mentorcert_private.sort_key(name_nb) as sort_key_nb, mentorcert_private.sort_key(name_en) as sort_key_en
from mentorcert.certification_types
where id = :id;

-- name: add(code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days, refresher_months, after_lapse)!
insert into mentorcert.certification_types
  (
    code, name_nb, name_en, validity_rule, validity_months, required_for_listing, reminder_days, early_renewal_days, refresher_months,
    after_lapse
  )
values
  (
    :code, :name_nb, :name_en, :validity_rule, :validity_months, :required_for_listing, :reminder_days::smallint[],
    :early_renewal_days::integer, :refresher_months::integer, :after_lapse
  );

-- name: change(id, version)!
update mentorcert.certification_types set version = :version {changes} where id = :id;

-- name: examples(rule, months, early_renewal_days, time_zone)
-- By the function by which certifications are issued and renewed.
select example.kind, example.issued_on, example.held_until,
  mentorcert_private.last_valid_day(
    :rule, :months::integer, example.issued_on, example.held_until, :early_renewal_days::integer
  ) as last_day
from (
  select mentorcert_private.day_of(now(), :time_zone) as today, extract(year from mentorcert_private.day_of(now(), :time_zone))::integer as year
) as clock
cross join lateral (
  values
    (1, 'today', clock.today, null::date),
    (2, 'month_end', make_date(clock.year, 8, 31), null),
    (3, 'leap_day', make_date(clock.year + 3 - mod(clock.year + 3, 4), 2, 28) + 1, null),
    (4, 'december', make_date(clock.year, 12, 15), null),
    (5, 'early', clock.today, case :rule when 'end_of_year' then make_date(clock.year, 12, 31) else clock.today + least(30, :early_renewal_days::integer) end),
    (6, 'before_window', clock.today, case :rule when 'months' then clock.today + :early_renewal_days::integer + 1 end)
) as example (place, kind, issued_on, held_until)
where (example.kind <> 'early' or :rule <> 'unlimited') and (example.kind <> 'before_window' or example.held_until is not null)
order by example.place;
