"""Guards of what happens after a restore, and the pgTAP file that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "portal_restores"
_CLAIM: Final = "mentorcert_portal.claim(uuid,integer,interval,timestamptz)"
_BEGIN: Final = "mentorcert_portal.begin_epoch(text,text)"
_DECIDE: Final = "mentorcert_private.decide_portal_conflict(uuid,text,text)"
_MARK: Final = "mentorcert_private.mark_journal(uuid)"
_FAILOVER: Final = "mentorcert_private.accept_failover(text,uuid,text)"

_READ: Final = '"administrators read the conflicts of their organisation" on mentorcert_portal.conflicts'

MUTATIONS: Final[list[Mutation]] = [
    Mutation(_FILE, f"drop policy {_READ}"),
    Mutation(_FILE, f"alter policy {_READ} using (true)"),
    function(_FILE, _CLAIM, "connection.held_since is not null", "false"),
    function(_FILE, _CLAIM, "conflict.decided_at is null", "false"),
    function(_FILE, _CLAIM, "mentorcert_private.current_epoch()", "0"),
    function(_FILE, _CLAIM, "next_attempt_at = derived.content_until\n", "next_attempt_at = at\n"),
    function(_FILE, _BEGIN, "mentorcert_private.current_epoch() + 1", "0"),
    function(_FILE, _BEGIN, "set held_since = now()", "set held_since = null"),
    function(_FILE, _DECIDE, "perform mentorcert_private.require_reason(reason);", ""),
    function(
        _FILE,
        _BEGIN,
        "perform mentorcert_private.accept_server(begin_epoch.reason, begin_epoch.restored_by);",
        "",
    ),
    function(_FILE, _BEGIN, "set foreign_since = null", "set error = null"),
    function(_FILE, _MARK, "mark_there is not null and not exists", "false and not exists"),
    function(_FILE, _FAILOVER, "raise exception using", "raise notice using"),
    function(_FILE, _FAILOVER, "known.mark = accept_failover.mark", "true"),
    function(_FILE, _FAILOVER, "journal.foreign_since is not null", "false"),
    function(_FILE, "mentorcert_private.see_server()", "do nothing", "do update set reason = null"),
    function(_FILE, "mentorcert_private.registry_watch()", "server.timeline > known.timeline", "false"),
    function(_FILE, "mentorcert_private.registry_watch()", "journal.foreign_since is not null", "false"),
    function(_FILE, "mentorcert_private.repeat_journal(jsonb)", "where given.kind = 'mark'", "where false"),
    function(_FILE, "mentorcert_private.notices_are_held()", "restore.notices_released_at is null", "false"),
]
