-- What decides about access, of the whole registry or of what surrounds one login and one certification; ids only.

-- name: tables(ours)
-- What lies in mentorcert, and in public what is ours or reads ours; an extension's own and views with the caller's rights
-- apart. And whether this connection reads all of it.
with recursive reading (oid) as (
  select class.oid
  from pg_catalog.pg_class as class
  where
    class.relnamespace in ('mentorcert'::regnamespace, 'mentorcert_private'::regnamespace, 'mentorcert_portal'::regnamespace)
    or class.relnamespace::regnamespace || '.' || class.relname = any(:ours)
  union
  select rule.ev_class
  from reading
  join pg_catalog.pg_depend as dependency
    on dependency.refclassid = 'pg_catalog.pg_class'::regclass and dependency.refobjid = reading.oid
    and dependency.classid = 'pg_catalog.pg_rewrite'::regclass
  join pg_catalog.pg_rewrite as rule on rule.oid = dependency.objid
)
select
  class.relnamespace::regnamespace || '.' || pg_catalog.quote_ident(class.relname),
  pg_catalog.has_table_privilege(class.oid, 'select') and not pg_catalog.row_security_active(class.oid)
from reading
join pg_catalog.pg_class as class using (oid)
where
  class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)
  and class.relkind in ('r', 'p', 'v', 'm', 'f')
  and (class.relkind <> 'v' or class.reloptions && '{security_invoker=true,security_invoker=on}' is not true)
  and not exists (
    select from pg_catalog.pg_depend as dependency
    where dependency.classid = 'pg_catalog.pg_class'::regclass and dependency.objid = class.oid and dependency.deptype = 'e'
  )
order by 1;

-- name: switched_off()
select distinct policy.tablename::text, disabled.endpoint, disabled.disabled_at, disabled.reason
from mentorcert_private.disabled_endpoints as disabled
join pg_catalog.pg_policies as policy
  on policy.schemaname in ('public', 'mentorcert') and position('check_endpoint(''' || disabled.endpoint || '''' in policy.qual) > 0
order by 1;

-- name: as_of()$
select now();

-- name: organisations()
select organisation.id from mentorcert.organisations as organisation;

-- name: chapters()
select chapter.id, chapter.organisation_id, chapter.parent_id from mentorcert.chapters as chapter;

-- name: memberships(user_id)
select
  membership.id, membership.organisation_id, membership.user_id, membership.role, membership.chapter_id,
  coalesce(membership.ended_at <= statement_timestamp(), false) as ended
from mentorcert.memberships as membership
where :user_id::uuid is null or membership.user_id = :user_id;

-- name: peer_mentors(user_id, certification_id)
select mentor.id, mentor.organisation_id, mentor.user_id, mentor.erased_at is not null as erased, mentor.merged_into is not null as merged
from mentorcert.peer_mentors as mentor
where
  :user_id::uuid is null
  or mentor.user_id = :user_id
  or mentor.id = (
    select certification.peer_mentor_id from public.peer_mentor_certifications as certification
    where certification.id = :certification_id
  );

-- name: peer_mentor_chapters(certification_id)
select link.id, link.organisation_id, link.peer_mentor_id, link.chapter_id, coalesce(link.ended_at <= statement_timestamp(), false) as ended
from mentorcert.peer_mentor_chapters as link
where
  :certification_id::uuid is null
  or link.peer_mentor_id = (
    select certification.peer_mentor_id from public.peer_mentor_certifications as certification
    where certification.id = :certification_id
  );

-- name: certifications(certification_id)
select certification.id, certification.organisation_id, certification.peer_mentor_id
from public.peer_mentor_certifications as certification
where :certification_id::uuid is null or certification.id = :certification_id;

-- name: certification_types()
select type.id, type.organisation_id from mentorcert.certification_types as type;

-- name: certifications_with_events()
-- One stands for all of a certification's: there may be millions.
select distinct event.certification_id as id, event.organisation_id, event.certification_id
from mentorcert.certification_renewal_events as event;

-- name: listed_peer_mentors()
select listed.peer_mentor_id as id, listed.organisation_id, listed.listed_until from public.listed_peer_mentors as listed;

-- name: listing_consents()
select act.id, act.organisation_id, act.peer_mentor_id from mentorcert.listing_consents as act;

-- name: audit_log()
select entry.id, entry.organisation_id from mentorcert.audit_log as entry;
