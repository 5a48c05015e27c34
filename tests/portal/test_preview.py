"""`mentorcert portal preview`: what it shows is what is sent, and it sends nothing."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.portal.sending import certified, outcomes
from tests.portal.staging import Staging
from tests.support.command import Mentorcert
from tests.support.registry import Organisation


def test_it_shows_what_is_sent_then(
    organisation: Organisation, work: Callable[..., int], staging: Staging, file: Path, mentorcert: Mentorcert
) -> None:
    mentor = certified(organisation, "7")
    certified(organisation, "8")
    shown = mentorcert("portal", "preview", file, "--mentor", "7")
    assert (shown.returncode, shown.stderr) == (0, "")
    (event,) = json.loads(shown.stdout)
    assert event["data"]["peer_mentor_id"] == str(mentor)
    assert (event["data"]["listed"], outcomes(organisation.conn, mentor)) == (True, [])
    assert staging.client.get("/history").json()["deliveries"] == []
    work()
    sent = [
        one
        for one in staging.client.get("/history").json()["deliveries"]
        if one["peer_mentor_id"] == str(mentor)
    ]
    assert [(one["message_id"], one["mentor_version"]) for one in sent] == [
        (event["id"], event["data"]["mentor_version"])
    ]


def test_of_a_table_and_of_a_file(organisation: Organisation, mentorcert: Mentorcert, tmp_path: Path) -> None:
    mentor = certified(organisation, "7")
    dataverse = tmp_path / "dataverse.toml"
    dataverse.write_text(
        'organisation = "demo"\n[target]\nadapter = "dataverse"\nurl = "https://crm.example.org"\n'
        'table = "hlf_peermentors"\nkey = "hlf_mentorcertid"\n'
        '[target.columns]\nversion = "hlf_mentorversion"\nstatus = "hlf_status"\nlisted = "hlf_listed"\n'
        '[[auth]]\nmethod = "header"\nname = "x-key"\nvalue = { secret = "env:NOT_SET", expires = "never" }\n'
    )
    (row,) = json.loads(mentorcert("portal", "preview", dataverse, "--mentor", str(mentor)).stdout)
    assert (row["hlf_status"], row["hlf_listed"]) == ("certified", True)
    by_file = tmp_path / "file.toml"
    by_file.write_text('organisation = "demo"\n[target]\nadapter = "file"\nfolder = "/nowhere"\n')
    (row,) = json.loads(mentorcert("portal", "preview", by_file, "--mentor", "7").stdout)
    assert row["peer_mentor_id"] == str(mentor)
    assert mentorcert("portal", "preview", by_file, "--mentor", "99").returncode == 2
