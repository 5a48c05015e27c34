"""My dates, and courses, in a calendar: as a file, and as a feed that a calendar reads by itself."""

from fastapi import APIRouter, Response

from mentorcert.certifications import calendar_feeds, own
from mentorcert.certifications.calendar_feeds import ExpiringCertification
from mentorcert.courses import calendar, courses
from mentorcert.errors import MissingRightError
from mentorcert.web.context import CurrentMember, RequestContext
from mentorcert.web.coordinator.display_names import today_of
from mentorcert.web.mentor import calendar_file

router = APIRouter()


@router.get("/me/calendar")
def show(context: CurrentMember) -> Response:
    """Show whether there is a feed, its address where it is new, and what one is."""
    return _page(context)


@router.post("/me/calendar")
def create(context: CurrentMember) -> Response:
    """Create a feed in place of the former; its address is kept in this browser alone, and not for long."""
    context.cookies.sign("feed", _whose(context) + calendar_feeds.create(context.conn))
    return context.redirect("/me/calendar")


@router.post("/me/calendar/revoke")
def revoke(context: CurrentMember) -> Response:
    """End the feed."""
    calendar_feeds.revoke(context.conn)
    del context.cookies["feed"]
    return context.redirect("/me/calendar", notice=context._("The calendar feed has ended."))


@router.get("/me/calendar.ics")
def download(context: CurrentMember) -> Response:
    """Answer with the calendar as it is now."""
    _, organisation = context.member()
    planned = context.ahead(courses.between, today_of(context) - calendar.PAST)
    certifications = context.ahead(own.certifications, organisation.time_zone)
    if own.peer_mentor(context.conn) is None:
        raise MissingRightError
    expiring = [
        ExpiringCertification(held.id, held.name_nb, held.name_en, held.expires_at, held.reminder_days)
        for held in certifications.value
        if held.expires_at is not None and held.display_status != "suspended"
    ]
    return Response(
        calendar_file.write(
            expiring,
            organisation.name,
            organisation.time_zone,
            context.language,
            courses=[
                calendar.entry_of(one) for one in planned.value if one.own_state in ("seated", "waiting")
            ],
        ),
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="certifications.ics"'},
    )


def _whose(context: RequestContext) -> str:
    user, organisation = context.member()
    return f"{user.id} {organisation.id} "


def _address(context: RequestContext) -> str | None:
    """Return the address of the feed, where this person has made it here a moment ago."""
    kept, whose = context.cookies.signed("feed") or "", _whose(context)
    base = context.services.configuration.public_url
    if not kept.startswith(whose):
        return None
    return f"{base}/calendar/{kept.removeprefix(whose)}.ics?language={context.language}"


def _page(context: RequestContext) -> Response:
    created_at = context.ahead(calendar_feeds.created_at)
    if own.peer_mentor(context.conn) is None:
        return context.page("mentor/nobody.html")
    address = _address(context) if created_at.value else None
    return context.page(
        "mentor/calendar.html",
        address=address,
        # By this scheme, the programs of phones and computers subscribe, and do not load the file once.
        subscription=address and f"webcal://{address.partition('://')[2]}",
        created_at=created_at.value,
    )
