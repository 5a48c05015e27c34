"""Renders the mails: subject, text and HTML, in the recipient's language."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, assert_never, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.dates import format_datetime as format_moment
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mentorcert.notices.ledger import (
    CourseStep,
    Digest,
    FollowUp,
    Invitation,
    Letter,
    Reminder,
    RequestStep,
)
from mentorcert.notices.smtp import ascii_address
from mentorcert.translations import Language, translations

Mail: TypeAlias = Reminder | Digest | Invitation | Letter | RequestStep | FollowUp | CourseStep

_LOCALES = {"nb": "nb", "en": "en_GB"}
_MOMENTS = {"nb": "d. MMMM y 'kl.' HH.mm", "en": "d MMMM y 'at' HH:mm"}


def write(mail: Mail, *, sender: str, public_url: str) -> EmailMessage:
    """Return the mail; `public_url` is the base URL of the pages, without a trailing slash.

    Raises ValueError for an address that can't be used.
    """
    if isinstance(mail, Letter):
        return _letter(mail, sender)
    match mail:
        case Reminder():
            name, facts = "reminder", _reminder(mail)
        case Digest():
            name, facts = "digest", {"digest": mail}
        case Invitation():
            name, facts = "invitation", _invitation(mail)
        case RequestStep():
            name, facts = "request", {"request": mail}
        case CourseStep():
            name, facts = "course", {"course": mail, "days": _days(mail)}
        case FollowUp():
            name, facts = "follow_up", {"follow_up": mail}
        case _:
            assert_never(mail)
    facts = {**facts, "organisation": mail.organisation, "url": public_url}
    if isinstance(mail, (Invitation, CourseStep)):
        # Text and HTML say it in the same words.
        said = "invitation_what.txt" if isinstance(mail, Invitation) else "course_said.txt"
        facts["said"] = _environment(mail.language).get_template(said).render(facts).strip()
    message = compose(name, facts, mail.language, mail_id=mail.mail_id, address=mail.address, sender=sender)
    facts["subject"] = message["Subject"]
    html = _environment(mail.language).get_template(f"{name}.html").render(facts)
    message.add_alternative(html, subtype="html")
    return message


def compose(
    name: str, facts: Mapping[str, Any], language: Language, *, mail_id: UUID, address: str, sender: str
) -> EmailMessage:
    """Return a mail of the templates `name`, as text; raises ValueError for an address that can't be used."""
    environment = _environment(language)
    message = EmailMessage()
    message["Subject"] = _one_line(environment.get_template(f"{name}.subject").render(facts))
    message["From"] = sender
    message["To"] = ascii_address(address)
    message["Date"] = format_datetime(datetime.now(UTC))
    # The ledger's id, so that a line of the mail server's log can be matched to it.
    message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = language
    message.set_content(environment.get_template(f"{name}.txt").render(facts))
    return message


def _letter(mail: Letter, sender: str) -> EmailMessage:
    """Return what a person wrote, as text: answers go to that person, and machines may answer too."""
    message = compose(
        "written", {"letter": mail}, mail.language, mail_id=mail.mail_id, address=mail.address, sender=sender
    )
    del message["Auto-Submitted"]
    del message["Content-Language"]
    message["Reply-To"] = ascii_address(mail.reply_to)
    return message


def _one_line(subject: str) -> str:
    """Return a safe subject: with "=?" in it, a name could smuggle in line breaks as encoded words."""
    printable = "".join(letter if letter.isprintable() else " " for letter in subject)
    return " ".join(printable.split()).replace("=?", "= ?")


def _reminder(mail: Reminder) -> dict[str, Any]:
    return {
        "full_name": mail.full_name,
        "expiring": [one for one in mail.certifications if one["days_left"] > 0],
        "expired": [one for one in mail.certifications if one["days_left"] <= 0],
    }


def _days(mail: CourseStep) -> list[str]:
    """Return when the course is: each day with its times."""
    gettext = translations(mail.language).gettext
    clock = "%H:%M" if mail.language == "en" else "%H.%M"
    said = []
    for day, starts, ends in zip(mail.days, mail.starts, mail.ends, strict=True):
        written = format_date(day, format="full", locale=_LOCALES[mail.language])
        hours = "–".join(f"{at:{clock}}" for at in (starts, ends) if at is not None)
        said.append(gettext("%(day)s, %(hours)s") % {"day": written, "hours": hours} if hours else written)
    return said


def _invitation(mail: Invitation) -> dict[str, Any]:
    # The last moment before the midnight at which it ends.
    last = (mail.expires_at - timedelta(seconds=1)).astimezone(ZoneInfo(mail.time_zone))
    return {"invitation": mail, "last_day": last.date().isoformat()}


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = translations(language)
    # The extension adds the method; the class's type does not have it.
    cast("Any", environment).install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)
    environment.globals["language"] = language
    environment.filters["moment"] = lambda at: format_moment(
        at, _MOMENTS[language], locale=_LOCALES[language]
    )
    environment.filters["day"] = lambda day: format_date(
        day if isinstance(day, date) else date.fromisoformat(day), format="long", locale=_LOCALES[language]
    )
    return environment
