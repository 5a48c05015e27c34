"""Prepares a release, and refuses a tag that is not one.

`python -m tests.support.release prepare 0.1.0` writes the version and the changelog's heading; `… v0.1.0` checks a tag.
"""

import re
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_VERSION: Final = re.compile(r'^version = "[^"]+"$', re.MULTILINE)
_HEADING: Final = "## [Unreleased]\n"
_LINK: Final = re.compile(r"^\[Unreleased\]: (\S+)/compare/(\S+)\.\.\.HEAD$", re.MULTILINE)


def version(root: Path = ROOT) -> str:
    """Return the version, which stands in pyproject.toml alone."""
    found: str = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found


def faults(tag: str, root: Path = ROOT) -> list[str]:
    """Return what keeps a tag from being released."""
    named = version(root)
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    heading = rf"^## \[{re.escape(named)}\] - \d{{4}}-\d\d-\d\d$"
    link = rf"^\[{re.escape(named)}\]: \S+/v{re.escape(named)}$"
    files = [f"tests/releases/{named}{suffix}" for suffix in (".sql.xz", ".json")]
    checks = {
        f"pyproject.toml has the version {named}, not {tag.removeprefix('v')}.": tag == f"v{named}",
        f"CHANGELOG.md has no heading `## [{named}] - ` with a day.": re.search(
            heading, changelog, re.MULTILINE
        ),
        f"CHANGELOG.md has no link [{named}] to its tag.": re.search(link, changelog, re.MULTILINE),
        **{f"{file} is not there: `make release-files`.": (root / file).exists() for file in files},
    }
    return [fault for fault, is_right in checks.items() if not is_right]


def prepare(new: str, day: date, root: Path = ROOT) -> None:
    """Write the version, and give what is unreleased its heading and its links; a second time changes nothing."""
    project, log = root / "pyproject.toml", root / "CHANGELOG.md"
    project.write_text(_VERSION.sub(f'version = "{new}"', project.read_text("utf-8"), count=1), "utf-8")
    text = log.read_text("utf-8")
    if f"## [{new}]" in text:
        return
    text = text.replace(_HEADING, f"{_HEADING}\n## [{new}] - {day}\n", 1)
    text = _LINK.sub(
        lambda of: f"[Unreleased]: {of[1]}/compare/v{new}...HEAD\n[{new}]: {of[1]}/releases/tag/v{new}", text
    )
    log.write_text(text, "utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2], datetime.now(UTC).date())
    else:
        sys.exit("\n".join(faults(sys.argv[1])) or None)
