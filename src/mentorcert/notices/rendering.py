"""Renders the mails: subject, text and HTML, in the recipient's language."""

from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, assert_never, cast

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mentorcert.notices.ledger import Digest, Reminder
from mentorcert.notices.smtp import ascii_address
from mentorcert.translations import Language, translations

_LOCALES = {"nb": "nb", "en": "en_GB"}


def write(mail: Reminder | Digest, *, sender: str, public_url: str) -> EmailMessage:
    """Return the mail; `public_url` is the base URL of the pages, without a trailing slash."""
    match mail:
        case Reminder():
            name, facts = "reminder", _reminder(mail)
        case Digest():
            name, facts = "digest", {"digest": mail}
        case _:
            assert_never(mail)
    facts = {**facts, "organisation": mail.organisation, "url": public_url}
    environment = _environment(mail.language)
    message = EmailMessage()
    subject = _one_line(environment.get_template(f"{name}.subject").render(facts))
    facts["subject"] = subject
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = ascii_address(mail.address)
    message["Date"] = format_datetime(datetime.now(UTC))
    # The ledger's id, so that a line of the mail server's log can be matched to it.
    message["Message-ID"] = f"<{mail.mail_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = mail.language
    message.set_content(environment.get_template(f"{name}.txt").render(facts))
    message.add_alternative(environment.get_template(f"{name}.html").render(facts), subtype="html")
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
    environment.filters["day"] = lambda day: format_date(
        date.fromisoformat(day), format="long", locale=_LOCALES[language]
    )
    return environment
