"""Signed tokens as a forger would send them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def with_altered_signature(token: str) -> str:
    """Return the token with one bit of its signature changed.

    A letter changed in its place may be the same signature in another spelling: the last one has spare bits.
    """
    signed, dot, signature = token.rpartition(".")
    altered = bytearray(urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    altered[0] ^= 1
    return f"{signed}{dot}{urlsafe_b64encode(altered).decode().rstrip('=')}"
