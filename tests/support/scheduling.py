"""Which tests run in one process after another, since they share what is dear to make, and which of them first."""

from collections import Counter
from typing import Final

import pytest

from tests.support.large_registry import SIZES
from tests.support.servers import SERVERS

# They share what a whole folder or registry has; every other file is a unit of its own, on each server.
_TOGETHER: Final = ("tests/web/browser/", *(str(size.id) for size in SIZES))


def unit(nodeid: str) -> str:
    """Return the name of what is run in one process: the tests of a file on a server, or of what files share."""
    file, _, test = nodeid.partition("::")
    shared = next((name for name in _TOGETHER if name in nodeid), file)
    return f"{shared} {next((name for name in SERVERS if name in test), '')}"


def longest_first(items: list[pytest.Item]) -> None:
    """Put units with slow tests before the others, and each with more tests before those with fewer."""
    numbers = Counter(unit(item.nodeid) for item in items)
    slow = {unit(item.nodeid) for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, int, str]:
        name = unit(item.nodeid)
        return name not in slow, -numbers[name], name

    items.sort(key=place)
