-- Who connected a portal, changed what it is told, or how long its messages are kept: in the audit log, before and after.

create or replace trigger audit_insert
after insert on portal.connections
referencing new table as new_rows
for each statement execute function private.audit_insert(
  'organisation_id', 'mode', 'canary_peer_mentor_ids', 'adapter', 'contract_version', 'changed_by', 'reason'
);

create or replace trigger audit_update
after update on portal.connections
referencing new table as new_rows old table as old_rows
for each statement execute function private.audit_update(
  'organisation_id', 'mode', 'canary_peer_mentor_ids', 'adapter', 'contract_version', 'changed_by', 'reason'
);

create or replace trigger audit_delete
after delete on portal.connections
referencing old table as old_rows
for each statement execute function private.audit_delete(
  'organisation_id', 'mode', 'canary_peer_mentor_ids', 'adapter', 'contract_version', 'changed_by', 'reason'
);
