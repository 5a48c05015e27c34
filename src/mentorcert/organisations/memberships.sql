-- Memberships of logins.

-- name: find_user(login)$
select person.id from auth.users as person
where person.id::text = lower(:login) or lower(person.email) = lower(:login)
limit 1;

-- name: find_chapter(organisation_id, code)$
select chapter.id from public.chapters as chapter
where chapter.organisation_id = :organisation_id and chapter.code = :code;

-- name: link_peer_mentor(organisation_id, external_id, user_id)!
update public.peer_mentors as mentor
set user_id = :user_id
where
  mentor.organisation_id = :organisation_id
  and mentor.external_id = :external_id
  and (mentor.user_id is null or mentor.user_id = :user_id);

-- name: add_membership(organisation_id, user_id, role, chapter_id)!
insert into public.memberships (organisation_id, user_id, role, chapter_id)
values (:organisation_id, :user_id, :role, :chapter_id)
on conflict do nothing;
