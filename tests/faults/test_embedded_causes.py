"""What keeps the embedded PostgreSQL from its start is said in words, with the next step."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mentorcert.db import embedded
from mentorcert.errors import EmbeddedPostgresError
from tests.support import processes
from tests.support.command import run
from tests.support.embedded import (
    as_root_only,
    as_user,
    hold,
    hold_as,
    holding,
    postmaster,
    python_of,
    tidy,
)

PGSERVER = "pgserver"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can enter; servers in it are ended."""
    folder = Path(tempfile.mkdtemp(prefix="mentorcert-test-"))
    folder.chmod(0o755)
    yield folder
    for locks in folder.rglob("postgres.locks"):
        tidy(locks.parent)
    shutil.rmtree(folder)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Lend a disk of a few megabytes."""
    folder.mkdir()
    mounted = processes.run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this machine lets nobody mount: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        tidy(folder)
        processes.run("umount", "--lazy", folder)


def refusal(home: Path) -> EmbeddedPostgresError:
    with pytest.raises(EmbeddedPostgresError) as caught:
        embedded.start(home)
    assert "None" not in (caught.value.hint or "None")
    return caught.value


@as_root_only
def test_a_disk_too_small_for_a_data_folder(place: Path) -> None:
    with small_disk(place / "disk", 12) as home:
        error = refusal(home)
        assert "No space left on device" in str(error)
        assert "Make room" in (error.hint or "")
        # Half a data folder would look like one.
        assert not (home / "postgres").exists()
        assert not (home / "postgres.new").exists()


@as_root_only
def test_a_disk_that_is_full(place: Path) -> None:
    with small_disk(place / "disk", 100) as home:
        with holding(home) as holder:
            assert holder.error == ""
        with suppress(OSError), (home / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(2**16))
        error = refusal(home)
        assert "No space left on device" in str(error)
        assert "Make room" in (error.hint or "")
        (home / "filler").unlink()
        with holding(home) as holder:
            assert holder.error == ""


@as_root_only
def test_a_user_without_a_name(place: Path) -> None:
    home = place / "home"
    home.mkdir()
    os.chown(home, 54321, 54321)
    python, env = python_of("nobody")
    refused = hold(home, python, env=env, user=54321, group=54321, extra_groups=[])
    refused.let_go()
    assert "user 54321, which has no entry" in refused.error
    assert "/etc/passwd" in refused.hint
    assert list(home.iterdir()) == []


@as_root_only
def test_a_folder_that_one_may_not_write(place: Path) -> None:
    refused = hold_as("nobody", place / "home")
    refused.let_go()
    assert f"{place / 'home'}: Permission denied" in " ".join(refused.error.split())
    assert "MENTORCERT_HOME" in refused.hint


@as_root_only
def test_words_of_postgres_itself(place: Path) -> None:
    """Of rights, of a setting, and of another server on the same data, which goes on."""
    home = place / "home"
    with holding(home) as holder:
        assert holder.error == ""
    data = home / "postgres"
    data.chmod(0o755)
    error = refusal(home)
    assert "invalid permissions" in str(error)
    assert "chmod 700" in (error.hint or "")
    data.chmod(0o700)

    settings = (data / "postgresql.conf").read_text()
    (data / "postgresql.conf").write_text(f"{settings}\nno_such_setting = 1\n")
    error = refusal(home)
    assert "contains errors" in str(error)
    assert str(home / "postgres.log") in (error.hint or "")
    (data / "postgresql.conf").write_text(settings)

    by_another_path = place / "link"
    by_another_path.symlink_to(data)
    other = [
        str(embedded.binaries() / "pg_ctl"),
        "-D",
        str(by_another_path),
        "-w",
        "-s",
        "-o",
        "-h '' -p 5433",
        "-l",
        "/dev/null",
    ]
    processes.run(*other, "start", cwd=Path("/"), **as_user(PGSERVER))
    error = refusal(home)
    assert "already exists" in str(error)
    assert "Another server uses the same data" in (error.hint or "")
    assert postmaster(home) is not None
    processes.run(*other, "stop", cwd=Path("/"), **as_user(PGSERVER))
    with holding(home) as holder:
        assert holder.error == ""


def test_data_of_another_major_version(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    said = run("migrate", "--dry-run", database_url="", MENTORCERT_HOME=str(tmp_path))
    words = " ".join(said.stderr.split())
    assert said.returncode == 1
    assert "holds data of PostgreSQL 16; this version of mentorcert runs 18" in words
    assert "docs/operations.md, Upgrade the embedded PostgreSQL" in words
    heading = "### Upgrade the embedded PostgreSQL"
    assert heading in Path(__file__).parents[2].joinpath("docs", "operations.md").read_text()


def test_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "notes").write_text("mine")
    error = refusal(tmp_path)
    assert "is not a data folder of PostgreSQL" in str(error)
    assert (tmp_path / "postgres" / "notes").read_text() == "mine"
    shutil.rmtree(tmp_path / "postgres")
    (tmp_path / "postgres").write_text("a file")
    assert "is not a data folder" in str(refusal(tmp_path))


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    error = refusal(tmp_path / "home")
    assert f"{tmp_path / 'home'}" in str(error)


def test_a_path_with_a_line_break(tmp_path: Path) -> None:
    assert "control character" in str(refusal(tmp_path / "a\nb"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_refusal() -> None:
    """A process that could not start it does not count as one of its users."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "postgres").mkdir(mode=0o755)
        (home / "postgres" / "PG_VERSION").write_text("18\n")
        refusal(home)
        shutil.rmtree(home / "postgres")
        holder = hold(home)
        assert holder.error == ""
        holder.let_go()
        assert postmaster(home) is None
