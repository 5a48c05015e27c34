-- What of the project's rows can be fed and why not, and where the registry says something else.
--
-- Reads the views theirs_… that were made from the mapping. A row with a problem is not fed; one with a remark is.

create view mentorcert_hierarchy.judged_organisations as
select theirs.*,
  case
    when theirs.id is null then 'its key is empty'
    when count(*) over (partition by theirs.id) > 1 then 'its key comes twice'
    when coalesce(theirs.name, '') = '' then 'it has no name'
    when theirs.slug is null or theirs.slug !~ '^[a-z0-9]+(-[a-z0-9]+)*$' or length(theirs.slug) > 63
      then 'its slug is not valid: small letters a to z, digits and hyphens, at most 63'
    when count(*) over (partition by theirs.slug) > 1 then 'another organisation has the same slug'
  end as problem
from mentorcert_hierarchy.theirs_organisations as theirs;

create view mentorcert_hierarchy.judged_chapters as
with judged as (
  select theirs.*,
    case
      when theirs.id is null then 'its key is empty'
      when count(*) over (partition by theirs.id) > 1 then 'its key comes twice'
      when theirs.organisation_id is null then 'it has no organisation'
      when organisation.id is null then 'its organisation is missing, or not fed itself'
      when coalesce(theirs.name, '') = '' then 'it has no name'
      when theirs.name ~ '[|]' then 'its name has a |'
      when theirs.code is null or theirs.code !~ '^\S+$' or theirs.code ~ '[|;,]' then 'its code is empty, or has a space or one of | ; ,'
      when count(*) over (partition by theirs.organisation_id, theirs.code) > 1 then 'another chapter of the organisation has the same code'
    end as problem
  from mentorcert_hierarchy.theirs_chapters as theirs
  left join mentorcert_hierarchy.judged_organisations as organisation
    on organisation.id = theirs.organisation_id and organisation.problem is null
)
select chapter.id, chapter.source, chapter.source_key, chapter.organisation_id, parent.id as parent_id, chapter.code, chapter.name, chapter.problem,
  case when chapter.parent_id is not null and parent.id is null
    then 'the chapter above it is missing, not fed itself, or of another organisation: it lies at the top' end as remark
from judged as chapter
left join judged as parent
  on parent.id = chapter.parent_id and parent.organisation_id = chapter.organisation_id and parent.problem is null;

create view mentorcert_hierarchy.judged_peer_mentors as
select
  theirs.id, theirs.source, theirs.source_key, theirs.organisation_id, theirs.number, theirs.full_name, login.id as user_id,
  case when mentorcert_private.is_email(theirs.email) then theirs.email end as email,
  case when mentorcert_private.is_phone(theirs.phone) then theirs.phone end as phone,
  case
    when theirs.id is null then 'its key is empty'
    when count(*) over (partition by theirs.id) > 1 then 'its key comes twice'
    when theirs.organisation_id is null then 'it has no organisation'
    when organisation.id is null then 'its organisation is missing, or not fed itself'
    when coalesce(theirs.full_name, '') = '' then 'it has no name'
    when mentorcert_private.is_number(theirs.number) is not true then 'its number is not valid: it is empty, or has letters that are not Latin'
    when count(*) over (partition by theirs.organisation_id, mentorcert_private.folded(theirs.number)) > 1
      then 'another peer mentor of the organisation has the same number'
    when login.id is not null and count(*) over (partition by theirs.organisation_id, login.id) > 1
      then 'another peer mentor of the organisation has the same login'
    when absent.erased_at is not null then 'the person was erased in the registry, and stays erased: delete the row'
    when absent.id is not null then 'the person was merged into another one in the registry'
  end as problem,
  case
    when theirs.user_id is not null and login.id is null then 'its login is not in auth.users'
    when mentorcert_private.is_email(theirs.email) is false then 'its e-mail address is not valid'
    when mentorcert_private.is_phone(theirs.phone) is false then 'its telephone number is not valid'
  end as remark
