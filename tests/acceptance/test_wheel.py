"""The built wheel, installed into an empty environment, sets up a database without the checkout."""

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from mentorcert.db.migrate import read
from tests.support import processes

CHECKOUT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


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
    assert "mentorcert/db/plain_postgres.sql" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_installed_command_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    execute(UV, "venv", "--quiet", "--python", sys.executable, "venv", cwd=tmp_path)
    install = (UV, "pip", "install", "--quiet", "--python", tmp_path / "venv")
    execute(*install, "--require-hashes", "-r", CHECKOUT / "requirements" / "runtime.lock", cwd=tmp_path)
    execute(*install, "--no-deps", wheel, cwd=tmp_path)
    mentorcert = tmp_path / "venv" / "bin" / "mentorcert"
    said = execute(mentorcert, "up", "--examples", cwd=tmp_path)
    assert f"{len(read())} applied" in said
    assert "hom: 600 peer mentors" in said
    assert "on the public list" in said
    assert "all are applied already" in execute(mentorcert, "up", cwd=tmp_path)
    assert (tmp_path / ".mentorcert" / "postgres" / "PG_VERSION").read_text() == "18\n"
