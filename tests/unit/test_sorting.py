"""Names are sorted by the database, as Norwegians do it: never by Python or a template, by code point."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import mentorcert

_SOURCES: Final = Path(mentorcert.__file__).parent
# What a key of names looks like.
_OF_NAMES: Final = re.compile(r"casefold|lower|full_name|\.name\b|'name'")


def _keys(code: str) -> Iterator[str]:
    """Yield the keys by which a module sorts."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            called = (
                node.func.id
                if isinstance(node.func, ast.Name)
                else node.func.attr
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            if called in {"sorted", "sort", "min", "max"}:
                yield from (ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "key")


def _sorts_names(code: str) -> bool:
    return any(_OF_NAMES.search(key) for key in _keys(code))


def test_no_module_sorts_names() -> None:
    modules = [*_SOURCES.glob("**/*.py")]
    assert len(modules) > 400
    assert [str(path) for path in modules if _sorts_names(path.read_text("utf-8"))] == []


def test_no_template_sorts() -> None:
    templates = [*_SOURCES.glob("**/*.html")]
    assert len(templates) > 100
    assert [str(path) for path in templates if re.search(r"\|\s*sort\b", path.read_text("utf-8"))] == []


def test_the_fault_is_found() -> None:
    assert _sorts_names("found = sorted(people, key=lambda one: one.full_name.casefold())")
    assert _sorts_names("people.sort(key=attrgetter('name'))")
    assert not _sorts_names("found = sorted(types, key=lambda type_: type_.sort_key_nb)")
    assert not _sorts_names("found = sorted(entries, key=lambda entry: entry.recorded_at)")
