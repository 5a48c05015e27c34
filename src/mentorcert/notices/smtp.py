"""The SMTP client: sends mails one by one, and returns for each whether it was accepted."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Literal

import idna
from pydantic import SecretStr

from mentorcert.errors import MailServerError, SettingError
from mentorcert.settings import MailSecurity, Settings

# A slow server may take minutes to accept a mail (RFC 5321, 4.5.3.2).
TIMEOUT_S: Final = 120.0
PERMANENT: Final = 5
"""The first digit of the replies by which a server refuses a mail for good."""
_SUCCESS: Final = 2
_CLOSING: Final = 421

DeliveryStatus = Literal["sent", "refused", "uncertain"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that mails are sent through, and the address they are sent from."""

    host: str
    port: int
    sender: str
    security: MailSecurity = "starttls"
    user: str | None = None
    password: SecretStr | None = None


def from_settings(settings: Settings) -> MailServer | None:
    """Return the configured mail server, None without one; raises SettingError for incomplete settings."""
    if settings.smtp_host is None:
        return None
    if settings.smtp_from is None:
        raise SettingError("MENTORCERT_SMTP_HOST is set, but not MENTORCERT_SMTP_FROM.")
    if (settings.smtp_user is None) != (settings.smtp_password is None):
        raise SettingError("Of MENTORCERT_SMTP_USER and MENTORCERT_SMTP_PASSWORD only one is set.")
    if settings.smtp_user is not None and settings.smtp_tls == "none":
        raise SettingError(
            "MENTORCERT_SMTP_TLS is none: the password would be sent unencrypted.",
            hint="Set it to starttls or tls.",
        )
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_from,
        settings.smtp_tls,
        settings.smtp_user,
        settings.smtp_password,
    )


def ascii_address(address: str) -> str:
    """Return the address with its domain as servers know it (punycode); raises ValueError for no domain.

    A local part is ASCII in the registry: few servers take another (SMTPUTF8).
    """
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{idna.encode(domain).decode('ascii')}"


class SmtpClient:
    """Sends mails over one connection for as long as the server keeps it open."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def send(self, address: str, message: EmailMessage) -> tuple[DeliveryStatus, int]:
        """Send a mail; return its delivery status, and the server's last reply code, 0 where there was none.

        `uncertain`: the connection was lost while the mail was transferred. Raises MailServerError where the
        server cannot be reached or refuses our sender; the mail was then certainly not accepted.
        """
        was_open = self._smtp is not None
        smtp = self._smtp or self._connect()
        try:
            is_sender_accepted = _is_success(_code(smtp.mail(self._server.sender)))
            code = _code(smtp.rcpt(address)) if is_sender_accepted else 0
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self.close()
            # Many servers limit the mails per connection, and then disconnect.
            if was_open:
                return self.send(address, message)
            raise MailServerError(
                f"The mail server closed the connection ({type(error).__name__})."
            ) from None
        if not is_sender_accepted:
            raise MailServerError(
                f"The mail server refuses mails from {self._server.sender}.",
                hint="Check MENTORCERT_SMTP_FROM.",
            )
        if _is_success(code):
            fate, code = self._send_data(smtp, message)
        else:
            fate = "refused"
        if fate == "refused":
            # If this fails, the next mail reconnects.
            with suppress(smtplib.SMTPException, OSError):
                smtp.rset()
        return fate, code

    def close(self) -> None:
        """Close the connection, if there is one."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _send_data(self, smtp: smtplib.SMTP, message: EmailMessage) -> tuple[DeliveryStatus, int]:
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
            # The server's text may quote the login.
            cause = (
                error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else type(error).__name__
            )
            raise MailServerError(
                f"The mail server {server.host}:{server.port} cannot be used ({cause}).",
                hint="Check the settings MENTORCERT_SMTP_… and that the server runs.",
            ) from None
        return smtp


@contextmanager
def smtp_client(server: MailServer) -> Iterator[SmtpClient]:
    """Yield a client; it connects with the first mail."""
    client = SmtpClient(server)
    try:
        yield client
    finally:
        client.close()


def _code(reply: tuple[int, bytes]) -> int:
    code, _ = reply
    if code == _CLOSING:
        raise smtplib.SMTPServerDisconnected
    return code


def _is_success(code: int) -> bool:
    return code // 100 == _SUCCESS
