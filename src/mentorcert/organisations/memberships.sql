-- Memberships of logins, with the addresses of those who are members now.

-- name: search(organisation_id, role, chapter_id, state, email, before_at, before_id, size)
select
  membership.id, membership.organisation_id, membership.user_id, membership.role, chapter.name as chapter,
  membership.created_at, membership.ended_at,
  membership.ended_at is null or membership.ended_at > statement_timestamp() as holds, login.email, mentor.full_name,
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
  and (:email = '' or strpos(lower(login.email), lower(:email)) > 0)
  and (:before_at::timestamptz is null or (membership.created_at, membership.id) < (:before_at, :before_id::uuid))
order by membership.created_at desc, membership.id desc
limit :size;

-- name: get_current(id, organisation_id)
select
  membership.id, membership.organisation_id, membership.user_id, membership.role, chapter.name as chapter,
  membership.created_at, membership.ended_at,
  membership.ended_at is null or membership.ended_at > statement_timestamp() as holds, login.email, mentor.full_name,
  membership.version
from mentorcert.memberships as membership
left join mentorcert.chapters as chapter on chapter.id = membership.chapter_id
left join mentorcert_private.member_logins() as login on login.user_id = membership.user_id
left join mentorcert.peer_mentors as mentor
  on mentor.user_id = membership.user_id and mentor.organisation_id = membership.organisation_id
where membership.id = :id and (membership.ended_at is null or membership.ended_at > statement_timestamp()) and membership.organisation_id = :organisation_id;

-- name: add(user_id, role, chapter_id)!
insert into mentorcert.memberships (user_id, role, chapter_id) values (:user_id, :role, :chapter_id);

-- name: end_membership(id, version)!
-- One that has ended meanwhile is another version than the one that was seen.
update mentorcert.memberships
set ended_at = now(), version = coalesce(:version, version)
where id = :id and (ended_at is null or ended_at > statement_timestamp() or :version::bigint is not null);

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
