"""Why the portal stands as it does: the registry's own reasons in the reader's language, a person's as typed."""

import re
from typing import Final

from mentorcert.translatable import LazyText
from mentorcert.web.context import RequestContext

# The numbers in a reason fill the text in. The tests compare the patterns with what writes the reasons.
_REASONS: Final[tuple[tuple[str, LazyText], ...]] = (
    ("mentorcert up: the staging portal", LazyText("Demonstration: connected to a staging portal.")),
    ("mentorcert up: a new portal", LazyText("Demonstration: the staging portal is new.")),
    ("mentorcert up: nothing is sent yet", LazyText("Demonstration: nothing is sent yet.")),
    (
        "mentorcert up: show that its list becomes ours",
        LazyText("Demonstration: the portal's list becomes the registry's."),
    ),
    (
        "mentorcert up: the staging portal ended with the command",
        LazyText("Demonstration: the staging portal is stopped."),
    ),
    ("replay", LazyText("Sent again by the operator.")),
    (
        r"The portal's list is empty, though it has confirmed (?P<of>\d+) peer mentors\.",
        LazyText("The portal's list is empty, though it has confirmed %(of)s peer mentors."),
    ),
    (
        r"The portal's list is incomplete: (?P<number>\d+) of (?P<of>\d+) peer mentors are missing\.",
        LazyText("The portal's list is incomplete: %(number)s of %(of)s peer mentors are missing."),
    ),
    (
        r"Too much differs to be repaired automatically: (?P<number>\d+) of (?P<of>\d+)\.",
        LazyText("Too much differs to be repaired automatically: %(number)s of %(of)s."),
    ),
    (r"Its process no longer reported\.", LazyText("The comparison was interrupted.")),
    (
        r"The portal has no state_url, so what it shows cannot be read\.",
        LazyText("What the portal shows cannot be read."),
    ),
    (
        r"Twenty calls in a row have failed: the portal does not accept our credentials\.",
        LazyText("Twenty calls in a row have failed: the portal does not accept our credentials."),
    ),
    (
        r"Twenty calls in a row have failed: the portal refuses our messages\. Has the contract changed\?",
        LazyText(
            "Twenty calls in a row have failed: the portal refuses our messages. Has the contract changed?"
        ),
    ),
    (
        r"Twenty calls in a row have failed: the portal does not answer, or not as agreed\.",
        LazyText("Twenty calls in a row have failed: the portal does not answer, or not as agreed."),
    ),
)


def known_reason(context: RequestContext, text: str) -> str | None:
    """Return a reason of the registry's own in the reader's language; of any other text, None."""
    for pattern, said in _REASONS:
        if found := re.fullmatch(pattern, text):
            return context._(said, **found.groupdict())
    return None


def reason_text(context: RequestContext, text: str) -> str:
    """Return a reason as a reader understands it: what a person typed stands as it is."""
    return known_reason(context, text) or text
