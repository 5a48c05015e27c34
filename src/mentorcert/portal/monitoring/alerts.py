"""The alerts of the sync: severity, condition, and what to do."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Severity = Literal["error", "warning", "notice"]

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding: severity, condition, and what to do."""

    severity: Severity
    when: str
    advice: str


KINDS: Final = {
    "removal_unconfirmed": Kind(
        "error",
        "A removal from the portal's list has not been confirmed for 15 minutes, in whatever mode.",
        "See the other findings for the cause. If it cannot be fixed at once, ask the portal's operators"
        " to remove them by hand: `select * from mentorcert_portal.unconfirmed_removals` has their ids.",
    ),
    "listed_but_expired": Kind(
        "error",
        "A comparison found peer mentors on the portal's list who must not be listed.",
        "`mentorcert portal reconcile ORGANISATION --connection FILE` lists them. They are sent"
        " again; if that does not help, ask the portal's operators to remove them by hand.",
    ),
    "held_after_restore": Kind(
        "error",
        "The registry was restored, and the portal has not said yet what it holds: nobody is shown there, removals are sent.",
        "`mentorcert portal release ORGANISATION --connection FILE` asks it again; a portal without a list:"
        " look at its page, then `--unread`.",
    ),
    "newer_there": Kind(
        "error",
        "The portal holds something newer than the registry ever sent: it was restored, or lost writes.",
        "If the registry was restored and nobody said so: `mentorcert restored --reason …`, at once. `mentorcert portal"
        " conflicts` lists them; find out who is right, then `mentorcert portal decide ID --ours` or `--withdraw`.",
    ),
    "restore_unreported": Kind(
        "error",
        "The registry was restored, copied or moved, or failed over, and nobody has said so; what it does not know may be"
        " shown again.",
        "Stop the processes; `mentorcert restored --reason …`, at once. If certainly nothing was lost (a synchronous standby"
        " took over, an upgrade): `mentorcert restored --nothing-lost --reason …`.",
    ),
    "journal_late": Kind(
        "error",
        "The journal of erasures and withdrawals has not been complete for five minutes.",
        "`mentorcert journal` says why; see that a process with MENTORCERT_JOURNAL runs. If none is kept any more:"
        " `mentorcert journal --end --reason …`.",
    ),
    "other_portal": Kind(
        "error",
        "A worker's file names another portal than the recorded one; it sends nothing for the organisation.",
        "Give the worker the file that was connected. If the organisation has changed its portal:"
        " `mentorcert portal connect FILE --other-portal --reason …`.",
    ),
    "credentials_refused": Kind(
        "error",
        "The portal does not accept our credentials; each row is tried again by itself.",
        "`select peer_mentor_id, error from mentorcert_portal.states where error_class = 'unauthorised'` says"
        " how: new credentials, a right that is missing, or a clock that is wrong. Nothing needs to be unblocked.",
    ),
    "breaker_open": Kind(
        "error",
        "Twenty calls in a row failed and none succeeded; one peer mentor is tried every 30 seconds.",
        "Ask the portal's operators; `select distinct error from mentorcert_portal.states` says how it fails."
        " Everything is sent by itself when one call succeeds.",
    ),
    "given_up": Kind(
        "error",
        "Changes other than removals failed for 75 hours, and wait for their next change.",
        "Fix what `mentorcert_portal.states.error` says, then `mentorcert portal replay ORGANISATION`.",
    ),
    "fault_of_ours": Kind(
        "error",
        "Messages could not be rendered, or do not follow our own contract.",
        "Report the bug, with `mentorcert_portal.attempts.error`; then `mentorcert portal replay ORGANISATION`.",
    ),
    "no_worker": Kind(
        "error",
        "States are due, and no worker has reported for a minute.",
        "Start `mentorcert portal worker --connection FILE`, and find out why it stopped.",
    ),
    "messages_waiting": Kind(
        "error",
        "Messages of the portal have been stored for 15 minutes and are not processed.",
        "Start `mentorcert portal receive --connection FILE`, with the organisation's file.",
    ),
    "withdrawal_stuck": Kind(
        "error",
        "A message of the portal withdraws a consent, or may do so, and could not be carried out.",
        "`mentorcert portal inbox` says why; find the peer mentor in the portal, withdraw the consent in the registry,"
        " then `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "secret_expired": Kind(
        "error",
        "A secret has expired, by its date in the connection's file.",
        "Get a new one, store it where the file says, and write its new date into the file; then restart the"
        " worker and the receiver.",
    ),
    "unverified_too_long": Kind(
        "error",
        "In live mode for 30 hours, and not all that the portal shows was compared in that time.",
        "See the other findings for the cause. Where the portal has no list that can be read, ask for one; until"
        " then somebody must look at its page, and acknowledge this.",
    ),
    "reconciliation_stopped": Kind(
        "error",
        "Too much differs, or the portal's list is incomplete: only removals were repeated.",
        "Check with `mentorcert portal reconcile ORGANISATION --connection FILE --dry-run` whether the portal"
        " or the registry is right, then repair it deliberately.",
    ),
    "reconciliation_failed": Kind(
        "warning",
        "The latest comparison with the portal did not complete.",
        "It is repeated within the hour; if it fails again, see its reason.",
    ),
    "reconciliation_overdue": Kind(
        "warning",
        "No comparison for 3 hours, or no full one for 26 hours.",
        "Check that a worker runs; or compare now:"
        " `mentorcert portal reconcile ORGANISATION --connection FILE --full`.",
    ),
    "unverified": Kind(
        "warning",
        "What the portal shows cannot be read, or has not been compared since the mode was set.",
        "After going live: wait for the first night, or run"
        " `mentorcert portal reconcile ORGANISATION --connection FILE --full`. For good: ask"
        " for a URL at which the portal's list can be read.",
    ),
    "drift": Kind(
        "warning",
        "In the last comparison, the portal showed something else than it should.",
        "The worker sends the states again; unknown peer mentors and duplicates must be removed by the"
        " portal's operators. `mentorcert portal reconcile ORGANISATION --connection FILE` lists them.",
    ),
    "change_unconfirmed": Kind(
        "warning",
        "A change other than a removal has not been confirmed for an hour.",
        "See the other findings; check that the worker has the organisation's file and logs no error.",
    ),
    "refused": Kind(
        "warning",
        "The portal refuses the messages about some peer mentors.",
        "`select peer_mentor_id, error from mentorcert_portal.states where error_class = 'rejected'`"
        " lists them with the reasons.",
    ),
    "paused": Kind(
        "warning",
        "The connection has been paused for more than 15 minutes; nothing is sent.",
        "End the pause when its reason is gone: `mentorcert portal mode ORGANISATION live --reason …`.",
    ),
    "secret_expires": Kind(
        "warning",
        "A secret expires within 30 days.",
        "Get a new one now. Where two are allowed, give both; write the new date into the file.",
    ),
    "message_unknown": Kind(
        "warning",
        "Messages were received that match no rule.",
        "`mentorcert portal inbox --unknown`; add a rule, then"
        " `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "message_failed": Kind(
        "warning",
        "The registry refused the changes of messages.",
        "`mentorcert portal inbox` says why; fix it, then"
        " `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "message_needs_fetch": Kind(
        "warning",
        "Messages over 256 KB were received without contents, and their records have not been read.",
        "Check that a worker runs and that the file names the table under [inbound.tables]; only Dataverse"
        " can be read. Otherwise look up the record in the portal.",
    ),
    "message_needs_person": Kind(
        "warning",
        "Messages need a person's decision.",
        "`mentorcert portal inbox` says why; decide, change the registry, then"
        " `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "messages_lapse": Kind(
        "warning",
        "Messages that wait for a person lose their contents within 30 days.",
        "Settle them, or keep them longer: `update mentorcert_portal.retention set keep = '1 year' where log ="
        " 'unsettled_messages'`.",
    ),
    "nothing_sent": Kind(
        "notice",
        "The connection is in capture: everything is recorded, nothing is sent.",
        "Go live when the portal is ready: docs/portal/going-live.md.",
    ),
}
