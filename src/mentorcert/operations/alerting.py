"""Informs people of the portal's errors: by mail, by webhook, and by the silence of a heartbeat."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import httpx2
from psycopg.types.json import Jsonb

from mentorcert import logs, loops
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MailServerError
from mentorcert.notices import smtp
from mentorcert.notices.smtp import MailServer, SmtpClient, ascii_address, smtp_client
from mentorcert.operations import alerts
from mentorcert.operations.alert_texts import Notice, document, mail
from mentorcert.portal.monitoring import health
from mentorcert.portal.monitoring.checks import has_error, run_checks
from mentorcert.settings import Settings
from mentorcert.translations import Language

EVERY_S: Final = 60.0

Connect = Callable[[], AbstractContextManager[Connection]]

_QUERIES: Final = rows.beside(__file__)
# Certainly not accepted: these come before a request is sent.
_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL, httpx2.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Channels:
    """By what people are informed: administrators, an operator and others by mail, and a webhook.

    `escalate_to` get what nobody has acknowledged for a day; with `all_well` the operator hears each morning
    that no error stands. `language` is that of these two.
    """

    server: MailServer | None = None
    operator: str | None = None
    webhook: str | None = None
    public_url: str | None = None
    escalate_to: tuple[str, ...] = ()
    language: Language = "nb"
    all_well: bool = False


def channels(settings: Settings) -> Channels:
    """Return the configured channels; raises SettingError for an incomplete mail server."""
    webhook = settings.alerts_webhook
    others = [one.strip() for one in settings.alerts_escalate_to.split(",")]
    return Channels(
        smtp.from_settings(settings),
        settings.alerts_to,
        webhook.get_secret_value() if webhook else None,
        settings.public_url,
        tuple(one for one in others if one and one != settings.alerts_to),
        settings.alerts_language,
        settings.alerts_all_well,
    )


class Alerting:
    """Any number of processes may run it: the ledger says what is due, and each notice is sent once."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def check_once(self, conn: Connection) -> None:
        """Record what is wrong, send what is due, and call the heartbeat if no error stands.

        Needs an autocommit connection: what is claimed is committed before it is sent.
        """
        # The login role of the jobs knows nothing of portals; then the processes of the portal inform.
        if not rows.fetch_one(conn, bool, _QUERIES.is_allowed):
            return
        rows.execute(conn, _QUERIES.see_server)
        found = run_checks(health.read(conn))
        errors = {
            (one.organisation, one.code): one.what for one in reversed(found) if one.severity == "error"
        }
        rows.execute(
            conn,
            _QUERIES.plan,
            errors=Jsonb(
                [{"organisation": slug, "code": code, "what": what} for (slug, code), what in errors.items()]
            ),
            has_operator=self._channels.operator is not None,
            has_webhook=self._channels.webhook is not None,
            escalate_to=list(self._channels.escalate_to),
            says_well=self._channels.all_well,
        )
        self._send(conn)
        # That somebody could not be informed is no reason to say that all is well.
        if not has_error(found) and not rows.fetch_all(conn, str, _QUERIES.unsent):
            self._call_heartbeat(conn)

    def run_forever(self, connect: Connect, stop: threading.Event) -> None:
        """Check every EVERY_S seconds until `stop` is set; a failure is logged and tried again."""

        def work() -> float:
            with connect() as conn:
                self.check_once(conn)
            return EVERY_S

        loops.run_forever(work, stop, failed="portal_alerts_wait", retry_s=EVERY_S)

    def _send(self, conn: Connection) -> None:
        notices = rows.fetch_all(conn, Notice, _QUERIES.claim)
        results: list[dict[str, Any]] = []
        try:
            with _client(self._channels.server) as client:
                for notice in notices:
                    state, error = self._deliver(notice, client)
                    if state is not None:
                        results.append({"id": str(notice.id), "state": state, "error": error})
                    level = logging.INFO if state == "sent" else logging.ERROR
                    logs.event(
                        "portal_alert_notice", level=level, notice=str(notice.id), kind=notice.kind,
                        channel=notice.channel, code=notice.code, outcome=state or "uncertain", reason=error,
                    )  # fmt: skip
        finally:
            if results:
                rows.execute(conn, _QUERIES.report, results=Jsonb(results))

    def _deliver(
        self, notice: Notice, client: SmtpClient | None
    ) -> tuple[Literal["sent", "due"] | None, str | None]:
        """Send one; return its new state (None: in doubt, so it is never sent again), and why it was not sent."""
        if notice.channel == "webhook":
            return self._post(notice)
        address, server = notice.address or self._channels.operator, self._channels.server
        if client is None or server is None or address is None:
            return "due", "No mail server is set (MENTORCERT_SMTP_HOST)."
        language = notice.language or self._channels.language
        try:
            recipient = ascii_address(address)
        except ValueError:
            return "due", "The address can't be used."
        try:
            message = mail(
                notice, address, language, sender=server.sender, public_url=self._channels.public_url
            )
            status, code = client.send(recipient, message)
        except (MailServerError, ValueError) as error:
            # One mail that cannot be rendered must not block the others.
            is_of_server = isinstance(error, MailServerError)
            return "due", str(
                error
            ) if is_of_server else f"The mail can't be written ({type(error).__name__})."
        if status == "refused":
            return "due", f"The mail server refused it ({code})."
        return ("sent", None) if status == "sent" else (None, "The connection was lost while it was sent.")

    def _post(self, notice: Notice) -> tuple[Literal["sent", "due"] | None, str | None]:
        try:
            with alerts.http() as client:
                response = client.post(self._channels.webhook or "", json=document(notice))
        except _NOT_SENT as error:
            return "due", f"The webhook can't be reached ({type(error).__name__})."
        except httpx2.TransportError as error:
            return None, f"The webhook did not answer ({type(error).__name__})."
        if response.is_success:
            return "sent", None
        return "due", f"The webhook answered {response.status_code}."

    @staticmethod
    def _call_heartbeat(conn: Connection) -> None:
        if (url := rows.fetch_optional(conn, str, _QUERIES.heartbeat_url)) is None:
            return
        fault = alerts.call(url)
        rows.execute(conn, _QUERIES.report_heartbeat, error=fault)
        if fault:
            logs.event("portal_heartbeat_not_called", level=logging.ERROR, reason=fault)


def alerting(channels: Channels, connect: Connect) -> AbstractContextManager[None]:
    """Inform people in a thread while the block runs."""
    return loops.in_threads(partial(Alerting(channels).run_forever, connect))


@contextmanager
def _client(server: MailServer | None) -> Iterator[SmtpClient | None]:
    if server is None:
        yield None
        return
    with smtp_client(server) as client:
        yield client
