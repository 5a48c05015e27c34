"""The documents are true: their commands work, and what they say about the code is so."""

import configparser
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from mentorcert.certifications.history import EntryV1, Kind
from mentorcert.db.connection import Connection
from tests.support import command, generated_docs
from tests.support.documents import DOCUMENTS, NOT_RUN, Block, Reader, assert_shown, blocks
from tests.support.generated_docs import DOCS, ROOT
from tests.support.servers import Server, on_embedded_18

README = ROOT / "README.md"
# What needs a server is run by tests/supabase/test_flutter_docs.py and tests/web/api/test_docs.py.
SERVED = {DOCS / "flutter.md", DOCS / "api.md"}


def name(document: Path) -> str:
    """The document's path in the checkout."""
    return str(document.relative_to(ROOT))


RUN = [
    document
    for document in DOCUMENTS
    if document not in SERVED and any(block.language not in NOT_RUN for block in blocks(document))
]


@pytest.fixture(scope="module")
def furnished(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with the example organisations, to be cloned."""
    name = f"{template}_furnished"
    with server.new_database(template, name) as url:
        home = str(tmp_path_factory.mktemp("home"))
        assert command.run("up", "--examples", database_url=url, MENTORCERT_HOME=home).returncode == 0
        yield name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout as far as the documents use it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    return tmp_path


@on_embedded_18
@pytest.mark.parametrize("document", RUN, ids=name)
def test_every_block_runs(
    server: Server, template: str, furnished: str, folder: Path, document: Path
) -> None:
    # The README begins with nothing; the others have the examples.
    with (
        server.new_database("template0" if document == README else furnished) as url,
        closing(Reader(server, url, folder)) as reader,
    ):
        printed = ""
        for block in blocks(document):
            if block.language == "json":
                assert_shown(block, block.text, printed)
            elif block.language not in NOT_RUN:
                printed = reader.follow(block)


@on_embedded_18
def test_generated_parts_are_current(conn: Connection) -> None:
    old = [
        ": ".join(part)
        for part, generate in generated_docs.SECTIONS.items()
        if generated_docs.section(*part) != generate(conn)
    ]
    assert old == [], "run `python -m tests.support.generated_docs`"


@on_embedded_18
def test_the_picture_shows_every_table(conn: Connection) -> None:
    (picture,) = (block.text for block in blocks(DOCS / "schema.md") if block.language == "mermaid")
    drawn = {
        (table, column, kind)
        for table, columns in re.findall(r"^  (\w+) \{\n(.*?)^  \}", picture, re.DOTALL | re.MULTILINE)
        for kind, column in re.findall(r"^    (\S+) (\w+)", columns, re.MULTILINE)
    }
    real = conn.execute(
        """
        select
          class.relname::text, attname::text,
          replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz')
        from pg_catalog.pg_attribute as attribute
        join pg_catalog.pg_class as class on class.oid = attribute.attrelid
        where class.relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)
          and class.relkind in ('r', 'p') and attnum > 0
        """
    ).fetchall()
    assert drawn <= set(real)
    assert {table for table, _, _ in drawn} == {table for table, _, _ in real}
    lines = re.findall(r"^  (\w+) [|}o]{2}--[|{o]{2} (\w+) :", picture, re.MULTILINE)
    references = conn.execute(
        """
        select distinct referred.relname::text, class.relname::text from pg_catalog.pg_constraint
        join pg_catalog.pg_class as referred on referred.oid = confrelid
        join pg_catalog.pg_class as class on class.oid = conrelid
        where contype = 'f' and connamespace in ('public'::regnamespace, 'mentorcert'::regnamespace)
        """
    ).fetchall()
    assert lines
    assert set(lines) <= set(references)


@pytest.mark.parametrize(("document", "expected"), [("portal/going-live.md", ["portal", "worker"])])
def test_the_service_starts_the_worker(document: str, expected: list[str]) -> None:
    (unit,) = (block.text for block in blocks(DOCS / document) if block.language == "ini")
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(unit)
    program, *words = shlex.split(parser["Service"]["ExecStart"])
    assert program.endswith("/mentorcert")
    assert words[: len(expected)] == expected
    options = {word for word in words if word.startswith("-")}
    explained = command.run(*expected, "--help", database_url="").stdout
    assert options <= set(re.findall(r"--[a-z-]+", explained))


@on_embedded_18
def test_every_check_of_doctor_is_explained(mentorcert: command.Mentorcert) -> None:
    found = json.loads(mentorcert("doctor", "--json").stdout)
    assert first_cells(DOCS / "operations.md", "| check |") == [finding["check"] for finding in found]


def test_every_key_and_kind_of_an_entry_is_explained() -> None:
    keys = " ".join(first_cells(DOCS / "history.md", "| key |"))
    assert re.findall(r"`(\w+)`", keys) == list(EntryV1.model_fields)
    kinds = " ".join(first_cells(DOCS / "history.md", "| kind |"))
    assert set(re.findall(r"`(\w+)`", kinds)) == set(get_args(Kind))


def test_every_logged_event_is_explained() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    logged = set(re.findall(r"(?:logs\.event\(\s*|failed=)\"(\w+)\"", source))
    # The senders of an outbox differ by what they send.
    for which, ending in re.findall(r'(?:logs\.event\(\s*|failed=)f"\{self\.(one|many)\}_(\w+)"', source):
        logged |= {
            f"{sent}_{ending}" for sent in re.findall(rf'^    {which} = "(\w+)"$', source, re.MULTILINE)
        }
    explained = re.findall(r"`(\w+)`", " ".join(first_cells(DOCS / "operations.md", "| event |")))
    assert logged
    assert set(explained) == logged


def test_links_within_the_checkout_lead_somewhere() -> None:
    for document in DOCUMENTS:
        links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", document.read_text("utf-8"))
        for target, anchor in links:
            link = f"{name(document)}: {target}#{anchor}"
            file = (document.parent / target) if target else document
            assert file.exists(), link
            assert not anchor or anchor in anchors(file), link


def test_every_room_that_is_described_exists() -> None:
    rooms = re.findall(r"`([^`]+)`", " ".join(first_cells(ROOT / "CONTRIBUTING.md", "| folder |")))
    assert [room for room in rooms if not (ROOT / room).exists()] == []


def test_every_document_is_reachable_from_the_readme() -> None:
    seen, waiting = set[Path](), [README]
    while waiting:
        document = waiting.pop()
        if document in seen:
            continue
        seen.add(document)
        links = re.findall(r"\]\((?!https?:)([^)#]+\.md)", document.read_text("utf-8"))
        waiting += [(document.parent / link).resolve() for link in links]
    assert set(DOCUMENTS) <= seen


def test_a_block_says_what_it_is() -> None:
    for document in DOCUMENTS:
        for before, block in pairwise([None, *blocks(document)]):
            assert block is not None
            assert block.language, str(block)
            assert block.language != "json" or is_python(before), (
                f"{block}: a json block follows the Python that prints it"
            )


def is_python(block: Block | None) -> bool:
    return block is not None and block.language == "python"


def first_cells(document: Path, heading: str) -> list[str]:
    """The first cell of each row of the table with this heading."""
    _, _, table = document.read_text("utf-8").partition(f"\n{heading}")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    assert rows, f"{document.name} has no table {heading}"
    return [row.split("|")[1].strip() for row in rows]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
