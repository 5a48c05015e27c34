-- The journal of what a restore must not forget.

-- name: is_allowed()
select has_function_privilege(function.oid, 'execute') and has_schema_privilege(function.pronamespace, 'usage')
from pg_catalog.pg_proc as function
where function.oid = to_regprocedure('mentorcert_private.journal_entries()');

-- name: entries()
select at, kind, digest, at < statement_timestamp() - interval '5 minutes' as is_late
from mentorcert_private.journal_entries()
order by at, kind, digest;

-- name: lacks()
select mentorcert_private.journal_lacks();

-- name: mark(found)
select mark, at from mentorcert_private.mark_journal(:found::uuid);

-- name: note(mark, at, error)!
select mentorcert_private.note_journal(:mark::uuid, :at::timestamptz, :error::text);

-- name: accept_failover(reason, mark)!
select mentorcert_private.accept_failover(:reason, :mark::uuid);

-- name: end()!
select mentorcert_private.end_journal();

-- name: repeat(lines)
select kind, id from mentorcert_private.repeat_journal(:lines);
