"""While the portal's people move to the next version of the contract, both work; then the older one may go."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.portal.config import configuration
from mentorcert.portal.sync import replay
from mentorcert.portal.sync.connecting import connect
from tests.portal.sending import certified, shown
from tests.portal.staging import Staging
from tests.support.registry import Organisation

pytestmark = pytest.mark.usefixtures("version_2")


def test_one_version_after_the_other_and_back(
    conn: Connection, organisation: Organisation, work: Callable[..., int], staging: Staging, file: Path
) -> None:
    mentors = [certified(organisation, str(number)) for number in range(2)]
    assert work() == 2

    def move(to: str) -> int:
        text = file.read_text().replace('contract_version = "v1"', "").replace('contract_version = "v2"', "")
        file.write_text(text.replace("[[auth]]", f'contract_version = "{to}"\n[[auth]]'))
        connect(conn, configuration.load(file), "They read both")
        for _ in replay.replay(conn, organisation.id, replay.Selection(), reason="Another version"):
            pass
        return work()

    versions = [{id_: version for id_, (version, _) in shown(staging).items()}]
    staging.use({"kind": "v2_only", "route": "webhook"})
    assert move("v2") == 2
    versions.append({id_: version for id_, (version, _) in shown(staging).items()})
    staging.use()
    assert move("v1") == 2
    versions.append({id_: version for id_, (version, _) in shown(staging).items()})
    for before, after in pairwise(versions):
        assert all(after[mentor] > before[mentor] for mentor in mentors)
    assert all(on for _, on in shown(staging).values())
