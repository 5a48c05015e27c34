"""What the Makefile refuses at once, and what it needs no home folder for."""

import os
import shutil
from pathlib import Path
from typing import Final

from tests.support.processes import run

MAKEFILE: Final = Path(__file__).parents[2] / "Makefile"


def test_a_space_in_the_path_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    folder = tmp_path / "my registry"
    folder.mkdir()
    shutil.copy(MAKEFILE, folder)
    done = run("make", "run", cwd=folder, check=False)
    assert done.returncode == 2
    assert f"The folder {folder} has a space in its path" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["Makefile"]


def test_a_home_that_cannot_be_written_gets_no_cache(tmp_path: Path) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "UV_CACHE_DIR"}
    show = '--eval=show: ; @echo "cache:$${UV_CACHE_DIR-}"'
    for home, cache in ((tmp_path / "nowhere", tmp_path / ".venv" / "uv-cache"), (tmp_path, "")):
        done = run("make", "--silent", show, "show", cwd=tmp_path, env={**environment, "HOME": str(home)})
        assert done.stdout == f"cache:{cache}\n"
