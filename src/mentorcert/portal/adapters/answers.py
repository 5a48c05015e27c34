"""What the portal's answer to a message means: only a plain success confirms it."""

from typing import Any, Final

from mentorcert.errors import PortalUnexpectedAnswerError
from mentorcert.portal.adapters.port import Receipt
from mentorcert.portal.contract import values
from mentorcert.portal.model import DesiredState

# Many gateways answer 200, and say in the body that it failed.
_TROUBLE: Final = ("error", "errors", "rejected", "failed", "failure")
_DENIED: Final = ("success", "ok", "accepted", "applied", "stored")
_WORDS: Final = frozenset(
    {"error", "failed", "failure", "rejected", "refused", "denied", "invalid", "ignored"}
)


def read(answer: dict[str, Any], *, sent: DesiredState, http_status: int, latency: float) -> Receipt:
    """Return the receipt of a message about `sent`; raises PortalUnexpectedAnswerError for any other answer."""

    def unexpected(why: str) -> PortalUnexpectedAnswerError:
        return PortalUnexpectedAnswerError(
            f"The message: the portal answered {http_status}, and {why}.",
            http_status=http_status,
            hint='It must answer {"outcome": "applied"} or nothing once the state is stored.',
        )

    if name := _refusal(answer):
        raise unexpected(f"its {name} says that it is not stored")
    given, outcome = answer.get("mentor_version"), answer.get("outcome", "applied")
    version, epoch = values.version(given), values.epoch(answer.get("mentor_epoch"))
    if given is not None and version is None:
        raise unexpected("its mentor_version is no version")
    if answer.get("mentor_epoch") is not None and epoch is None:
        raise unexpected("its mentor_epoch is no epoch")
    if outcome not in {"applied", "already_newer", "erased"}:
        raise unexpected("its outcome is not known")
    if outcome == "erased" and sent.status != "erased":
        return Receipt("erased", version, http_status, latency, epoch)
    if outcome == "already_newer" and version is None:
        raise unexpected("says already_newer without the version that it has")
    if version is None:
        return Receipt("applied", None, http_status, latency)
    # A portal that knows no epochs compares by the version alone.
    there, ours = (sent.epoch if epoch is None else epoch, version), (sent.epoch, sent.version)
    if there < ours:
        raise unexpected("has an older version than was sent")
    return Receipt("already_newer" if there > ours else "applied", version, http_status, latency, epoch)


def _refusal(answer: dict[str, Any]) -> str | None:
    """Return the field that says no."""
    for name in _TROUBLE:
        if answer.get(name):
            return name
    for name in _DENIED:
        if answer.get(name) is False:
            return name
    for name in ("status", "result", "outcome"):
        if isinstance(said := answer.get(name), str) and said.lower() in _WORDS:
            return name
    return None
