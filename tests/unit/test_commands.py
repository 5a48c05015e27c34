"""Commands are imported when they are asked for, and the lists say of each what it says itself."""

import sys

from mentorcert.cli.lazy import LazyCommand
from tests.support import processes
from tests.support.generated_docs import command_tree

LATER = {words: command for words, command in command_tree() if isinstance(command, LazyCommand)}


def test_a_list_says_what_the_command_says_first() -> None:
    assert LATER
    for words, listed in LATER.items():
        itself = listed.real
        assert itself.help.partition("\n\n")[0].split() == str(listed.help).split(), words
        assert itself.name == words[-1], words


def test_only_what_is_asked_for_is_imported() -> None:
    code = """
import sys
from mentorcert.cli import app
for words in ([], ["portal"], ["export"], ["portal", "status"]):
    app([*words, "--help"], standalone_mode=False)
    print(*sys.modules, file=sys.stderr)
"""
    done = processes.run(sys.executable, "-c", code)
    nothing, portal, export, status = (set(line.split()) for line in done.stderr.splitlines())
    assert not {name for name in nothing if name.startswith(("mentorcert.cli.portal", "mentorcert.db"))}
    assert not {name for name in portal if name.startswith(("mentorcert.portal", "mentorcert.db"))}
    assert "mentorcert.imports.exporting" in export
    assert not {"openpyxl", "xlsxwriter"} & export
    assert "mentorcert.portal.monitoring.checks" in status
    assert "mentorcert.portal.sync.worker" not in status
