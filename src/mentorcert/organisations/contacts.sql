-- How people reach each other.

-- name: change(peer_mentor_id, display_name, email, phone, language, version)
select public.set_contact(
  :peer_mentor_id::uuid, :display_name::text, :email::text, :phone::text, :language::text, :version::bigint
);

-- name: coordinators()
select coordinator.chapter, coordinator.full_name, coordinator.email from public.my_coordinators() as coordinator;
