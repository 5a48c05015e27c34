"""Why a portal could not be reached, in words, with the next step."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

LARGEST_SKEW_S: Final = 300.0

# The codes of OpenSSL's X509_V_ERR_….
_CERTIFICATES: Final = {
    9: ("its certificate is not valid yet", "Compare this machine's clock with the portal's."),
    10: ("its certificate has expired", "Ask the portal's operators to renew it."),
    18: ("its certificate is self-signed", "Ask for one of a public authority, or give it as ca_file."),
    19: ("its certificate is of an authority that is not trusted", "Give the authority's as ca_file."),
    20: ("its certificate is of an authority that is not trusted", "Give the authority's as ca_file."),
    62: ("its certificate is for another host", "Check the host in the URL."),
    64: ("its certificate is for another host", "Check the host in the URL."),
}
_UNTRUSTED: Final = ("its certificate is not trusted", "Have the portal's operators check the certificate.")


_CAUSES: Final[tuple[tuple[tuple[type[BaseException], ...], str, str], ...]] = (
    ((ssl.SSLError,), "TLS could not be agreed on", "Check that the URL's port speaks TLS."),
    ((socket.gaierror,), "its host name is not known (DNS)", "Check the URL's host, and this machine's DNS."),
    ((ConnectionRefusedError,), "it refused the connection", "Check the port; a firewall may refuse, too."),
    ((httpx2.ProxyError,), "the proxy did not let us through", "Check `proxy` in the connection's file."),
    ((httpx2.PoolTimeout,), "earlier calls take up all connections", "It is slow: ask its operators."),
    (
        (httpx2.ConnectTimeout,),
        "there was no connection within connect_s",
        "Check host, port and firewalls in between.",
    ),
    (
        (httpx2.TimeoutException, TimeoutError),
        "it did not answer in time",
        "It is slow or hangs: ask its operators.",
    ),
    ((ConnectionResetError, BrokenPipeError), "it broke off the connection", "Ask its operators."),
    ((httpx2.ProtocolError,), "it does not speak HTTP as agreed", "Check the URL's port; ask its operators."),
    ((httpx2.InvalidURL,), "the address is not valid", "Check the URLs in the connection's file."),
)


def cause(error: BaseException) -> tuple[str, str]:
    """Return what went wrong and what to do; never a URL, which may hold a secret."""
    for one in _chain(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return _CERTIFICATES.get(one.verify_code, _UNTRUSTED)
        if isinstance(one, ssl.SSLError) and "PROTOCOL" in (one.reason or ""):
            return "it offers no TLS that is safe today", "The portal must offer TLS 1.2 or later."
        for kinds, words, hint in _CAUSES:
            if isinstance(one, kinds):
                return words, hint
    return f"the connection failed ({type(error).__name__})", "Check the network between us and the portal."


def clock_skew(headers: Mapping[str, str], now: datetime) -> str | None:
    """Return by how much the portal's clock differs from ours, where signatures and tokens suffer by it."""
    at = http_date(headers.get("date", ""))
    if at is None or abs(skew_s := (at - now).total_seconds()) <= LARGEST_SKEW_S:
        return None
    return (
        f"The portal's clock is {abs(skew_s) / 60:.0f} minutes {'ahead of' if skew_s > 0 else 'behind'} ours."
    )


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None for anything else, such as the year 99999."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the causes, the innermost first: that one knows most."""
    causes: list[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return reversed(causes)
