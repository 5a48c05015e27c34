"""What every page of an administrator warns of: peer mentors whom the portal still shows in error."""

from collections.abc import Sequence

from mentorcert.db.rows import Answer
from mentorcert.portal.monitoring import waiting
from mentorcert.web.context import Alarm, RequestContext


def alarms(context: RequestContext) -> Answer[Sequence[Alarm]]:
    """Ask for the alarms of an administrator, which come with what the page itself asks for."""
    sent = context.ahead(waiting.unconfirmed_removals)
    return Answer(
        lambda: [
            Alarm(
                context.ngettext(
                    "%(num)s peer mentor must be off the portal's list, which has not confirmed it.",
                    "%(num)s peer mentors must be off the portal's list, which has not confirmed it.",
                    unconfirmed.removals,
                ),
                "/admin/portal",
            )
            for unconfirmed in sent.value
        ]
    )
