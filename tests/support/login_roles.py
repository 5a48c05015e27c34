"""What each login role may do, in words: the documents print it, and attacks try everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mentorcert.db.connection import Connection

SCHEMAS: Final = ("public", "mentorcert", "mentorcert_private", "mentorcert_portal")


@dataclass(frozen=True, slots=True)
class LoginRole:
    """A role, its process, what its password gives (in words, with what gives it), and what it does not."""

    process: str
    becomes: frozenset[str] = frozenset()
    functions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    changes: frozenset[str] = frozenset()
    gives_besides: str = ""
    not_given: str = ""

    @property
    def gives(self) -> str:
        """All of it, in one sentence a thing."""
        return "; ".join([*filter(None, [self.gives_besides]), *self.functions, *self.tables])

    def may_execute(self) -> frozenset[str]:
        """Return the names of the functions."""
        return frozenset().union(*self.functions.values())

    def may_read(self) -> frozenset[str]:
        """Return the tables of which it has some columns."""
        return frozenset().union(*self.tables.values())


def _of(schema: str, names: str) -> frozenset[str]:
    return frozenset(f"{schema}.{name}" for name in names.split())


_ALERTS: Final = {
    "errors of the portals invented or ended, the addresses of those whom they concern, and the address that is "
    "called while all is well": _of(
        "mentorcert_portal",
        "claim_alert_notices heartbeat_url plan_alerts report_alert_notices report_heartbeat unsent_alerts",
    ),
    "when somebody was erased, withdrew or ended (hashes, no ids), and lies about how far the journal goes": _of(
        "mentorcert_private",
        "journal_entries journal_lacks mark_journal note_journal registry_watch see_server",
    ),
}
_HEALTH: Final = {
    "which organisations there are, how the sync with each portal stands, and the ids and statuses (no "
    "names) of all peer mentors who are synced": _of(
        "mentorcert_portal",
        "attempt_counts conflicts connections drift inbox reconciliations retention secrets state_overview states "
        "unconfirmed_removals workers",
    )
    | {"mentorcert.organisations"}
}

LOGIN_ROLES: Final[Mapping[str, LoginRole]] = {
    "mentorcert_web": LoginRole(
        "`mentorcert serve`",
        becomes=frozenset({"anon", "authenticated"}),
        functions={
            "attempts to sign in counted under keys of its own, and under nobody else's without the secret of "
            "the pages": _of("mentorcert_private", "count_attempt"),
            "how old the heartbeat is": _of("mentorcert_private", "seconds_behind"),
            "the login of an identity that it names, and on plain PostgreSQL new logins, without rights": _of(
                "mentorcert_private", "sign_in_by_oidc"
            ),
        },
        gives_besides="**every right of every person**: it becomes any user, by claims that it writes itself",
        not_given="what no user may: other tables than the clients', a history, jobs, messages of the portal",
    ),
    "mentorcert_jobs": LoginRole(
        "`mentorcert worker`, `nightly`, `notices`",
        becomes=frozenset({"mentorcert_monitoring"}),
        functions={
            "tonight's expiries, which the dates give anyway": _of(
                "mentorcert_private", "next_nightly_at run_nightly"
            ),
            "the end of logs that are past their time": _of("mentorcert_private", "delete_outdated"),
            "how many certifications each night expired, and how many mails and tasks wait": _of(
                "mentorcert_private", "job_figures"
            ),
            "a heartbeat, as if a standby were close behind": _of("mentorcert_private", "beat"),
            "names, addresses and dates of those to whom a notice, an invitation, a letter, a request, a course or a follow-up "
            "is due now, each claim in the ledger, and notices reported as sent that were not, or as refused": _of(
                "mentorcert_private",
                "claim_digests claim_invitations claim_notices claim_queued claimed_digests claimed_invitations claimed_letters "
                "claimed_outdated claimed_requests claimed_follow_ups claimed_courses queue_course_reminders "
                "claimed_notices due_digests "
                "due_notices finish_notices refuse_mails "
                "next_notices_at notices_are_held"
                " report_notices start_notices uncertain_notices",
            ),
            **_ALERTS,
        },
        tables=_HEALTH,
        not_given=(
            "any other person or certification, a night in the future, a change of the registry but expiry, "
            "messages, files"
        ),
    ),
    "mentorcert_portal": LoginRole(
        "`mentorcert portal worker`",
        becomes=frozenset({"mentorcert_monitoring"}),
        functions={
            "what the portals will be sent, and lies about what they have confirmed": _of(
                "mentorcert_portal", "acknowledge claim due fail heartbeat mode_of release requeue"
            ),
            "lies about what the portals show, which have states sent again": _of(
                "mentorcert_portal",
                "compare finish_reconciliation reconciliations_due record_drift renew_reconciliation repair_next "
                "replay_next"
                " requested_replay start_reconciliation",
            ),
            "records of the portal invented for messages that came without contents": _of(
                "mentorcert_portal",
                "claim_fetches fetching_connections give_up_fetch postpone_fetch record_fetched",
            ),
            "when secrets expire, and an early end of logs that are past their time": _of(
                "mentorcert_portal", "delete_outdated record_secrets"
            ),
            **_ALERTS,
        },
        tables=_HEALTH,
        not_given=(
            "a name or address from the registry, a message of a portal, a mode or target of a connection, any "
            "certification"
        ),
    ),
    "mentorcert_receiver": LoginRole(
        "`mentorcert portal receive`",
        becomes=frozenset({"mentorcert_monitoring"}),
        functions={
            "the next message that waits, messages invented, and their results": _of(
                "mentorcert_portal",
                "claim_message delete_bodies last_sequence lock_record postpone_message settle_message store_message",
            ),
            "**renewals, who attended which course, withdrawn consents and other numbers**, as the rules of messages make "
            "them, each in a history or the audit log as the portal's": _of(
                "mentorcert_portal", "attend find_peer_mentor give_external_id renew withdraw_consent"
            ),
            "when secrets expire": _of("mentorcert_portal", "record_secrets"),
            **_ALERTS,
        },
        tables=_HEALTH,
        not_given=(
            "a name or address from the registry, a settled message, a new certification, a consent given, a "
            "suspension lifted"
        ),
    ),
    "mentorcert_tasks": LoginRole(
        "`mentorcert tasks work`",
        functions={
            "the next file that somebody has asked to import, and results invented for it": _of(
                "mentorcert_private",
                "add_task_rows claim_task delete_outdated_tasks finish_task give_back_task prolong_task"
                " running_task_organisation_ids",
            ),
            "whether a number or an address was an erased person's, in an organisation whose task runs": _of(
                "mentorcert_private", "erased_kinds has_erased"
            ),
            "imports that wait": _of(
                "mentorcert_private",
                "analyze_import create_import_staging drop_import_staging lock_import",
            ),
            "certifications invented for people of an organisation whose task runs, as an import's": _of(
                "mentorcert_private", "register_imported"
            ),
            "what texts and days are like": _of(
                "mentorcert_private",
                "acting_user canonical_email canonical_line canonical_text check_endpoint counted_from "
                "current_history_version day_of day_starts entry_of_reversal folded history_is_in_events "
                "is_email is_number "
                "is_phone is_readable is_readable_line kept_peer_mentor_id last_valid_day number_key "
                "refresher_until replaced_history require_certifications search_key search_keys set_change_context sort_key "
                "unaccented",
            )
            | {"public.certification_history"},
        },
        tables={
            "**people and certifications of an organisation while a task that its administrator asked for runs**: to"
            " read all, to add, to change as an import does, each in a history": _of(
                "mentorcert",
                "certification_renewal_events certification_types chapters listing_consents organisations"
                " peer_mentor_chapters peer_mentors",
            )
            | {"public.peer_mentor_certifications"}
        },
        changes=_of("mentorcert.peer_mentors", "full_name email phone listing_consent")
        | {"mentorcert.peer_mentor_chapters.ended_at"}
        | _of("public.peer_mentor_certifications", "issued_at expires_at"),
        not_given=(
            "any organisation whose administrators ask for nothing, tasks of others, a login, a membership, the logs, "
            "the portal, a status or history written by itself"
        ),
    ),
}


def executable(conn: Connection, role: str) -> frozenset[str]:
    """Return the functions of our schemas that a role may execute, by itself or by a role that it inherits."""
    return _names(
        conn,
        """
        select format('%%s.%%s', function.pronamespace::regnamespace, function.proname)
        from pg_catalog.pg_proc as function
        where function.pronamespace::regnamespace::text = any(%(schemas)s)
          and has_function_privilege(%(role)s, function.oid, 'execute')
          and has_schema_privilege(%(role)s, function.pronamespace, 'usage')
          and not exists (select from pg_catalog.pg_depend as of where of.objid = function.oid and of.deptype = 'e')
        """,
        role,
    )


def reachable(conn: Connection, role: str) -> frozenset[str]:
    """Return the tables and views of our schemas of which a role has any column, for whatever."""
    return _names(
        conn,
        """
        select format('%%s.%%s', class.relnamespace::regnamespace, class.relname) from pg_catalog.pg_class as class
        where class.relnamespace::regnamespace::text = any(%(schemas)s) and class.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_schema_privilege(%(role)s, class.relnamespace, 'usage')
          and (
            has_any_column_privilege(%(role)s, class.oid, 'select, insert, update, references')
            or has_table_privilege(%(role)s, class.oid, 'delete, truncate, trigger')
          )
        """,
        role,
    )


def memberships(conn: Connection, role: str) -> frozenset[str]:
    """Return the roles that a role is a member of."""
    return _names(
        conn,
        """
        select granted.rolname::text from pg_catalog.pg_auth_members as link
        join pg_catalog.pg_roles as granted on granted.oid = link.roleid
        where link.member = to_regrole(%(role)s)
        """,
        role,
    )


def _names(conn: Connection, query: str, role: str) -> frozenset[str]:
    found = conn.execute(query.encode(), {"role": role, "schemas": list(SCHEMAS)})
    return frozenset(name for (name,) in found)
