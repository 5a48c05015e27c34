-- Every day and instant that is stored is one that a calendar, a client and Python can hold.
--
-- A column of a new table is held to it by running this file again, or by a check of its own of the same name; the tests
-- of the catalogue name a column that has none.

do $$
declare
  moment record;
begin
  for moment in
    select
      attribute.attrelid::regclass as of_table, attribute.attname as name,
      format('%s_%s_in_calendar', class.relname, attribute.attname) as check_name,
      -- 9999 is the lease of what does not end.
      case attribute.atttypid when 'date'::regtype then '1899-12-31, 9999-12-31' else '1899-12-31 00:00Z, 9999-12-31 00:00Z' end as bounds,
      attribute.atttypid::regtype as type
    from pg_catalog.pg_attribute as attribute
    join pg_catalog.pg_class as class on class.oid = attribute.attrelid
    where
      class.relkind in ('r', 'p') and attribute.attnum > 0 and not attribute.attisdropped
      and class.relnamespace::regnamespace::text in ('mentorcert', 'mentorcert_private', 'mentorcert_portal')
      and attribute.atttypid in ('date'::regtype, 'timestamptz'::regtype, 'timestamp'::regtype)
      and not exists (
        select from pg_catalog.pg_constraint as existing
        where existing.conrelid = class.oid and existing.conname = format('%s_%s_in_calendar', class.relname, attribute.attname)
      )
    order by 1, attribute.attnum
  loop
    execute format(
      'alter table %s add constraint %I check (%I between %L and %L)', moment.of_table, moment.check_name, moment.name,
      split_part(moment.bounds, ', ', 1), split_part(moment.bounds, ', ', 2)
    );
  end loop;
end
$$;
