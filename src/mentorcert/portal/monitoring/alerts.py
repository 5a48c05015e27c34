"""Everything that can be found wrong with the sync: how bad it is, when it is said, what to do about it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Severity = Literal["error", "warning", "notice"]

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Kind:
    """A thing that can be wrong: how bad it is, when it is said, what to do."""

    severity: Severity
    when: str
    advice: str


KINDS: Final = {
    "removal_unconfirmed": Kind(
        "error",
        "Somebody who should be off the portal's list has not been confirmed to be for 15 minutes.",
        "See the other findings for the cause. Where it cannot be mended at once, have the portal's people"
        " take them off by hand: `select * from portal.state_overview('…') where is_removal` has their ids.",
    ),
    "listed_but_expired": Kind(
        "error",
        "In live mode, the last comparison found peer mentors on the portal's list who must not be there.",
        "`mentorcert portal reconcile ORGANISATION --connection FILE` says who. They are told again;"
        " where that did not help, have the portal's people take them off by hand; see why it keeps them.",
    ),
    "connection_blocked": Kind(
        "error",
        "The portal refuses our credentials or our messages; nothing is sent, and nothing is lost.",
        "Mend the cause (new credentials, a changed contract), then let it try again:"
        " `mentorcert portal mode ORGANISATION live --reason …`.",
    ),
    "portal_silent": Kind(
        "error",
        "The portal has failed to answer twenty times in a row; it is asked every half minute.",
        "Ask whoever runs the portal. Everything is told by itself when it answers again.",
    ),
    "given_up": Kind(
        "error",
        "Changes that are no removals were told in vain for 75 hours, and wait for their next change.",
        "Mend what `portal.states.error` says, then `mentorcert portal replay ORGANISATION`.",
    ),
    "fault_of_ours": Kind(
        "error",
        "Messages could not be made, or do not follow our own contract.",
        "Report it, with `portal.attempts.error`; then `mentorcert portal replay ORGANISATION`.",
    ),
    "no_worker": Kind(
        "error",
        "A portal is to be told, and no worker has been heard of for a minute.",
        "Start `mentorcert portal worker --connection FILE`, and see why it stopped.",
    ),
    "messages_waiting": Kind(
        "error",
        "Messages of the portal have been stored for 15 minutes and nobody works them.",
        "Start `mentorcert portal receive --connection FILE`, with the organisation's file.",
    ),
    "secret_expired": Kind(
        "error",
        "A secret has expired by the date that the connection's file gives.",
        "Get a new one, put it where the file says, and write its new date into the file; then start the"
        " worker and the receiver anew.",
    ),
    "reconciliation_stopped": Kind(
        "error",
        "Too much differs, or the portal's list is not whole: nothing was repaired.",
        "See with `mentorcert portal reconcile ORGANISATION --connection FILE --dry-run` whether the portal"
        " or the registry is right, then repair it on purpose.",
    ),
    "reconciliation_failed": Kind(
        "warning",
        "The latest comparison with what the portal shows did not come to its end.",
        "It is done again within the hour; see the reason where it goes on.",
    ),
    "reconciliation_overdue": Kind(
        "warning",
        "Nothing was compared for 3 hours, or not everything for 26 hours.",
        "See that a worker runs; or compare now:"
        " `mentorcert portal reconcile ORGANISATION --connection FILE --full`.",
    ),
    "unverified": Kind(
        "warning",
        "What the portal shows cannot be read, or has not been compared since the mode was set.",
        "After going live: wait for the first night, or run"
        " `mentorcert portal reconcile ORGANISATION --connection FILE --full`. For good: ask"
        " for an address at which the portal's list can be read.",
    ),
    "drift": Kind(
        "warning",
        "What the portal shows differed, in the last comparison, from what it should show.",
        "It is repaired by telling the portal again; whom it shows that we do not know, and duplicates,"
        " its people must see to. `mentorcert portal reconcile ORGANISATION --connection FILE` says who.",
    ),
    "change_unconfirmed": Kind(
        "warning",
        "A change that is no removal has not been confirmed for an hour.",
        "See the other findings, and that the worker has the organisation's file and logs no error.",
    ),
    "refused": Kind(
        "warning",
        "The portal refuses the messages about single peer mentors.",
        "`select peer_mentor_id, error from portal.states where error_class = 'rejected'`"
        " says which and why.",
    ),
    "paused": Kind(
        "warning",
        "The connection was paused 15 minutes ago or earlier; nothing is sent.",
        "End the pause when its reason has gone: `mentorcert portal mode ORGANISATION live --reason …`.",
    ),
    "secret_expires": Kind(
        "warning",
        "A secret expires within 30 days.",
        "Get a new one now. While two may be given, give both; write the new date into the file.",
    ),
    "message_unknown": Kind(
        "warning",
        "Messages came that no rule fits.",
        "`mentorcert portal inbox --unknown`; add a rule, then"
        " `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "message_failed": Kind(
        "warning",
        "The registry refused what messages asked for.",
        "`mentorcert portal inbox` says why; mend it, then"
        " `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "message_needs_fetch": Kind(
        "warning",
        "Messages over 256 KB came without contents, and their records have not been read.",
        "See that a worker runs and that the file names the table under [inbound.tables]; only Dataverse"
        " can be read. Otherwise look the record up in the portal.",
    ),
    "message_needs_person": Kind(
        "warning",
        "Messages need a person's decision.",
        "`mentorcert portal inbox` says why; decide, change the registry, then"
        " `mentorcert portal inbox --rework --connection FILE`.",
    ),
    "messages_lapse": Kind(
        "warning",
        "Messages that wait for somebody lose their contents within 30 days.",
        "See to them, or keep them longer: `update portal.retention set keep = '1 year' where log ="
        " 'unsettled_messages'`.",
    ),
    "nothing_sent": Kind(
        "notice",
        "The connection is in capture or shadow: everything is recorded, nothing is sent.",
        "Go live as docs/portal says when the portal is ready.",
    ),
}