from mentorcert_hierarchy.theirs_peer_mentors as theirs
left join mentorcert_hierarchy.judged_organisations as organisation
  on organisation.id = theirs.organisation_id and organisation.problem is null
left join auth.users as login on login.id = theirs.user_id
left join mentorcert.peer_mentors as absent
  on absent.id = theirs.id and (absent.erased_at is not null or absent.merged_into is not null);

create view mentorcert_hierarchy.judged_peer_mentor_chapters as
select theirs.*, mentor.organisation_id,
  case
    when theirs.peer_mentor_id is null then 'it has no peer mentor'
    when mentor.id is null then 'its peer mentor is missing, or not fed'
    when chapter.id is null then 'its chapter is missing, not fed, or of another organisation'
  end as problem
from mentorcert_hierarchy.theirs_peer_mentor_chapters as theirs
left join mentorcert_hierarchy.judged_peer_mentors as mentor on mentor.id = theirs.peer_mentor_id and mentor.problem is null
left join mentorcert_hierarchy.judged_chapters as chapter
  on chapter.id = theirs.chapter_id and chapter.organisation_id = mentor.organisation_id and chapter.problem is null
where theirs.ends_at is null or theirs.ends_at > now();

create view mentorcert_hierarchy.judged_memberships as
with located as (
  select theirs.source, theirs.source_key, theirs.user_id, theirs.role, theirs.word, theirs.ends_at, theirs.chapter_id,
    case when theirs.has_organisation then theirs.organisation_id else chapter.organisation_id end as organisation_id,
    chapter.id as found_chapter_id, chapter.organisation_id as found_organisation_id
  from mentorcert_hierarchy.theirs_memberships as theirs
  left join mentorcert_hierarchy.judged_chapters as chapter on chapter.id = theirs.chapter_id and chapter.problem is null
  where theirs.role is distinct from 'nothing' and (theirs.ends_at is null or theirs.ends_at > now())
), judged as (
  select membership.*,
    case
      when membership.role is null then format('the mapping does not know the role %L', left(membership.word, 60))
      when membership.user_id is null then 'it has no user'
      when login.id is null then 'its user is not in auth.users'
      when membership.role = 'coordinator' and membership.chapter_id is null then 'a coordinator needs a chapter'
      when membership.chapter_id is not null and membership.found_chapter_id is null and membership.role = 'coordinator'
        then 'its chapter is missing, or not fed'
      when membership.organisation_id is null then 'it has no organisation'
      when organisation.id is null then 'its organisation is missing, or not fed itself'
      when membership.role = 'coordinator' and membership.found_organisation_id <> membership.organisation_id
        then 'its chapter is of another organisation'
    end as problem
  from located as membership
  left join auth.users as login on login.id = membership.user_id
  left join mentorcert_hierarchy.judged_organisations as organisation
    on organisation.id = membership.organisation_id and organisation.problem is null
)
select judged.*,
  case when min(judged.organisation_id::text) over held <> max(judged.organisation_id::text) over held
    then 'its user has roles in several organisations: get_user_organisation_id() says in which one the person acts' end as remark
from judged
window held as (partition by judged.user_id, judged.problem is null);

create view mentorcert_hierarchy.problems as
select 'organisations' as part, source, source_key, problem, true as is_left_out from mentorcert_hierarchy.judged_organisations
union all
select 'chapters', source, source_key, coalesce(problem, remark), problem is not null from mentorcert_hierarchy.judged_chapters
union all
select 'peer_mentors', source, source_key, coalesce(problem, remark), problem is not null from mentorcert_hierarchy.judged_peer_mentors
union all
select 'peer_mentor_chapters', source, source_key, problem, true from mentorcert_hierarchy.judged_peer_mentor_chapters
union all
select 'memberships', source, source_key, coalesce(problem, remark), problem is not null from mentorcert_hierarchy.judged_memberships;
comment on view mentorcert_hierarchy.problems is
  'Rows of the project''s tables that are left out of the registry, or fed with a remark; those without either have no problem here.';

-- Where the registry says something else: what would be added, changed and ended.

