"""What differs between two schemas, and whether a receiver who knows only the older one would notice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_ANNOTATIONS: Final = frozenset({"$id", "$comment", "title", "description", "examples", "deprecated"})
_NESTED: Final = frozenset({"items", "additionalProperties"})


@dataclass(frozen=True)
class Change:
    """One difference; all are breaking but the addition of a field that nobody has to send."""

    at: str
    breaking: bool


def changes(old: dict[str, Any], new: dict[str, Any], at: str = "") -> Iterator[Change]:
    """Yield every difference that is not one of wording only."""
    for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS):
        before, after = old.get(keyword), new.get(keyword)
        here = f"{at}/{keyword}"
        if keyword == "properties":
            yield from _of_properties(before or {}, after or {}, here)
        elif keyword in _NESTED and isinstance(before, dict) and isinstance(after, dict):
            yield from changes(before, after, here)
        elif _unordered(before) != _unordered(after):
            yield Change(here, breaking=True)


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return where the newer schema breaks the older."""
    return [change.at for change in changes(old, new) if change.breaking]


def _of_properties(old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[Change]:
    for name, schema in old.items():
        if name in new:
            yield from changes(schema, new[name], f"{at}/{name}")
        else:
            yield Change(f"{at}/{name}", breaking=True)
    for name in new.keys() - old.keys():
        yield Change(f"{at}/{name}", breaking=False)


def _unordered(value: Any) -> Any:
    # The lists of a schema (required, enum, type) are sets.
    return sorted(map(repr, value)) if isinstance(value, list) else value
