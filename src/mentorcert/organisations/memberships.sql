-- Memberships of logins, with the addresses of those who are members now.

-- name: search(organisation_id, role, chapter_id, state, email, before_at, before_id, size)
select
  membership.id, membership.organisation_id, membership.user_id, membership.role, chapter.name as chapter,
  membership.created_at, membership.ended_at,
  membership.ended_at is null or membership.ended_at > statement_timestamp() as holds, login.email,
  coalesce(membership.full_name, mentor.full_name) as full_name,
  membership.version
from mentorcert.memberships as membership
left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
left join mentorcert_private.member_logins() as login on login.user_id = membership.user_id
left join mentorcert.peer_mentors as mentor
  on mentor.user_id = membership.user_id and mentor.organisation_id = membership.organisation_id
where
  membership.organisation_id = :organisation_id
  and (:role::text is null or membership.role = :role)
  and (:chapter_id::uuid is null or membership.chapter_id = :chapter_id)
  and (:state = 'all' or (membership.ended_at is null or membership.ended_at > statement_timestamp()) = (:state = 'current'))
  and strpos(lower(coalesce(login.email, '')), lower(mentorcert_private.canonical_line(:email))) > 0
  and (:before_at::timestamptz is null or (membership.created_at, membership.id) < (:before_at, :before_id::uuid))
order by membership.created_at desc, membership.id desc
limit :size;

-- name: get_current(id, organisation_id)
select
  membership.id, membership.organisation_id, membership.user_id, membership.role, chapter.name as chapter,
  membership.created_at, membership.ended_at,
  membership.ended_at is null or membership.ended_at > statement_timestamp() as holds, login.email,
  coalesce(membership.full_name, mentor.full_name) as full_name,
  membership.version
from mentorcert.memberships as membership
left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
left join mentorcert_private.member_logins() as login on login.user_id = membership.user_id
left join mentorcert.peer_mentors as mentor
  on mentor.user_id = membership.user_id and mentor.organisation_id = membership.organisation_id
where membership.id = :id and (membership.ended_at is null or membership.ended_at > statement_timestamp()) and membership.organisation_id = :organisation_id;

-- name: add(user_id, role, chapter_id, full_name)!
insert into mentorcert.memberships (user_id, role, chapter_id, full_name) values (:user_id, :role, :chapter_id, :full_name);

-- name: rename(id, version, full_name)!
-- In every chapter that the person coordinates; the one that was seen must be as it was.
update mentorcert.memberships as membership
set full_name = :full_name, version = case when membership.id = named.id then :version else membership.version end
from mentorcert.memberships as named
where
  named.id = :id and membership.organisation_id = named.organisation_id and membership.user_id = named.user_id
  and (membership.ended_at is null or membership.ended_at > statement_timestamp());

-- name: end_membership(id, last_day, version)!
-- One that has ended meanwhile is another version than the one that was seen.
update mentorcert.memberships as membership
set
  ended_at = coalesce(mentorcert_private.day_starts(:last_day::date + 1, organisation.time_zone), now()),
  version = coalesce(:version, membership.version)
from mentorcert.organisations as organisation
where
  membership.id = :id and organisation.id = membership.organisation_id
  and (membership.ended_at is null or membership.ended_at > statement_timestamp() or :version::bigint is not null);

-- name: keep(id, version)!
update mentorcert.memberships as membership
set ended_at = null, version = :version
where membership.id = :id and membership.ended_at > statement_timestamp();

-- name: link_peer_mentor(organisation_id, external_id, user_id)!
update mentorcert.peer_mentors as mentor
set user_id = :user_id
where
  mentor.organisation_id = :organisation_id
  and mentor.external_id = :external_id
  and (mentor.user_id is null or mentor.user_id = :user_id);

-- name: find_user(login)
select person.id from auth.users as person
where person.id::text = lower(:login) or lower(person.email) = lower(:login)
limit 1;

-- name: find_chapter(organisation_id, code)
select chapter.id from mentorcert.chapters as chapter
where chapter.organisation_id = :organisation_id and chapter.code = :code;

-- name: admit(organisation_id, user_id, role, chapter_id)!
insert into mentorcert.memberships (organisation_id, user_id, role, chapter_id)
values (:organisation_id, :user_id, :role, :chapter_id)
on conflict do nothing;
