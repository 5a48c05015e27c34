"""What every page of an administrator warns of: peer mentors whom the portal still shows in error."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiosql

from mentorcert.web.administrator.queries import rows
from mentorcert.web.context import Alarm, RequestContext

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class _StillShown:
    mode: str
    removals: int
    since: datetime


def alarms(context: RequestContext) -> list[Alarm]:
    """Return the alarms for an administrator, none for others; one statement, by index."""
    if "org_admin" not in context.roles:
        return []
    return [
        Alarm(
            context.ngettext(
                "%(num)s peer mentor must be off the portal's list, which has not confirmed it.",
                "%(num)s peer mentors must be off the portal's list, which has not confirmed it.",
                found.removals,
            ),
            "/admin/portal",
        )
        for found in rows(context.conn, _StillShown, _QUERIES.portal_alarm.sql)
    ]
