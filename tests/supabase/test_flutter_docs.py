"""What docs/flutter.md says: its Python is run against Lite, its Dart is Dart and names what the database has."""

import os
import re
import sys
import textwrap
from typing import Final

import pytest
import tree_sitter_dart
from tree_sitter import Language, Parser

from mentorcert.access.model import TABLES
from mentorcert.access.rules import OPEN_TABLES
from mentorcert.db.connection import Connection
from tests.acceptance.test_docs import first_cells
from tests.supabase import lite
from tests.supabase.exchanges import APP
from tests.supabase.world import World
from tests.support import processes
from tests.support.documents import DOCUMENTS, Block, blocks
from tests.support.generated_docs import DOCS
from tests.support.registry import rows
from tests.support.servers import DEBIAN_15, EMBEDDED_18, on_embedded_18

DOCUMENT: Final = DOCS / "flutter.md"
PYTHON: Final = [block for block in blocks(DOCUMENT) if block.language == "python"]
DART_BLOCKS: Final = [
    block for document in DOCUMENTS for block in blocks(document) if block.language == "dart"
]
DART: Final = "\n".join(block.text for block in DART_BLOCKS if block.document == DOCUMENT)
_END: Final = "end of the block"
_SHOWN: Final = re.compile(r"  # → (.+)$", re.MULTILINE)


@lite.needs_lite
@pytest.mark.parametrize("server", [EMBEDDED_18, DEBIAN_15], indirect=True)
def test_the_python_beside_the_dart_works(untouched_world: World) -> None:
    """One script of all blocks, since each goes on where the one before ended."""
    script = "".join(f"{block.text}\nprint({_END!r})\n" for block in PYTHON)
    settings = {
        "SUPABASE_URL": untouched_world.lite.url,
        "SUPABASE_PUBLISHABLE_KEY": lite.PUBLISHABLE_KEY,
        "PASSWORD": lite.PASSWORD,
    }
    done = processes.run(sys.executable, "-c", script, env=os.environ | settings)
    printed = done.stdout.split(f"{_END}\n")
    for block, lines in zip(PYTHON, printed, strict=False):
        assert lines.splitlines() == _SHOWN.findall(block.text), str(block)


def _is_dart(text: str) -> bool:
    """Whether a text is a Dart file, or the body of an asynchronous function."""
    parser = Parser(Language(tree_sitter_dart.language()))
    files = (text, f"Future<void> body() async {{\n{text}\n}}")
    return any(not parser.parse(file.encode()).root_node.has_error for file in files)


@pytest.mark.parametrize("block", DART_BLOCKS, ids=str)
def test_dart_parses_and_broken_dart_does_not(block: Block) -> None:
    assert _is_dart(block.text)
    # An opening or a closing bracket forgotten.
    before, bracket, after = block.text.rpartition(")")
    assert bracket
    assert not _is_dart(before + after)
    assert not _is_dart(block.text.replace("(", "", 1))


def test_each_section_with_dart_has_python() -> None:
    sections = re.split(r"^## ", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)
    with_dart = {section.split("\n")[0] for section in sections if "```dart" in section}
    with_python = {section.split("\n")[0] for section in sections if "```python" in section}
    assert with_dart - with_python == {"Live changes"}, "Lite has no Realtime"


@on_embedded_18
def test_the_dart_names_what_the_database_has(conn: Connection) -> None:
    columns = set(
        rows(
            conn,
            "select table_name::text, column_name::text from information_schema.columns"
            " where table_schema in ('public', 'mentorcert')"
            " union select 'peer_mentor_certifications', 'current_status'",
        )
    )
    tables = set(re.findall(r"\.from\('(\w+)'\)", DART))
    assert tables
    assert tables <= TABLES.keys()
    for table, call in re.findall(r"\.from\('(\w+)'\)(.*?);", DART, re.DOTALL):
        selected = "".join(re.findall(r"'([^']*)'", call.partition(".select(")[2].partition("')")[0] + "'"))
        named = set(re.sub(r"\w+\(.*\)", "", selected).replace(" ", "").strip(",").split(","))
        named |= set(re.findall(r"\.(?:eq|gte|order|contains)\('(\w+)'", call))
        assert {(table, column) for column in named} <= columns, call
    calls = re.findall(r"\.rpc\('(\w+)'(?:, params: \{(.*?)\}\s*\))?", DART, re.DOTALL)
    assert calls
    for function, parameters in calls:
        given = set(re.findall(r"'(\w+)':", re.sub(r"\{.*?\}", "", parameters)))
        known = rows(
            conn,
            "select coalesce(proargnames, '{}') from pg_catalog.pg_proc"
            " where proname = %s and pronamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)",
            function,
        )
        assert any(given <= set(names) for (names,) in known), (function, given)


def test_what_is_shown_of_the_app_is_of_the_app() -> None:
    """A block after the name of a file of the app."""
    shown = re.findall(
        r"^From `(lib/\w+\.dart)` of the \[app\].*?```dart\n(.*?)```",
        DOCUMENT.read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert shown
    for file, text in shown:
        assert text in textwrap.dedent(_indented((APP / file).read_text("utf-8"))), file


def _indented(text: str) -> str:
    """Return the members of the classes of a file, without what stands at the margin."""
    return "\n".join(line for line in text.splitlines() if not line[:1].strip())


def test_what_anybody_may_read_is_the_public_list() -> None:
    assert {"listed_peer_mentors"} == OPEN_TABLES


def test_every_code_of_ours_is_explained() -> None:
    known = {cell.strip("`") for cell in first_cells(DOCS / "access.md", "| SQLSTATE |")}
    explained = set(re.findall(r"`(\w+)`", " ".join(first_cells(DOCUMENT, "| code |"))))
    assert known
    assert known <= explained
