"""Which Supabase Lite `mentorcert dev` takes, and what it says where there is none."""

import json
import shutil
from pathlib import Path

import pytest

from mentorcert.development import lite
from mentorcert.errors import MissingProgramError
from tests.support.generated_docs import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app's folder, with a Node.js; nothing of this checkout is found."""
    node = tmp_path / "bin" / "node"
    _program(node, "v22.11.0")
    monkeypatch.setenv("PATH", str(node.parent), prepend=None)
    monkeypatch.setattr(lite, "_CHECKOUT", tmp_path / "elsewhere")
    (tmp_path / "app" / "lib").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "app" / "lib")
    return tmp_path / "app"


def _program(path: Path, prints: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {prints}\n")
    path.chmod(0o755)


def _package(modules: Path, version: str) -> Path:
    folder = modules / "@supabase" / "lite"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": version}))
    return folder


def test_from_a_folder_above(project: Path) -> None:
    folder = _package(project / "node_modules", lite.VERSION)
    with pytest.raises(MissingProgramError, match="npm packages @supabase/lite and postgres"):
        lite.find()
    (project / "node_modules" / "postgres").mkdir()
    assert lite.find().folder == folder


def test_none(project: Path) -> None:
    with pytest.raises(MissingProgramError) as error:
        lite.find()
    assert f"npm install --no-save @supabase/lite@{lite.VERSION} postgres@3" in str(error.value.hint)
    assert str(project / "lib") in str(error.value.hint)


def test_another_version(project: Path) -> None:
    _package(project / "node_modules", "0.9.0")
    with pytest.raises(MissingProgramError, match=f"is version 0.9.0; .* works with {lite.VERSION}"):
        lite.find()


def test_an_old_node(project: Path, tmp_path: Path) -> None:
    _program(Path(str(shutil.which("node"))), "v18.20.4")
    with pytest.raises(MissingProgramError, match=r"needs Node.js 20 or newer; .* is v18.20.4"):
        lite.find()


def test_the_version_is_the_one_that_is_tested() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert wanted["@supabase/lite"] == lite.VERSION
