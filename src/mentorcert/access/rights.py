"""Compares the rights that the catalogue grants with the list of those that the migrations grant."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mentorcert.db import rows
from mentorcert.db.connection import Connection

LIST: Final = Path(__file__).with_name("expected_rights.txt")
"""One right to a line, sorted; `python -m tests.support.generated_rights` writes it again."""

_RESTRICTION: Final = "restriction on "  # a restrictive policy: where it is missing, somebody may more

_IN_PUBLIC: Final = re.compile(r"\bpublic\.(\w+)")
_REACH: Final = "execute public.get_user_organisation_id()"

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the database grants beyond the list, and what of the list it does not; sorted lines."""

    unexpected: list[str]
    missing: list[str]


def compare(conn: Connection) -> Rights:
    """Return how the rights to what is ours, and to what reads ours, differ from the list."""
    listed = LIST.read_text("utf-8")
    found, expected = set(held(conn, set(_IN_PUBLIC.findall(listed)))), set(listed.splitlines())
    if not any(_REACH in line for line in found):
        # The project's own: who may call it is not for us to say.
        expected = {line for line in expected if _REACH not in line}
    added, gone = found - expected, expected - found
    return Rights(unexpected=_rights(added, gone, "without"), missing=_rights(gone, added, "with"))


def held(conn: Connection, in_public: Collection[str] | None = None) -> list[str]:
    """Return the rights that the database grants, as sorted lines: the same on every version of PostgreSQL.

    They are the policies, grants and executable functions of our schemas and of these names in public (by
    default of all), the views elsewhere that read our tables, the functions elsewhere that name what is ours
    and that clients execute with another's rights, and what the roles are.
    """
    names = None if in_public is None else sorted(in_public)
    # An expression is shown without the names of schemas that are on the search_path.
    with conn.transaction(force_rollback=True):
        conn.execute("set local search_path = ''")
        return sorted(rows.fetch_all(conn, str, _QUERIES.held, in_public=names))


def _rights(lines: set[str], opposite: set[str], word: str) -> list[str]:
    rights = (line for line in lines if not line.startswith(_RESTRICTION))
    restrictions = (f"{word} the {line}" for line in opposite if line.startswith(_RESTRICTION))
    return sorted([*rights, *restrictions])
