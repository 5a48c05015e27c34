"""`mentorcert dev` as a process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import command
from tests.support.processes import COMMAND_DEADLINE_S, Child

Json = dict[str, Any]


@contextmanager
def running(home: Path) -> Iterator[tuple[Child, Json]]:
    """Run it until the block ends; yields the process and what it prints."""
    with command.start("dev", "--json", "--port", "0", database_url="", MENTORCERT_HOME=str(home)) as process:
        printed = ""
        while not printed.endswith("\n}\n"):
            # At the first start the examples are imported.
            line = process.line(COMMAND_DEADLINE_S)
            assert line, process.communicate()
            printed += line
        yield process, json.loads(printed)
