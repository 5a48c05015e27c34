"""Each guard of what feeds the registry is broken once, and a test of the hierarchy notices.

On the embedded server only: what is tested here is the tests, and those run on all.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import psycopg
import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.organisations.hierarchy import generation, installation
from mentorcert.organisations.hierarchy.generation import Types
from mentorcert.organisations.hierarchy.mapping import Mapping
from tests.integration import test_hierarchy as paths
from tests.integration import test_hierarchy_attacked as attacks
from tests.support import hierarchy
from tests.support.servers import on_embedded_18


@dataclass(frozen=True, slots=True)
class Mutation:
    """The script with other words for a guard, or with statements after it; the scenario must fail by it."""

    scenario: Callable[[Connection, str], object]
    guard: str = ""
    instead: str = ""
    after: str = ""

    def __str__(self) -> str:
        return re.sub(r"\s+", " ", f"{self.guard[:70]} {self.instead[:30]} {self.after[:70]}").strip()

    def of(self, script: str) -> str:
        assert self.guard in script, "the script has no such guard"
        return script.replace(self.guard, self.instead) + self.after if self.guard else script + self.after


def _laid(scenario: Callable[[Connection], object], conn: Connection, _url: str) -> None:
    scenario(conn)


def _fed(scenario: Callable[[Connection], object], conn: Connection, _url: str) -> None:
    installation.apply(conn, paths.MAPPED)
    scenario(conn)


def _fed_at(scenario: Callable[[Connection, str], object], conn: Connection, url: str) -> None:
    installation.apply(conn, paths.MAPPED)
    scenario(conn, url)


def _owned(scenario: Callable[[Connection, str], object], conn: Connection, _url: str) -> None:
    with attacks.owning(conn) as owner:
        scenario(conn, owner)


FOLLOWED: Final = partial(_fed, paths.test_what_their_app_changes_is_followed)
HAND: Final = partial(_fed, paths.test_what_is_fed_is_not_edited_by_hand)
REFUSED: Final = partial(_fed_at, paths.test_what_the_registry_refuses_is_noted_and_ends_all_the_same)
CLIENTS: Final = partial(_laid, attacks.test_clients_reach_nothing_of_the_feeding)
HIDDEN: Final = partial(_owned, attacks.test_rows_that_policies_hide_end_nothing)
OWNER: Final = partial(_owned, attacks.test_the_owner_of_the_tables_runs_nothing_as_the_owner_of_the_registry)
NO_WAIT: Final = partial(_fed_at, attacks.test_a_write_that_may_not_wait_goes_through)
RENAMED: Final = partial(_fed, attacks.test_renamed_tables_and_columns_are_followed)

_TAKE_LOCK: Final = "mentorcert_private.take_lock('mentorcert_hierarchy')"
_NOTE: Final = "exception when query_canceled or others"
_FORGET: Final = "delete from mentorcert_hierarchy.failures as failure\n    where "


def _mutations() -> Iterator[Mutation]:
    for part in paths.HAND_EDITS:
        yield Mutation(HAND, after=f"drop trigger reject_hand_edit on mentorcert.{part};")
    yield Mutation(HAND, " or mentorcert_private.is_erasure()")
    yield Mutation(FOLLOWED, "pg_trigger_depth() > 1", "pg_trigger_depth() > 9")
    yield Mutation(FOLLOWED, "alter table mentorcert.memberships disable trigger keep_an_administrator;")
    yield Mutation(FOLLOWED, "security definer -- who writes the table may not feed the registry")
    yield Mutation(paths.test_of_two_reasons_for_a_role_the_last_takes_it_along, f"perform {_TAKE_LOCK};")
    yield Mutation(NO_WAIT, _TAKE_LOCK, "pg_advisory_xact_lock(hashtextextended('mentorcert_hierarchy', 0))")
    yield Mutation(NO_WAIT, _NOTE, "exception when others")
    yield Mutation(REFUSED, _NOTE, "exception when division_by_zero")
    yield Mutation(REFUSED, "perform mentorcert_hierarchy.feed_step(step, failed);", "null;")
    yield Mutation(REFUSED, "if sqlstate !~ '^MC' then", "if true then")
    yield Mutation(REFUSED, _FORGET, f"{_FORGET}false and ")
    yield Mutation(CLIENTS, generation.REVOKING)
    yield Mutation(HIDDEN, "set row_security = off")
    yield Mutation(RENAMED, "exception when undefined_column", "exception when division_by_zero")
    yield Mutation(OWNER, '"phone", "role")::text', '"phone", "role"::text)::text')


MUTATIONS: Final = list(_mutations())


@on_embedded_18
@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_guard_that_is_missing_is_noticed(
    empty_database: str, mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = generation.script

    def broken(mapping: Mapping, types: Types) -> str:
        return mutation.of(whole(mapping, types))

    with connect(empty_database, autocommit=True) as conn:
        hierarchy.lay(conn)
        monkeypatch.setattr(generation, "script", broken)
        with pytest.raises((AssertionError, psycopg.Error, pytest.fail.Exception)) as noticed:
            mutation.scenario(conn, empty_database)
        assert "no such guard" not in str(noticed.value)
