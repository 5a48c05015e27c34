"""The built wheel, installed into an empty environment, sets up a database without the checkout."""

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pytest

from mentorcert.db.migrate import read
from tests.support import processes
from tests.support.released import environment, installed, outside
from tests.web.test_serve import said

CHECKOUT = Path(__file__).parents[2]


def execute(*command: str | Path, cwd: Path) -> str:
    """Run a program without this test's environment, and return what it prints."""
    own = ("VIRTUAL_ENV", "PYTHONPATH", "DATABASE_URL", "MENTORCERT_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    return processes.run(*command, cwd=cwd, env=environment).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of the source distribution."""
    out = tmp_path_factory.mktemp("dist")
    execute(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, CHECKOUT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_carries_the_database_and_nothing_local(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    for migration in read():
        assert f"mentorcert/supabase/migrations/{migration.path.name}" in names
    assert "mentorcert/py.typed" in names
    for file in ("db/plain_postgres.sql", "db/plain_roles.sql", "development/lite.mjs"):
        assert f"mentorcert/{file}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"mentorcert"}
    assert not [name for name in names if "__pycache__" in name]


def test_the_staging_portal_is_a_wheel_of_its_own(tmp_path: Path) -> None:
    staging = CHECKOUT / "src" / "mentorcert_staging"
    execute(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        tmp_path,
        staging,
        cwd=tmp_path,
    )
    (built,) = tmp_path.glob("*.whl")
    names = ZipFile(built).namelist()
    assert {"mentorcert_staging/__main__.py", "mentorcert_staging/store.sql"} <= set(names)
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"mentorcert_staging"}


def test_the_first_five_minutes_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    """What `make run` does, for who has pip and an empty home."""
    mentorcert = installed(tmp_path, wheel)
    said_by_up = outside("up", "--examples", command=mentorcert, place=tmp_path)
    assert f"{len(read())} applied" in said_by_up
    assert "hom: 600 peer mentors" in said_by_up
    assert "no staging portal (mentorcert-staging) is installed" in said_by_up
    assert "on the public list" in said_by_up
    assert "all are applied already" in outside("up", command=mentorcert, place=tmp_path)
    assert (tmp_path / ".mentorcert" / "postgres" / "PG_VERSION").read_text() == "18\n"
    with (
        processes.start(
            mentorcert, "serve", "--port", "0", cwd=tmp_path, env=environment(tmp_path)
        ) as serving,
        httpx2.Client(base_url=said(serving), trust_env=False, timeout=processes.DEADLINE_S) as client,
    ):
        assert client.get("/readyz").json() == {"status": "ok", "errors": []}
        first = client.get("/", follow_redirects=True)
        assert (first.status_code, first.url.path) == (200, "/step-in")
        assert client.get("/public/hom").status_code == httpx2.codes.OK
        serving.terminate()
        _, log = serving.communicate()
        assert serving.returncode == 0, log
    assert list((tmp_path / "home").iterdir()) == [], "nothing is left in a home"
