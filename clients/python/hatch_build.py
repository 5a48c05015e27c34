"""Generates the client from the API's OpenAPI document whenever a package is built."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE: Final = Path(__file__).parent
IN_REPOSITORY: Final = HERE.parents[1] / "docs" / "api" / "openapi.json"
IN_SDIST: Final = HERE / "openapi.json"
PACKAGE: Final = HERE / "src" / "mentorcert_client"


def document() -> Path:
    """Return where the API is described: in the repository, or in an unpacked sdist."""
    return IN_SDIST if IN_SDIST.exists() else IN_REPOSITORY


def version() -> str:
    """Return the version of the API's server: a client has the same."""
    found: str = json.loads(document().read_text(encoding="utf-8"))["info"]["version"]
    return found


def generate(target: Path = PACKAGE) -> None:
    """Write the package, on httpx2, which continues httpx under another name."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    config = target.parent / "openapi-python-client.json"
    config.write_text(json.dumps({"package_name_override": target.name, "post_hooks": []}), encoding="utf-8")
    tool = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    subprocess.run(
        [*tool, "--path", document(), "--config", config, "--output-path", target], check=True, timeout=120
    )
    config.unlink()
    for file in target.rglob("*.py"):
        code = file.read_text(encoding="utf-8")
        file.write_text(code.replace("import httpx\n", "import httpx2 as httpx\n"), encoding="utf-8")
    (target / "py.typed").touch()
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", target], check=True, timeout=60)


class ClientBuildHook(BuildHookInterface[Any]):
    """Hatchling calls this before each build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Generate the package for a wheel, and hand the document on in an sdist."""
        if self.target_name == "wheel":
            generate()
        elif not IN_SDIST.exists():
            build_data["force_include"][str(IN_REPOSITORY)] = IN_SDIST.name
