"""The mail server: mails are handed to it one by one, and of each it is known whether it was taken."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Literal

from pydantic import SecretStr

from mentorcert.errors import MailServerError, SettingError
from mentorcert.settings import MailSecurity, Settings

# A server that is alive but slow may take minutes to look through a mail (RFC 5321, 4.5.3.2).
TIMEOUT_S: Final = 120.0
_SUCCESS: Final = 2
_CLOSING: Final = 421

DeliveryStatus = Literal["sent", "refused", "uncertain"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and the address that they come from."""

    host: str
    port: int
    sender: str
    security: MailSecurity = "starttls"
    user: str | None = None
    password: SecretStr | None = None


def from_settings(of: Settings) -> MailServer | None:
    """Return the configured mail server, None where there is none; raises SettingError for half a one."""
    if of.smtp_host is None:
        return None
    if of.smtp_from is None:
        raise SettingError("MENTORCERT_SMTP_HOST is set, but not MENTORCERT_SMTP_FROM.")
    if (of.smtp_user is None) != (of.smtp_password is None):
        raise SettingError("Of MENTORCERT_SMTP_USER and MENTORCERT_SMTP_PASSWORD only one is set.")
    if of.smtp_user is not None and of.smtp_tls == "none":
        raise SettingError(
            "MENTORCERT_SMTP_TLS is none: the password would go over the network for all to read.",
            hint="Set it to starttls or tls.",
        )
    return MailServer(of.smtp_host, of.smtp_port, of.smtp_from, of.smtp_tls, of.smtp_user, of.smtp_password)


class SmtpClient:
    """Hands mails to the server, over one connection for as long as the server keeps it open."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def hand_over(self, address: str, message: EmailMessage) -> tuple[DeliveryStatus, int]:
        """Return what became of the mail, and the server's last reply code, 0 where there was none.

        `uncertain`: the connection was lost when the mail was on its way. Raises MailServerError where the
        server cannot be reached or wants nothing from us; the mail was then certainly not taken.
        """
        was_open = self._smtp is not None
        smtp = self._smtp or self._connect()
        try:
            is_ours = _is_success(_code(smtp.mail(self._server.sender)))
            code = _code(smtp.rcpt(address)) if is_ours else 0
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self.close()
            # Many servers take so and so many mails over one connection, and then hang up.
            if was_open:
                return self.hand_over(address, message)
            raise MailServerError(f"The mail server hung up ({type(error).__name__}).") from None
        if not is_ours:
            raise MailServerError(
                f"The mail server takes nothing from {self._server.sender}.",
                hint="Check MENTORCERT_SMTP_FROM.",
            )
        if _is_success(code):
            fate, code = self._send(smtp, message)
        else:
            fate = "refused"
        if fate == "refused":
            # If that fails, the next mail finds the connection lost.
            with suppress(smtplib.SMTPException, OSError):
                smtp.rset()
        return fate, code

    def close(self) -> None:
        """End the connection, if there is one."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _send(self, smtp: smtplib.SMTP, message: EmailMessage) -> tuple[DeliveryStatus, int]:
        try:
            code, _ = smtp.data(message.as_bytes(policy=SMTP))
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
        except (smtplib.SMTPServerDisconnected, OSError):
            self.close()
            return "uncertain", 0
        if code == _CLOSING:
            self.close()
        return "sent" if _is_success(code) else "refused", code

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        try:
            if server.security == "tls":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    server.host, server.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
                )
            else:
                smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
            self._smtp = smtp
            if server.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
            if server.user is not None and server.password is not None:
                smtp.login(server.user, server.password.get_secret_value())
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            # What the server says may quote the login.
            cause = (
                error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else type(error).__name__
            )
            raise MailServerError(
                f"The mail server {server.host}:{server.port} cannot be used ({cause}).",
                hint="Check the settings MENTORCERT_SMTP_… and that the server runs.",
            ) from None
        return smtp


@contextmanager
def post(server: MailServer) -> Iterator[SmtpClient]:
    """Lend a connection, opened with the first mail."""
    lent = SmtpClient(server)
    try:
        yield lent
    finally:
        lent.close()


def _code(reply: tuple[int, bytes]) -> int:
    code, _ = reply
    if code == _CLOSING:
        raise smtplib.SMTPServerDisconnected
    return code


def _is_success(code: int) -> bool:
    return code // 100 == _SUCCESS
