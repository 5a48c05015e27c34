"""What every page of an administrator warns of: peer mentors whom the portal still shows in error."""

from mentorcert.portal.monitoring import waiting
from mentorcert.web.context import Alarm, RequestContext


def alarms(context: RequestContext) -> list[Alarm]:
    """Return the alarms for an administrator, none for others."""
    if "org_admin" not in context.roles:
        return []
    return [
        Alarm(
            context.ngettext(
                "%(num)s peer mentor must be off the portal's list, which has not confirmed it.",
                "%(num)s peer mentors must be off the portal's list, which has not confirmed it.",
                unconfirmed.removals,
            ),
            "/admin/portal",
        )
        for unconfirmed in waiting.unconfirmed_removals(context.conn)
    ]
