-- Two organisations, three chapters, and people with roles. All of them are made up.

insert into auth.users (id, email) values
  ('00000000-0000-4000-8000-000000000001', 'office@example.org'),
  ('00000000-0000-4000-8000-000000000002', 'leader@example.org'),
  ('00000000-0000-4000-8000-000000000003', 'kari@example.org'),
  ('00000000-0000-4000-8000-000000000004', 'ola@example.org'),
  ('00000000-0000-4000-8000-000000000005', 'other@example.org');

insert into public.organisations (id, name, short_name) values
  ('00000000-0000-4000-8000-00000000000a', 'Hørselsforeningen', 'horsel'),
  ('00000000-0000-4000-8000-00000000000b', 'Synsforeningen', 'syn');

insert into public.chapters (organisation_id, county_id, name) values
  ('00000000-0000-4000-8000-00000000000a', null, 'Vestland'),
  ('00000000-0000-4000-8000-00000000000a', 1, 'Bergen'),
  ('00000000-0000-4000-8000-00000000000b', null, 'Oslo');

insert into public.profiles (id, organisation_id, full_name, email, role) values
  ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-00000000000a', 'Office', 'office@example.org', 'office'),
  ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-00000000000a', 'Leader', 'leader@example.org', 'guest'),
  ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-00000000000a', 'Kari Nordmann', 'kari@example.org', 'volunteer'),
  ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-00000000000a', 'Ola Nordmann', 'ola@example.org', 'volunteer'),
  ('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-00000000000b', 'Other', 'other@example.org', 'office');

insert into public.chapter_members (profile_id, chapter_id, position) values
  ('00000000-0000-4000-8000-000000000002', 1, 'leader'),
  ('00000000-0000-4000-8000-000000000003', 2, 'volunteer'),
  ('00000000-0000-4000-8000-000000000004', 1, 'volunteer');
