"""Setting up an organisation by its file, and what is said of a file that is wrong."""

import json
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.organisations import organisation_file, toml_file
from mentorcert.organisations.organisation_file import OrganisationFile, OrganisationFileError, Summary
from tests.support.command import Mentorcert

GOOD = """
[organisation]
slug = "demo"
name = "Demoforeningen"

[[certification_types]]
code = "basic"
name_nb = "Grunnkurs"
name_en = "Basic course"
validity_rule = "months"
validity_months = 24

[[chapters]]
code = "OSL"
name = "Oslo fylkeslag"

[[chapters]]
code = "L1"
name = "Furuby lokallag"
parent = "OSL"
"""


def read(folder: Path, text: str | bytes) -> OrganisationFile:
    file = folder / "organisation.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return organisation_file.read(file)


def stored(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        """
        select slug, 'organisation', null, to_jsonb(organisation), xmin::text
        from mentorcert.organisations as organisation
        union all
        select 'type', code, null, to_jsonb(type), xmin::text from mentorcert.certification_types as type
        union all
        select 'chapter', code, parent_id::text, to_jsonb(chapter), xmin::text from mentorcert.chapters as chapter
        order by 1, 2
        """
    ).fetchall()


def parents(conn: Connection) -> dict[str, str | None]:
    found = conn.execute(
        "select chapter.code, parent.code from mentorcert.chapters as chapter "
        "left join mentorcert.chapters as parent on parent.id = chapter.parent_id"
    )
    return dict(found.fetchall())


def test_applied_twice_it_changes_nothing(conn: Connection, tmp_path: Path) -> None:
    first = organisation_file.apply(conn, read(tmp_path, GOOD))
    assert first == Summary("demo", "added", ["basic"], [], [], ["L1", "OSL"], [], [], [], [], [])
    assert parents(conn) == {"OSL": None, "L1": "OSL"}
    before = stored(conn)
    again = organisation_file.apply(conn, read(tmp_path, GOOD))
    assert again == Summary("demo", "unchanged", [], [], [], [], [], [], [], [], [])
    assert stored(conn) == before


def test_changes_are_made_and_what_is_missing_stays(conn: Connection, tmp_path: Path) -> None:
    organisation_file.apply(conn, read(tmp_path, GOOD))
    changed = (
        GOOD.replace("Demoforeningen", "Demolaget")
        .replace('"months"\nvalidity_months = 24', '"unlimited"')
        .replace('code = "L1"', 'code = "L2"')
        .replace("Oslo fylkeslag", "Oslo og omegn")
    )
    summary = organisation_file.apply(conn, read(tmp_path, changed))
    assert summary == Summary("demo", "changed", [], ["basic"], [], ["L2"], ["OSL"], ["L1"], [], [], [])
    assert parents(conn) == {"OSL": None, "L1": "OSL", "L2": "OSL"}
    only = read(tmp_path, '[organisation]\nslug = "demo"\nname = "Demolaget"')
    assert organisation_file.apply(conn, only).types_not_in_file == ["basic"]


def test_two_chapters_change_places(conn: Connection, tmp_path: Path) -> None:
    organisation_file.apply(conn, read(tmp_path, GOOD))
    swapped = GOOD.replace('lokallag"\nparent = "OSL"', 'lokallag"').replace(
        'fylkeslag"', 'fylkeslag"\nparent = "L1"'
    )
    summary = organisation_file.apply(conn, read(tmp_path, swapped))
    assert summary.chapters_changed == ["L1", "OSL"]
    assert parents(conn) == {"OSL": "L1", "L1": None}


def test_a_dry_run_keeps_nothing(conn: Connection, tmp_path: Path) -> None:
    assert organisation_file.apply(conn, read(tmp_path, GOOD), dry_run=True).organisation_is == "added"
    assert stored(conn) == []


