"""What each finding means to an administrator, in words that catalogues translate."""

from collections.abc import Mapping
from typing import Final

from mentorcert.translatable import LazyText

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "removal_unconfirmed": LazyText(
        "Somebody who should be off the portal's list has not been confirmed to be for 15 minutes."
        " Have the portal's people take them off by hand if this goes on."
    ),
    "listed_but_expired": LazyText(
        "A comparison found peer mentors on the portal's list who must not be there."
    ),
    "held_after_restore": LazyText(
        "The registry was restored from a backup. The portal shows nobody new until it has been asked what it holds."
    ),
    "newer_there": LazyText(
        "The portal holds something newer than the registry. Decide about each person below."
    ),
    "restore_unreported": LazyText(
        "The registry may have been restored from a backup, and nobody has said so. Contact the operator at once."
    ),
    "journal_late": LazyText(
        "What protects erasures and withdrawals against a restore is not written. Contact the operator."
    ),
    "other_portal": LazyText(
        "A worker was started for another portal than the recorded one, and sends nothing. Contact the operator."
    ),
    "credentials_refused": LazyText(
        "The portal refuses our credentials. The operator needs to correct them; then everything is sent by itself."
    ),
    "breaker_open": LazyText(
        "Nothing that is sent to the portal succeeds. Everything is sent by itself when the portal answers again."
    ),
    "given_up": LazyText(
        "Changes could not be delivered for days. Ask for a replay when the cause is corrected."
    ),
    "fault_of_ours": LazyText("Messages could not be made. Contact the operator of the registry."),
    "no_worker": LazyText("No worker is running, so nothing is sent. Contact the operator of the registry."),
    "messages_waiting": LazyText(
        "Messages of the portal wait, and no worker handles them. Contact the operator."
    ),
    "withdrawal_stuck": LazyText(
        "A consent was withdrawn at the portal, and could not be noted here. Contact the operator."
    ),
    "secret_expired": LazyText("A secret of the connection has expired. The operator needs a new one."),
    "secret_expires": LazyText("A secret of the connection expires within 30 days. Get a new one now."),
    "unverified_too_long": LazyText(
        "For 30 hours nobody has compared all that the portal shows. Look at its page: nobody who has expired"
        " may be there."
    ),
    "reconciliation_stopped": LazyText(
        "A comparison found too much that differs, and repeated removals only."
        " See with the operator who is right."
    ),
    "reconciliation_failed": LazyText("The latest comparison failed; it is done again within the hour."),
    "reconciliation_overdue": LazyText(
        "Nothing was compared for hours. Contact the operator of the registry."
    ),
    "unverified": LazyText(
        "What the portal shows has not been compared since the mode was set, or cannot be read."
    ),
    "drift": LazyText("What the portal shows differs from the registry; what can be is repaired by itself."),
    "change_unconfirmed": LazyText("A change has not been confirmed for an hour."),
    "refused": LazyText("The portal refuses the messages about single peer mentors."),
    "paused": LazyText("The portal is paused. End the pause when its reason has gone."),
    "message_unknown": LazyText("Messages of the portal came that no rule fits. Contact the operator."),
    "message_failed": LazyText("The registry refused what messages of the portal asked for."),
    "message_needs_fetch": LazyText("Messages of the portal came without contents. Ask the operator."),
    "message_needs_person": LazyText("Messages of the portal need a person's decision. Ask the operator."),
    "messages_lapse": LazyText("Messages that wait for somebody lose their contents within 30 days."),
    "nothing_sent": LazyText("Everything is recorded, and nothing is sent."),
}
