"""The embedded PostgreSQL among several users of one machine: who may enter, and whom it runs as."""

import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db.connection import connect
from tests.support.embedded import as_root_only, as_user, hold, hold_as, holding, running, tidy
from tests.support.processes import run

pytestmark = as_root_only

OTHERS = ("nobody", "daemon")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can enter; servers in it are ended."""
    folder = Path(tempfile.mkdtemp(prefix="mentorcert-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    for locks in folder.rglob("postgres.locks"):
        tidy(locks.parent)
    shutil.rmtree(folder)


def may(user: str, test: str, path: Path) -> bool:
    """Whether a user may do to a path what test(1) asks."""
    return run("test", test, path, check=False, cwd=Path("/"), **as_user(user)).returncode == 0


def socket_of(url: str) -> Path:
    return Path(str(conninfo_to_dict(url)["host"]), ".s.PGSQL.5432")


def test_for_root_it_runs_as_another_user_in_no_group_of_roots(place: Path) -> None:
    private = place / "home of root"
    private.mkdir(mode=0o750)
    home = private / "registry"
    with holding(home) as holder:
        server = running(home)
        account = pwd.getpwnam(server.username())
        assert set(server.uids()) == {account.pw_uid} != {0}
        assert set(server.gids()) == {account.pw_gid} != {0}
        if sys.platform == "linux":
            assert "\nGroups:\t \n" in Path(f"/proc/{server.pid}/status").read_text()
        # The server passes through the folder; nobody else does, and nobody lists it.
        assert [may(user, "-x", private) for user in (account.pw_name, *OTHERS)] == [True, False, False]
        assert not may(account.pw_name, "-r", private)
        with connect(holder.url) as conn:
            settings = conn.execute(
                "select current_setting('listen_addresses'), current_setting('unix_socket_permissions')"
            ).fetchone()
        assert settings == ("", "0700")
        assert stat.S_IMODE(socket_of(holder.url).stat().st_mode) == 0o700
        assert (home / "postgres" / "pg_hba.conf").read_text().count("reject") >= 2
    assert not server.is_running()


def test_a_strict_umask_of_root(place: Path) -> None:
    holder = hold(place / "registry", umask=0o077)
    assert holder.error == ""
    with connect(holder.url) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
    holder.let_go()


def test_users_of_one_machine_work_side_by_side(place: Path) -> None:
    """Each with a server of its own, which the others do not enter, in any order."""
    homes = {}
    for user in OTHERS:
        folder = place / f"{user}, på egen hånd"
        folder.mkdir()
        shutil.chown(folder, user)
        homes[user] = folder / ".mentorcert"
    holders = {user: hold_as(user, home, umask=0o077) for user, home in homes.items()}
    try:
        assert [holder.error for holder in holders.values()] == ["", ""]
        for user, other in (OTHERS, OTHERS[::-1]):
            assert running(homes[user]).username() == user
            socket = socket_of(holders[user].url)
            assert may(user, "-S", socket)
            assert not may(other, "-S", socket)
            with connect(holders[user].url) as conn:
                assert conn.execute("select 1").fetchone() == (1,)
            refused = hold_as(other, homes[user])
            refused.let_go()
            assert "belongs to user" in refused.error or "Permission denied" in refused.error
        refused = hold(homes[OTHERS[0]])
        refused.let_go()
        assert "belongs to user" in refused.error
        assert "as the user that made it" in refused.hint
    finally:
        for holder in holders.values():
            holder.let_go()


def test_a_long_path_has_its_socket_in_a_private_folder(place: Path) -> None:
    """It is used again as long as it is private; what others put in its place is not."""
    home = place / ("a" * 100) / ("b" * 100)
    record = home / "postgres.socket"

    def folder_in_use() -> Path:
        with holding(home) as holder:
            assert holder.error == ""
            folder = socket_of(holder.url).parent
            assert record.readlink() == folder
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert not any(may(user, "-x", folder) for user in OTHERS)
            with connect(holder.url) as conn:
                assert conn.execute("select 1").fetchone() == (1,)
        return folder

    first = folder_in_use()
    try:
        assert folder_in_use() == first
        # The machine restarted, and somebody remembers the name.
        shutil.rmtree(first)
        first.mkdir(mode=0o700)
        shutil.chown(first, OTHERS[0])
        second = folder_in_use()
        assert second != first
        assert list(first.iterdir()) == []
        shutil.rmtree(second)
        # Its owner could let it point elsewhere later.
        second.symlink_to(home / "postgres")
        third = folder_in_use()
        assert third not in {first, second}
        third.chmod(0o755)
        fourth = folder_in_use()
        assert fourth != third
    finally:
        for folder in {first, second, third, fourth}:
            folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)


def test_a_folder_of_somebody_else_is_not_entered(place: Path) -> None:
    """Neither as the data nor by a link in their place, and nothing is written to it."""
    foreign = place / "foreign"
    foreign.mkdir()
    shutil.chown(foreign, OTHERS[0])
    home = place / "registry"
    home.mkdir()
    (home / "postgres").symlink_to(foreign)
    refused = hold(home)
    refused.let_go()
    assert "belongs to user" in refused.error
    assert list(foreign.iterdir()) == []
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o755


def test_a_link_in_place_of_a_lock_is_not_followed(place: Path) -> None:
    home = place / "registry"
    (home / "postgres.locks").mkdir(parents=True)
    (home / "postgres.locks" / "users").symlink_to(place / "elsewhere")
    refused = hold(home)
    refused.let_go()
    assert "postgres.locks/users" in refused.error
    assert not (place / "elsewhere").exists()


def test_data_of_the_versions_before_keep_working(place: Path) -> None:
    """They were made by a package, for root as its user with root's group, and have its files in them."""
    home = place / "registry"
    with holding(home) as holder, connect(holder.url, autocommit=True) as conn:
        conn.execute("create table public.kept as select 1 as one")
        uid = running(home).uids().real
    data = home / "postgres"
    for path in (data, *data.rglob("*")):
        os.chown(path, uid, 0)
    (data / "log").write_text("")
    (data / ".handle_pids.json").write_text(f"[{os.getpid()}]")
    with holding(home) as holder, connect(holder.url) as conn:
        assert conn.execute("select one from public.kept").fetchone() == (1,)
    assert not psutil.pid_exists(running_pid(home))


def running_pid(home: Path) -> int:
    file = home / "postgres" / "postmaster.pid"
    return int(file.read_text().split()[0]) if file.exists() else -1
