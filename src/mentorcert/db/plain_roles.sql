-- The roles of Supabase, which belong to the whole server: they may exist already, or come into being at this moment by a
-- migration of another database.

do $$
declare
  wanted record;
begin
  for wanted in
    select role_name, attributes
    from (
      values
        ('anon', 'nologin'),
        ('authenticated', 'nologin'),
        ('service_role', 'nologin bypassrls'),
        ('authenticator', 'login noinherit in role anon, authenticated, service_role')
    ) as roles (role_name, attributes)
  loop
    if pg_catalog.to_regrole(wanted.role_name) is null then
      begin
        execute pg_catalog.format('create role %I %s', wanted.role_name, wanted.attributes);
      exception
        when duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
end
$$;