create view mentorcert_hierarchy.differing_organisations as
select theirs.id, theirs.slug, theirs.name, theirs.time_zone, case when ours.id is null then 'add' else 'change' end as action
from mentorcert_hierarchy.judged_organisations as theirs
left join mentorcert.organisations as ours on ours.id = theirs.id
where theirs.problem is null and ours.name is distinct from theirs.name;

create view mentorcert_hierarchy.differing_chapters as
select
  coalesce(theirs.id, ours.id) as id, theirs.organisation_id, theirs.parent_id, coalesce(theirs.code, ours.code) as code,
  coalesce(theirs.name, ours.name) as name,
  case when ours.id is null then 'add' when theirs.id is null then 'end' else 'change' end as action
from (select * from mentorcert_hierarchy.judged_chapters where problem is null) as theirs
full join mentorcert.chapters as ours on ours.id = theirs.id
where
  ours.id is null
  or theirs.id is null and ours.retired_on is null
  or theirs.id is not null and (
    (ours.organisation_id, ours.code, ours.name, ours.parent_id)
      is distinct from (theirs.organisation_id, theirs.code, theirs.name, theirs.parent_id) or ours.retired_on is not null
  );

create view mentorcert_hierarchy.differing_peer_mentors as
with wanted as (
  select
    theirs.id, theirs.organisation_id, theirs.number, theirs.full_name,
    case when fed.users then theirs.user_id else ours.user_id end as user_id,
    case when fed.emails then theirs.email else ours.email end as email,
    case when fed.phones then theirs.phone else ours.phone end as phone
  from mentorcert_hierarchy.judged_peer_mentors as theirs
  cross join mentorcert_hierarchy.fed_columns as fed
  left join mentorcert.peer_mentors as ours on ours.id = theirs.id
  where theirs.problem is null
)
select
  coalesce(theirs.id, ours.id) as id, theirs.organisation_id, coalesce(theirs.number, ours.external_id) as number, theirs.full_name,
  theirs.user_id, theirs.email, theirs.phone, organisation.time_zone,
  case when ours.id is null then 'add' when theirs.id is null then 'end' else 'change' end as action
from wanted as theirs
full join (select * from mentorcert.peer_mentors where erased_at is null and merged_into is null) as ours on ours.id = theirs.id
cross join mentorcert_hierarchy.fed_columns as fed
left join mentorcert.organisations as organisation on organisation.id = coalesce(ours.organisation_id, theirs.organisation_id)
where
  fed.peer_mentors and (
    ours.id is null
    or theirs.id is null and (ours.left_on is null or ours.left_on > mentorcert_private.day_of(now(), organisation.time_zone))
    or theirs.id is not null and (
      (ours.organisation_id, ours.external_id, ours.full_name, ours.user_id, ours.email, ours.phone)
        is distinct from (theirs.organisation_id, theirs.number, theirs.full_name, theirs.user_id, theirs.email, theirs.phone)
      or ours.left_on is not null
    )
  );

create view mentorcert_hierarchy.differing_peer_mentor_chapters as
with wanted as (
  select peer_mentor_id, chapter_id, organisation_id, case when bool_and(ends_at is not null) then max(ends_at) end as ends_at
  from mentorcert_hierarchy.judged_peer_mentor_chapters
  where problem is null
  group by peer_mentor_id, chapter_id, organisation_id
)
select
  ours.id as link_id, coalesce(theirs.peer_mentor_id, ours.peer_mentor_id) as peer_mentor_id, coalesce(theirs.chapter_id, ours.chapter_id) as chapter_id,
  theirs.organisation_id, theirs.ends_at,
  case when ours.id is null then 'add' when theirs.chapter_id is null then 'end' else 'change' end as action
from wanted as theirs
full join (
  select link.* from mentorcert.peer_mentor_chapters as link
  join mentorcert.peer_mentors as mentor on mentor.id = link.peer_mentor_id and mentor.erased_at is null and mentor.merged_into is null
  where link.ended_at is null or link.ended_at > now()
) as ours on ours.peer_mentor_id = theirs.peer_mentor_id and ours.chapter_id = theirs.chapter_id
cross join mentorcert_hierarchy.fed_columns as fed
where fed.peer_mentor_chapters and (ours.id is null or theirs.chapter_id is null or ours.ended_at is distinct from theirs.ends_at);

