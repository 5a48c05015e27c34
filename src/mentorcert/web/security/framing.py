"""What pages of other sites may do with ours: nothing, but for the list that is made to stand in a frame."""

from typing import Final

_RULES: Final = (
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
)
POLICY: Final = "; ".join((*_RULES, "frame-ancestors 'none'"))
# The page has no session, no cookie and nothing to press but a search.
FRAMED: Final = {"Content-Security-Policy": "; ".join((*_RULES, "frame-ancestors *"))}
# What is open to everybody, to be read by scripts of other sites.
SHARED: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
