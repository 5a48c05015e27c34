-- One organisation with many certifications of one type, what an administrator does to many of them at once, and the least
-- that could be done instead: one update that writes the same entries.

-- name: lift_triggers()!
set local session_replication_role = replica;

-- name: restore_triggers()!
set local session_replication_role = origin;

-- name: insert_organisation()!
insert into mentorcert.organisations (id, slug, name) values (md5('large organisation')::uuid, 'large', 'Large organisation');

-- name: insert_chapters()!
insert into mentorcert.chapters (id, organisation_id, code, name)
select md5('large chapter ' || chapter)::uuid, md5('large organisation')::uuid, 'C' || chapter, 'Chapter ' || chapter
from generate_series(0, 4) as chapter;

-- name: insert_type()!
insert into mentorcert.certification_types (
  organisation_id, code, name_nb, name_en, validity_rule, validity_months, required_for_listing
)
values (md5('large organisation')::uuid, 'course', 'kurs', 'course', 'months', 24, true);

-- name: insert_administrator()!
with login as (
  insert into auth.users (id, email) values (md5('large administrator')::uuid, 'large.administrator@example.org') returning id
)
insert into mentorcert.memberships (organisation_id, user_id, role)
select md5('large organisation')::uuid, login.id, 'org_admin' from login;

-- name: insert_peer_mentors(number)!
insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, listing_consent, chapter_ids)
select
  md5('large mentor ' || mentor)::uuid, md5('large organisation')::uuid, mentor, 'Mentor Number ' || mentor, mod(mentor, 3) = 0,
  array[md5('large chapter ' || mod(mentor, 5))::uuid]
from generate_series(1, :number) as mentor;

-- name: insert_chapters_of_peer_mentors()!
insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)
select mentor.organisation_id, mentor.id, mentor.chapter_ids[1]
from mentorcert.peer_mentors as mentor where mentor.organisation_id = md5('large organisation')::uuid;

-- name: insert_certifications()!
insert into public.peer_mentor_certifications (
  id, organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, chapter_ids, renewal_history
)
select
  md5('large certification ' || mentor.external_id)::uuid, mentor.organisation_id, mentor.id, 'course', dated.issued_at, dated.expires_at,
  mentor.chapter_ids,
  jsonb_build_array(jsonb_build_object(
    'schema_version', mentorcert_private.current_history_version(),
    'entry_id', gen_random_uuid(),
    'kind', 'imported',
    'recorded_at', now(),
    'effective_at', dated.issued_at,
    'actor', jsonb_build_object('job', 'import'),
    'before', null,
    'after', jsonb_build_object(
      'certification_type', 'course', 'status', 'active', 'issued_at', dated.issued_at, 'expires_at', dated.expires_at
    )
  ))
from mentorcert.peer_mentors as mentor
cross join lateral (
  select mentorcert_private.day_of(now(), 'Europe/Oslo') - 700 + mod(mentor.external_id::integer, 600) as day
) as issue
cross join lateral (
  select
    mentorcert_private.day_starts(issue.day, 'Europe/Oslo') as issued_at,
    mentorcert_private.day_starts((issue.day + interval '24 months')::date + 1, 'Europe/Oslo') as expires_at
) as dated
where mentor.organisation_id = md5('large organisation')::uuid;

-- name: insert_listing()!
insert into public.listed_peer_mentors (
  peer_mentor_id, organisation_id, organisation_slug, display_name, chapters, listed_until, chapter_codes, topic_ids
)
select derived.* from mentorcert_private.derived_listing(array(
  select mentor.id from mentorcert.peer_mentors as mentor where mentor.organisation_id = md5('large organisation')::uuid
)) as derived;

-- name: insert_states()!
-- The portal has confirmed everybody.
insert into mentorcert_portal.states (
  peer_mentor_id, organisation_id, state, sent_version, confirmed_version, confirmed_at, shown, removal_due_at, is_removal, next_attempt_at,
  first_dirty_at
)
select
  mentor.id, mentor.organisation_id, 'in_sync', 1, 1, now(), listed.peer_mentor_id is not null, listed.listed_until,
  listed.peer_mentor_id is not null, listed.listed_until, null
from mentorcert.peer_mentors as mentor
left join public.listed_peer_mentors as listed on listed.peer_mentor_id = mentor.id
where mentor.organisation_id = md5('large organisation')::uuid;

-- name: delete_all()!
do $$
declare
  owned regclass;
begin
  for owned in
    select class.oid from pg_catalog.pg_class as class
    join pg_catalog.pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attname = 'organisation_id'
    where class.relkind = 'r'
  loop
    execute 'delete from ' || owned || ' where organisation_id = md5(''large organisation'')::uuid';
  end loop;
  delete from mentorcert.organisations where id = md5('large organisation')::uuid;
  delete from auth.users where id = md5('large administrator')::uuid;
end
$$;

-- name: administrator()$
select md5('large administrator')::uuid;

-- name: certifications(number)$
select array_agg(md5('large certification ' || mentor)::uuid) from generate_series(1, :number) as mentor;

-- name: preview(ids)!
select * from public.preview_changes('renew', :ids);

-- name: renew(ids)!
select public.change_certifications('renew', :ids, note => 'renewed at the autumn meeting');

-- name: extend()$
select public.extend_certifications('course', current_date + 1000, 'no courses this year');

-- name: extend_chapter()$
select public.extend_certifications(
  'course', current_date + 1000, 'no courses this year', chapter_id => md5('large chapter 0')::uuid
);

-- name: revert(batch_id)!
select public.revert_change(:batch_id, 'there are courses after all');

-- name: newest_entry()$
select certification.renewal_history -> -1 from public.peer_mentor_certifications as certification
where certification.id = md5('large certification 5')::uuid;

-- name: bare_update(ids, entry)!
update public.peer_mentor_certifications
set
  expires_at = expires_at + interval '700 days', updated_at = now(), renewal_history = renewal_history || :entry::jsonb
where id = any(:ids);
