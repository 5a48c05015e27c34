-- Who is in several organisations chooses one, and must see which there are before acting in any.

create or replace function public.own_organisations()
returns table (id uuid, slug text, name text, time_zone text)
language sql
stable
security definer -- row-level security shows only the organisation in which the caller acts already
set search_path = ''
as $$
  select organisation.id, organisation.slug, organisation.name, organisation.time_zone
  from public.organisations as organisation
  where private.check_endpoint('organisations') and exists (
    select from public.memberships as membership
    where
      membership.organisation_id = organisation.id
      and membership.user_id = (select auth.uid())
      and membership.ended_at is null
  )
$$;
comment on function public.own_organisations() is
  'The organisations in which the caller has a membership; the token names one of them in app_metadata.organisation_id.';
revoke execute on function public.own_organisations() from public, anon, authenticated, service_role;
grant execute on function public.own_organisations() to authenticated;
