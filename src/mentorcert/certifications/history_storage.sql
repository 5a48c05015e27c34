-- Maintenance of histories; each batch is one call.

-- name: certifications()
select count(*) from public.peer_mentor_certifications;

-- name: outdated()
select count(*)
from public.peer_mentor_certifications as certification
where jsonb_path_exists(
  certification.renewal_history, '$[*] ? (@.schema_version != $current)',
  jsonb_build_object('current', mentorcert_private.current_history_version())
);

-- name: size()
select
  storage.mode,
  (select count(*) from public.peer_mentor_certifications),
  case storage.mode
    when 'events' then (select count(*) from mentorcert.certification_renewal_events)
    else (
      select coalesce(sum(jsonb_array_length(certification.renewal_history)), 0)
      from public.peer_mentor_certifications as certification
    )
  end::bigint
from mentorcert_private.history_storage as storage;

-- name: upgrade(after_id, batch_size)
select batch.last_id, batch.looked_at, batch.changed
from mentorcert_private.upgrade_histories(:after_id::uuid, :batch_size::integer) as batch;

-- name: copy_to_events(after_id, batch_size)
select batch.last_id, batch.looked_at, batch.changed
from mentorcert_private.copy_histories_to_events(:after_id::uuid, :batch_size::integer) as batch;

-- name: switch_to_events()
select mentorcert_private.switch_history_to_events();

-- name: trim(after_id, batch_size)
select batch.last_id, batch.looked_at, batch.changed
from mentorcert_private.trim_histories(:after_id::uuid, :batch_size::integer) as batch;
