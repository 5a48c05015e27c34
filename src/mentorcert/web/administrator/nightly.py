"""The nightly runs: which nights were done, and whom the next one is about."""

from fastapi import APIRouter, Response

from mentorcert.operations import ledger
from mentorcert.web.context import CurrentAdministrator

router = APIRouter()


@router.get("/admin/nightly")
def show(context: CurrentAdministrator) -> Response:
    """Show the ledger."""
    _, organisation = context.member()
    clock = ledger.clock(context.conn, organisation.time_zone)
    nights = ledger.nights(context.conn, organisation.id)
    last = max((night.local_day for night in nights if night.finished_at), default=None)
    return context.page(
        "administrator/nightly.html",
        nights=nights,
        midnight=clock.midnight,
        last_day=last,
        is_missing=last is None or last < clock.today,
        expiring=ledger.expiring(context.conn, organisation.id, clock.midnight),
    )