create view mentorcert_hierarchy.differing_memberships as
with wanted as (
  select user_id, organisation_id, role, case when role = 'coordinator' then found_chapter_id end as chapter_id,
    case when bool_and(ends_at is not null) then max(ends_at) end as ends_at
  from mentorcert_hierarchy.judged_memberships
  where problem is null
  group by 1, 2, 3, 4
)
select
  ours.id as membership_id, coalesce(theirs.user_id, ours.user_id) as user_id, coalesce(theirs.organisation_id, ours.organisation_id) as organisation_id,
  coalesce(theirs.role, ours.role) as role, coalesce(theirs.chapter_id, ours.chapter_id) as chapter_id, theirs.ends_at,
  case when ours.id is null then 'add' when theirs.user_id is null then 'end' else 'change' end as action
from wanted as theirs
full join (
  select membership.* from mentorcert.memberships as membership
  cross join mentorcert_hierarchy.fed_columns as fed
  where (membership.ended_at is null or membership.ended_at > now()) and membership.role = any(fed.roles)
) as ours
  on ours.user_id = theirs.user_id and ours.organisation_id = theirs.organisation_id and ours.role = theirs.role
  -- A full join compares by = alone.
  and coalesce(ours.chapter_id, ours.organisation_id) = coalesce(theirs.chapter_id, theirs.organisation_id)
where ours.id is null or theirs.user_id is null or ours.ended_at is distinct from theirs.ends_at;

create view mentorcert_hierarchy.differences as
select 'organisations' as part, 'organisations' as step, differing.id as key, differing.action, differing.name as what
from mentorcert_hierarchy.differing_organisations as differing
union all
select 'chapters', case differing.action when 'end' then 'retired_chapters' else 'chapters' end, differing.id, differing.action,
  concat_ws(' ', differing.code, differing.name)
from mentorcert_hierarchy.differing_chapters as differing
union all
select 'peer_mentors', case differing.action when 'end' then 'left_peer_mentors' else 'peer_mentors' end, differing.id, differing.action,
  'number ' || differing.number
from mentorcert_hierarchy.differing_peer_mentors as differing
union all
select 'peer_mentor_chapters', case differing.action when 'end' then 'ended_peer_mentor_chapters' else 'peer_mentor_chapters' end,
  differing.peer_mentor_id, differing.action,
  format('number %s in %s', coalesce(mentor.external_id, theirs.number), coalesce(chapter.name, above.name))
from mentorcert_hierarchy.differing_peer_mentor_chapters as differing
left join mentorcert.peer_mentors as mentor on mentor.id = differing.peer_mentor_id
left join mentorcert_hierarchy.judged_peer_mentors as theirs on theirs.id = differing.peer_mentor_id
left join mentorcert.chapters as chapter on chapter.id = differing.chapter_id
left join mentorcert_hierarchy.judged_chapters as above on above.id = differing.chapter_id
union all
select 'memberships', case differing.action when 'end' then 'ended_memberships' else 'memberships' end, differing.user_id, differing.action,
  format('user %s as %s in %s', differing.user_id, differing.role, coalesce(chapter.name, above.name, organisation.name, whole.name))
from mentorcert_hierarchy.differing_memberships as differing
left join mentorcert.chapters as chapter on chapter.id = differing.chapter_id
left join mentorcert_hierarchy.judged_chapters as above on above.id = differing.chapter_id
left join mentorcert.organisations as organisation on organisation.id = differing.organisation_id
left join mentorcert_hierarchy.judged_organisations as whole on whole.id = differing.organisation_id;
comment on view mentorcert_hierarchy.differences is
  'Where the registry does not say what the project''s tables say: what would be added, changed and ended, and in which step of the feeding. None while all is fed.';
