"""The Python client is built as a package, is typed, and does against the API what its README says."""

import os
import re
import sys
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest

from mentorcert.db.connection import Connection
from mentorcert.web.security.tokens import issue
from tests.support import processes
from tests.support.documents import blocks
from tests.support.generated_docs import ROOT
from tests.support.registry import Organisation, today
from tests.web.conftest import AUTH, Site
from tests.web.live import running

CLIENT: Final = ROOT / "clients" / "python"
_SHOWN: Final = re.compile(r"  # → (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of the source distribution and unpacked."""
    out = tmp_path_factory.mktemp("client")
    processes.run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", out, CLIENT, cwd=out)
    (wheel,) = out.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(out / "installed")
    return out / "installed"


def test_every_operation_has_a_typed_function(installed: Path) -> None:
    modules = {path.stem for path in (installed / "mentorcert_client" / "api").glob("*/*.py")}
    document = (ROOT / "docs" / "api" / "openapi.json").read_text(encoding="utf-8")
    assert modules - {"__init__"} == set(re.findall(r'"operationId": "(\w+)"', document))
    processes.run(
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        os.devnull,
        "mentorcert_client",
        cwd=installed,
    )


def test_who_lacks_what(site: Site, organisation: Organisation, conn: Connection, installed: Path) -> None:
    organisation.certify(organisation.mentor("1"), last_day=today(conn, 30))
    organisation.mentor("2")
    asked = (
        "import os\n"
        "from mentorcert_client import AuthenticatedClient\n"
        "from mentorcert_client.api.peer_mentors import list_peer_mentors\n"
        "from mentorcert_client.models import ListPeerMentorsStanding\n"
        "client = AuthenticatedClient(base_url=os.environ['PAGES_URL'], token=os.environ['ACCESS_TOKEN'])\n"
        "found = list_peer_mentors.sync(client=client, certification_type='basic', standing=ListPeerMentorsStanding.NEVER)\n"
        "print([mentor.external_id for mentor in found.items])\n"
    )
    with running(site.app) as url:
        settings = {
            "PAGES_URL": url, "ACCESS_TOKEN": issue(AUTH, organisation.admin), "PYTHONPATH": str(installed)
        }  # fmt: skip
        done = processes.run(sys.executable, "-c", asked, env=os.environ | settings)
    assert done.stdout == "['2']\n"


def test_the_readme_works(site: Site, organisation: Organisation, conn: Connection, installed: Path) -> None:
    for number in range(1, 4):
        mentor = organisation.mentor(str(number))
        organisation.certify(mentor, issued=today(conn, -300), last_day=today(conn, 30 + number))
    (block,) = (block for block in blocks(CLIENT / "README.md") if block.language == "python")
    with running(site.app) as url:
        settings = {
            "PAGES_URL": url, "ACCESS_TOKEN": issue(AUTH, organisation.admin), "PYTHONPATH": str(installed)
        }  # fmt: skip
        done = processes.run(sys.executable, "-c", block.text, env=os.environ | settings)
    assert done.stdout.splitlines() == _SHOWN.findall(block.text)
