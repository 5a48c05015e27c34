"""What docs/api.md says is run against a server of its own."""

import os
import re
import sys
from typing import Final

from mentorcert.db.connection import Connection
from mentorcert.web.security.tokens import issue
from tests.support import processes
from tests.support.documents import blocks
from tests.support.generated_docs import DOCS
from tests.support.registry import Organisation, today
from tests.web.conftest import AUTH, Site
from tests.web.live import running

DOCUMENT: Final = DOCS / "api.md"
PYTHON: Final = [block for block in blocks(DOCUMENT) if block.language == "python"]
_END: Final = "end of the block"
_SHOWN: Final = re.compile(r"  # → (.+)$", re.MULTILINE)


def test_the_python_works(site: Site, organisation: Organisation, conn: Connection) -> None:
    """One script of all blocks, since each goes on where the one before ended."""
    for number in range(1, 4):
        mentor = organisation.mentor(str(number))
        organisation.certify(mentor, issued=today(conn, -300), last_day=today(conn, 30 + number))
    script = "".join(f"{block.text}\nprint({_END!r})\n" for block in PYTHON)
    with running(site.app) as url:
        settings = {"PAGES_URL": url, "ACCESS_TOKEN": issue(AUTH, organisation.admin)}
        done = processes.run(sys.executable, "-c", script, env=os.environ | settings)
    printed = done.stdout.split(f"{_END}\n")
    for block, lines in zip(PYTHON, printed, strict=False):
        assert lines.splitlines() == _SHOWN.findall(block.text), str(block)
