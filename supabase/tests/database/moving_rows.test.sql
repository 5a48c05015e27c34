\ir fixture.psql
-- A row stays in its organisation, and a certification with its peer mentor. Three guards hold that, each proven with
-- the others taken away: no column grant, the trigger keep_identity, and WITH CHECK.

select tests.everybody_gets(
  format('update %s set %I = %L', tests.qualified(table_name), column_name, tests.id('beta')),
  format('no client moves a row by %s.%s', table_name, column_name),
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501',
  'service_role: ' || by_service_role
)
from (
  values
    ('chapters', 'organisation_id', 'MC007 chapters_organisation_id_immutable'),
    ('certification_types', 'organisation_id', 'MC007 certification_types_organisation_id_immutable'),
    ('memberships', 'organisation_id', 'MC007 memberships_organisation_id_immutable'),
    ('memberships', 'user_id', 'MC007 memberships_user_id_immutable'),
    ('memberships', 'chapter_id', 'MC007 memberships_chapter_id_immutable'),
    ('peer_mentors', 'organisation_id', 'MC007 peer_mentors_organisation_id_immutable'),
    ('peer_mentor_chapters', 'organisation_id', 'MC007 peer_mentor_chapters_organisation_id_immutable'),
    ('peer_mentor_chapters', 'peer_mentor_id', 'MC007 peer_mentor_chapters_peer_mentor_id_immutable'),
    ('peer_mentor_chapters', 'chapter_id', 'MC007 peer_mentor_chapters_chapter_id_immutable')
) as columns (table_name, column_name, by_service_role);
select tests.everybody_gets(
  format('update public.peer_mentor_certifications set %I = default', column_name),
  format('no client moves a certification by %s, nor does the service key', column_name),
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: 42501'
)
from unnest(array['id', 'organisation_id', 'peer_mentor_id', 'chapter_ids']) as column_name;

-- The trigger: the owner has every grant and is under no policy.
select is(
  tests.attempt('owner', format('update %s set %I = %s', tests.qualified(table_name), column_name, value)),
  format('MC007 %s_%s_immutable', table_name, column_name),
  format('not even the owner changes %s.%s', table_name, column_name)
)
from (
  values
    ('organisations', 'id', 'gen_random_uuid()'), ('organisations', 'slug', $$ 'new' $$),
    ('organisations', 'time_zone', $$ 'UTC' $$), ('organisations', 'created_at', $$ '2020-01-01' $$),
    ('chapters', 'id', 'gen_random_uuid()'), ('chapters', 'organisation_id', $$ tests.id('gamma') $$),
    ('chapters', 'created_at', $$ '2020-01-01' $$),
    ('memberships', 'id', 'gen_random_uuid()'), ('memberships', 'organisation_id', $$ tests.id('gamma') $$),
    ('memberships', 'user_id', $$ tests.id('gamma') $$), ('memberships', 'role', $$ 'new' $$),
    ('memberships', 'chapter_id', $$ tests.id('gamma') $$), ('memberships', 'created_at', $$ '2020-01-01' $$),
    ('peer_mentors', 'id', 'gen_random_uuid()'), ('peer_mentors', 'organisation_id', $$ tests.id('gamma') $$),
    ('peer_mentors', 'created_at', $$ '2020-01-01' $$),
    ('peer_mentor_chapters', 'id', 'gen_random_uuid()'),
    ('peer_mentor_chapters', 'organisation_id', $$ tests.id('gamma') $$),
    ('peer_mentor_chapters', 'peer_mentor_id', $$ tests.id('gamma') $$),
    ('peer_mentor_chapters', 'chapter_id', $$ tests.id('gamma') $$),
    ('peer_mentor_chapters', 'created_at', $$ '2020-01-01' $$),
    ('certification_types', 'id', 'gen_random_uuid()'),
    ('certification_types', 'organisation_id', $$ tests.id('gamma') $$),
    ('certification_types', 'code', $$ 'new' $$), ('certification_types', 'created_at', $$ '2020-01-01' $$),
    ('peer_mentor_certifications', 'id', 'gen_random_uuid()'),
    ('peer_mentor_certifications', 'organisation_id', $$ tests.id('gamma') $$),
    ('peer_mentor_certifications', 'peer_mentor_id', $$ tests.id('gamma') $$),
    ('peer_mentor_certifications', 'created_at', $$ '2020-01-01' $$)
) as columns (table_name, column_name, value);
select is(
  tests.attempt('owner', format('update %s set chapter_ids = array[tests.id(%L)] where id = tests.id(%L)', tests.qualified(table_name), 'b1', row_name)),
  format('MC007 %s_chapter_ids_immutable', table_name),
  format('not even the owner gives %s other chapters than those in peer_mentor_chapters', table_name)
)
from (values ('peer_mentors', 'mia'), ('peer_mentor_certifications', 'mia.basic')) as rows (table_name, row_name);

-- WITH CHECK alone. A change that reads no column is under the policy for UPDATE only.
grant update (organisation_id) on
  mentorcert.chapters, mentorcert.certification_types, mentorcert.memberships, mentorcert.peer_mentors,
  mentorcert.peer_mentor_chapters, public.peer_mentor_certifications
to authenticated;
grant update (id) on mentorcert.organisations to authenticated;
alter table mentorcert.organisations disable trigger keep_identity;
alter table mentorcert.chapters disable trigger keep_identity;
alter table mentorcert.certification_types disable trigger keep_identity;
alter table mentorcert.memberships disable trigger keep_identity;
alter table mentorcert.peer_mentors disable trigger keep_identity;
alter table mentorcert.peer_mentor_chapters disable trigger keep_identity;
alter table public.peer_mentor_certifications disable trigger keep_identity;
select is(
  tests.attempt('adam', format('update %s set organisation_id = %L', tests.qualified(table_name), tests.id('beta'))),
  '42501', format('WITH CHECK keeps %s in the organisation', table_name)
)
from unnest(array[
  'chapters', 'certification_types', 'memberships', 'peer_mentors', 'peer_mentor_chapters', 'peer_mentor_certifications'
]) as table_name;
select is(
  tests.attempt('adam', $$ update mentorcert.organisations set id = tests.id('gamma') $$),
  '42501', 'WITH CHECK keeps the organisation the one'
);

select * from finish();
rollback;
