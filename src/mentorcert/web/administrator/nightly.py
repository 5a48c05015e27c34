"""The nightly runs: which nights were done, and whom the next one is about."""

from fastapi import APIRouter, Response

from mentorcert.operations import ledger
from mentorcert.web.context import CurrentAdministrator

router = APIRouter()


@router.get("/admin/nightly")
def show(context: CurrentAdministrator) -> Response:
    """Show the ledger."""
    _, organisation = context.member()
    sent_clock = context.ahead(ledger.clock, organisation.time_zone)
    nights = ledger.nights(context.conn, organisation.id)
    clock = sent_clock.value
    last = max((night.local_day for night in nights if night.finished_at), default=None)
    return context.page(
        "administrator/nightly.html",
        nights=nights,
        midnight=clock.midnight,
        last_day=last,
        is_missing=last is None or last < clock.today,
        expiring=ledger.expiring(context.conn, organisation.id, clock.midnight),
    )
