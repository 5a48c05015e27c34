"""What a change of many certifications, and undoing it, are called."""

from uuid import UUID

from mentorcert.web.context import RequestContext


def just_made(context: RequestContext) -> tuple[UUID, str] | None:
    """Return the change of many that this browser just made, and what undoing it is called; it is offered once."""
    made = context.cookies.signed("batch")
    if made is None:
        return None
    del context.cookies["batch"]
    batch_id, change, number = made.split()
    return UUID(batch_id), undo_text(context, change, int(number))


def made_text(context: RequestContext, change: str, number: int) -> str:
    """Return what a change of many was."""
    if change == "renew":
        return context.ngettext("%(num)s certification renewed", "%(num)s certifications renewed", number)
    if change == "suspend":
        return context.ngettext("%(num)s certification suspended", "%(num)s certifications suspended", number)
    if change == "course":
        return context.ngettext(
            "%(num)s certification issued or renewed by a course",
            "%(num)s certifications issued or renewed by a course",
            number,
        )
    return context.ngettext("%(num)s certification reinstated", "%(num)s certifications reinstated", number)


def undo_text(context: RequestContext, change: str, number: int) -> str:
    """Return what undoing a change of many is called."""
    if change == "renew":
        return context.ngettext(
            "Undo the renewal of %(num)s certification", "Undo the renewal of %(num)s certifications", number
        )
    if change == "suspend":
        return context.ngettext(
            "Undo the suspension of %(num)s certification",
            "Undo the suspension of %(num)s certifications",
            number,
        )
    if change == "course":
        return context.ngettext(
            "Undo the closing of the course: %(num)s certification",
            "Undo the closing of the course: %(num)s certifications",
            number,
        )
    return context.ngettext(
        "Undo the end of the suspension of %(num)s certification",
        "Undo the end of the suspension of %(num)s certifications",
        number,
    )
