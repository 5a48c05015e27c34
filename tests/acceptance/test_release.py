"""What a release consists of: a site without dead links, a tag that is true, licences that may be shipped, a list of parts."""

import json
import os
import re
import shutil
import tomllib
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from tests.support.generated_docs import ROOT
from tests.support.processes import run
from tests.support.release import faults, prepare, version

RUNTIME: Final = frozenset(
    re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "runtime.lock").read_text("utf-8"), re.MULTILINE)
)
# What may be shipped beside Apache-2.0, in any of the words that packages use for it.
FREE: Final = re.compile(r"Apache|BSD|MIT|MPL 2|PSF|Python Software Foundation|ISC|LGPL-3|MIT-CMU|HPND")


def licence(name: str) -> str:
    """Return the licence that an installed package names."""
    stated = metadata.metadata(name)
    classifiers = stated.get_all("Classifier") or []
    return stated["License-Expression"] or ", ".join(
        classifier.rpartition(" :: ")[2] for classifier in classifiers if classifier.startswith("License ::")
    ) or stated["License"] or ""  # fmt: skip


def test_everything_that_is_installed_with_the_package_may_be_shipped() -> None:
    installed = {one.name.lower().replace("_", "-") for one in metadata.distributions()}
    licences = {name: licence(name) for name in sorted(RUNTIME & installed)}
    assert len(licences) > len(RUNTIME) * 0.9, RUNTIME - installed
    assert {name: named for name, named in licences.items() if not FREE.search(named)} == {}


@pytest.mark.slow
def test_the_list_of_parts_is_what_the_lock_pins() -> None:
    run("make", "sbom", cwd=ROOT)
    parts = json.loads((ROOT / "dist" / "mentorcert.cdx.json").read_text("utf-8"))["components"]
    assert {part["name"].lower() for part in parts} == RUNTIME
    assert all(part["version"] for part in parts)


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("docs/api.md", "[there](nowhere.md)", "nowhere.md"),
        ("docs/api.md", "[there](access.md#nowhere)", "nowhere"),
        ("README.md", "[there](docs/nowhere.md)", "nowhere.md"),
    ],
)
def test_the_site_has_no_dead_links(tmp_path: Path, file: str, text: str, named: str) -> None:
    for part in ("mkdocs.yml", "mkdocs_hooks.py", *(path.name for path in ROOT.glob("*.md"))):
        shutil.copy(ROOT / part, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / file).open("a", encoding="utf-8") as page:
        page.write(f"\n{text}\n")
    program = ROOT / ".venv" / "bin" / "mkdocs"
    done = run(
        program, "build", "--site-dir", tmp_path / "site",
        cwd=tmp_path, check=False, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert named in done.stderr


def test_a_tag_is_the_version_and_stands_in_the_changelog(tmp_path: Path) -> None:
    """What `make release` writes is right, but for the database, which is made by the wheel."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.3.dev0"\n')
    changelog = tmp_path / "CHANGELOG.md"
    shutil.copy(ROOT / "CHANGELOG.md", changelog)
    assert len(faults("v1.2.4", tmp_path)) == 5
    for _ in range(2):
        prepare("1.2.3", date(2026, 12, 1), tmp_path)
    text = changelog.read_text("utf-8")
    assert text.count("## [1.2.3] - 2026-12-01\n") == 1
    assert "## [Unreleased]\n\n## [1.2.3]" in text
    assert len(re.findall(r"^\[1\.2\.3\]: https://\S+/releases/tag/v1\.2\.3$", text, re.MULTILINE)) == 1
    assert re.search(r"^\[Unreleased\]: https://\S+/compare/v1\.2\.3\.\.\.HEAD$", text, re.MULTILINE)
    assert faults("v1.2.3", tmp_path) == [
        f"tests/releases/1.2.3{suffix} is not there: `make release-files`." for suffix in (".sql.xz", ".json")
    ]
    (tmp_path / "tests/releases").mkdir(parents=True)
    for suffix in (".sql.xz", ".json"):
        (tmp_path / f"tests/releases/1.2.3{suffix}").touch()
    assert faults("v1.2.3", tmp_path) == []
    assert faults("v1.2.30", tmp_path) == ["pyproject.toml has the version 1.2.3, not 1.2.30."]


def test_the_version_stands_in_one_place() -> None:
    """The other packages, the pages and the API's document take it from there."""
    assert metadata.version("mentorcert") == metadata.version("mentorcert-staging") == version()
    for project in (ROOT / "src/mentorcert_staging", ROOT / "clients/python"):
        described = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
        assert described["dynamic"] == ["version"], project
