"""One Lite for each server, and a separate one for tests that need the world as it was made."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supabase.cli import SupabaseCli
from tests.supabase.world import World, inhabited
from tests.support.servers import Server


@pytest.fixture(scope="module")
def world(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two organisations, served by Lite; tests of this module add to them. The template has brought the roles."""
    with inhabited(server, tmp_path_factory.mktemp("lite")) as served:
        yield served


@pytest.fixture
def supabase_cli(server: Server, tmp_path: Path) -> SupabaseCli:
    """The Supabase CLI, on the databases of this server."""
    return SupabaseCli(server, tmp_path)


@pytest.fixture
def untouched_world(server: Server, template: str, tmp_path: Path) -> Iterator[World]:
    """The same, to which nobody has added anything."""
    with inhabited(server, tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def dev_home() -> Iterator[Path]:
    """Where the examples are imported once.

    Not below the folder of pytest, which each run of root's closes again for the user that the server runs as.
    """
    with tempfile.TemporaryDirectory(prefix="mentorcert-dev-") as folder:
        yield Path(folder)