def test_another_organisation_with_the_same_codes_is_not_touched(conn: Connection, tmp_path: Path) -> None:
    organisation_file.apply(conn, read(tmp_path, GOOD))
    before = stored(conn)
    organisation_file.apply(
        conn, read(tmp_path, GOOD.replace("demo", "other").replace("Oslo fylkeslag", "Oslo"))
    )
    assert [kept for kept in stored(conn) if kept in before] == before


def test_the_time_zone_never_changes(conn: Connection, tmp_path: Path) -> None:
    organisation_file.apply(conn, read(tmp_path, GOOD))
    moved = GOOD.replace('"Demoforeningen"', '"Demo"\ntime_zone = "Europe/Helsinki"')
    with pytest.raises(OrganisationFileError, match="“demo” has Europe/Oslo, not Europe/Helsinki") as caught:
        organisation_file.apply(conn, read(tmp_path, moved))
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OrganisationFileError) as caught:
        read(
            tmp_path,
            GOOD.replace('"demo"', '"Demo 1"')
            .replace("Demoforeningen", "")
            .replace("validity_months = 24", "")
            .replace("[[chapters]]", 'colour = "red"\n[[chapters]]', 1)
            .replace('"OSL"\nname', '"O;L"\nname'),
        )
    message = str(caught.value)
    for part in (
        "organisation.slug: String should match pattern",
        "organisation.name: String should have at least 1 character",
        "certification_types.1.colour: Extra inputs are not permitted",
        "chapters.1.code: String should match pattern",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"OSL"\nname', '"L1"\nname', "chapters: more than one has the code L1"),
        ('parent = "OSL"', 'parent = "X"', "chapters: parents that are no chapter of the file: X"),
        ('fylkeslag"', 'fylkeslag"\nparent = "L1"', "chapters: chapters that lie under themselves:"),
        ("validity_months = 24", "", "the rule months needs validity_months"),
        (
            "validity_months = 24",
            "validity_months = 0",
            "the rule months needs validity_months of at least 1",
        ),
        ('"months"', '"unlimited"', "an unlimited type has no validity_months"),
        ('"Demoforeningen"', '"D"\ntime_zone = "Norway"', "organisation.time_zone: unknown time zone"),
        ('"Demoforeningen"', "Demoforeningen", "is not TOML"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(OrganisationFileError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert reason in str(caught.value)


def test_a_file_that_is_not_utf_8_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OrganisationFileError, match="not UTF-8"):
        read(tmp_path, GOOD.replace("Demo", "Dømo").encode("cp1252"))
    monkeypatch.setattr(toml_file, "MAX_BYTES", len(GOOD) - 1)
    with pytest.raises(OrganisationFileError, match="larger than"):
        read(tmp_path, GOOD)


def test_the_command(mentorcert: Mentorcert, conn: Connection, tmp_path: Path) -> None:
    file = tmp_path / "organisation.toml"
    file.write_text(GOOD)
    tried = mentorcert("organisation", "apply", file, "--dry-run")
    assert (tried.returncode, "would be added" in tried.stdout) == (0, True)
    assert stored(conn) == []
    done = mentorcert("organisation", "apply", file, "--json")
    assert json.loads(done.stdout)["chapters_added"] == ["L1", "OSL"]
    file.write_text(GOOD.replace('code = "L1"', 'code = "[L1]"'))
    again = mentorcert("organisation", "apply", file)
    assert "not in the file, left as they are: L1" in again.stdout
    file.write_text("x")
    wrong = mentorcert("organisation", "apply", file)
    assert (wrong.returncode, "is not TOML" in wrong.stderr) == (2, True)


PUBLIC = """
[organisation]
slug = "demo"
name = "Demoforeningen"
time_zone = "Europe/Oslo"

[[certification_types]]
code = "basic"
name_nb = "Grunnkurs «1»"
name_en = "Basic \\"course\\""
validity_rule = "months"
validity_months = 24
required_for_listing = true
reminder_days = [90, 7]
early_renewal_days = 30

[[chapters]]
code = "L1"
name = "Furuby lokallag"
parent = "OSL"
places = []

[[chapters]]
code = "OSL"
name = "Oslo fylkeslag"
contact_email = "oslo@example.org"
contact_phone = "+47 22 33 44 55"
website = "https://oslo.example.org/lag"
places = ["0150", "Oslo"]

[[topics]]
kind = "topic"
name_nb = "Høreapparat"
name_en = "Hearing aids"
is_offered = true

[[topics]]
kind = "language"
name_nb = "Norsk tegnspråk"
name_en = "Norwegian sign language"
is_offered = false
"""


def test_what_is_written_is_read_again(conn: Connection, tmp_path: Path, mentorcert: Mentorcert) -> None:
    """Contact, places and topics too; applied again, it changes nothing, and elsewhere it makes the same."""
    first = organisation_file.apply(conn, read(tmp_path, PUBLIC))
    assert first.topics_added == ["Høreapparat", "Norsk tegnspråk"]
    out = mentorcert("organisation", "export", "demo").stdout
    assert read(tmp_path, out) == read(tmp_path, PUBLIC)
    again = organisation_file.apply(conn, read(tmp_path, out))
    assert (again.chapters_changed, again.topics_added, again.topics_changed) == ([], [], [])
    organisation_file.apply(conn, read(tmp_path, out.replace('slug = "demo"', 'slug = "other"')))
    assert organisation_file.written(organisation_file.stated(conn, "other")) == out.replace(
        'slug = "demo"', 'slug = "other"'
    )


def test_what_the_file_leaves_out_stays(conn: Connection, tmp_path: Path) -> None:
    """An empty value takes it away; a topic is known whatever its case."""
    organisation_file.apply(conn, read(tmp_path, PUBLIC))
    left_out = organisation_file.apply(conn, read(tmp_path, GOOD))
    assert left_out.topics_not_in_file == ["Høreapparat", "Norsk tegnspråk"]
    [county] = [one for one in organisation_file.stated(conn, "demo").chapters if one.code == "OSL"]
    assert (county.contact_email, county.places) == ("oslo@example.org", ("0150", "Oslo"))
    emptied = PUBLIC.replace('"oslo@example.org"', '""').replace('["0150", "Oslo"]', "[]")
    changed = organisation_file.apply(conn, read(tmp_path, emptied.replace('"Høreapparat"', '"HØREAPPARAT"')))
    assert (changed.chapters_changed, changed.topics_changed) == (["OSL"], ["HØREAPPARAT"])
    [county] = [one for one in organisation_file.stated(conn, "demo").chapters if one.code == "OSL"]
    assert (county.contact_email, county.places) == (None, ())


@pytest.mark.parametrize(
    ("line", "wrong", "says"),
    [
        ('contact_email = "oslo@example.org"', 'contact_email = "oslo"', "chapters.2.contact_email"),
        ('contact_phone = "+47 22 33 44 55"', 'contact_phone = "ring oss"', "chapters.2.contact_phone"),
        ('website = "https://oslo.example.org/lag"', 'website = "oslo.example.org"', "chapters.2.website"),
        ('places = ["0150", "Oslo"]', 'places = ["0150", ""]', "chapters.2.places.2"),
        ('kind = "language"', 'kind = "tongue"', "topics.2.kind"),
        ('kind = "language"\nname_nb = "Norsk tegnspråk"', 'name_nb = "høreapparat"', "topic høreapparat"),
    ],
)
def test_what_is_wrong_with_contacts_and_topics(tmp_path: Path, line: str, wrong: str, says: str) -> None:
    assert line in PUBLIC
    with pytest.raises(OrganisationFileError, match=says):
        read(tmp_path, PUBLIC.replace(line, wrong))


def test_nothing_of_an_unknown_organisation(mentorcert: Mentorcert) -> None:
    answer = mentorcert("organisation", "export", "nobody")
    assert answer.returncode == 2
    assert "no organisation" in answer.stderr
