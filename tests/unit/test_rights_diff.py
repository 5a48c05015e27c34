"""The difference of rights in words, and that continuous integration fails without them."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support import processes, rights_diff
from tests.support.generated_docs import ROOT
from tests.support.rights_diff import NOTE, RIGHTS, SCHEMA, Version

OLD: Final = """\
anon: select on public.listed_peer_mentors
authenticated: execute public.renew(uuid) as its caller
policy on mentorcert.chapters: "members read" for select to authenticated using (organisation_id = own())
restriction on mentorcert.chapters: "switched on" for all to authenticated using check_endpoint('chapters')
table mentorcert.chapters: row-level security on
"""
FUNCTION: Final = """\
CREATE FUNCTION public.renew(id uuid DEFAULT NULL::uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  perform check_right();

  return;
end
$$;
"""
TRIGGER: Final = (
    "CREATE TRIGGER audit_update AFTER UPDATE ON mentorcert.chapters FOR EACH ROW EXECUTE FUNCTION audit();\n"
)
VERSION: Final = Version.parse(OLD, FUNCTION + TRIGGER)


def words(rights: str = OLD, schema: str = FUNCTION + TRIGGER) -> list[str]:
    return rights_diff.words(VERSION, Version.parse(rights, schema))


def test_nothing_changed() -> None:
    assert words() == []


def test_who_gains_and_who_loses() -> None:
    assert words(OLD.replace("anon: select", "authenticated: select")) == [
        "authenticated gains: select on public.listed_peer_mentors",
        "anon loses: select on public.listed_peer_mentors",
    ]
    assert words(OLD.replace("its caller", "its definer")) == [
        "authenticated gains: execute public.renew(uuid) as its definer",
        "authenticated loses: execute public.renew(uuid) as its caller",
    ]
    assert words(OLD.replace("security on", "security off")) == [
        "table mentorcert.chapters gains: row-level security off",
        "table mentorcert.chapters loses: row-level security on",
    ]


def test_what_a_policy_says() -> None:
    assert words(OLD.replace("(organisation_id = own())", "true")) == [
        (
            'the policy "members read" on mentorcert.chapters now says: for select to authenticated using true;'
            " it said: for select to authenticated using (organisation_id = own())"
        )
    ]
    without = "".join(line for line in OLD.splitlines(keepends=True) if "restriction" not in line)
    assert words(without) == [
        (
            'gone is the restriction "switched on" on mentorcert.chapters,'
            " for all to authenticated using check_endpoint('chapters')"
        )
    ]
    more = 'policy on mentorcert.chapters: "all: read" for select to anon using true\n'
    assert words(OLD + more) == [
        'new is the policy "all: read" on mentorcert.chapters, for select to anon using true'
    ]


def test_what_works_otherwise() -> None:
    [said] = words(schema=FUNCTION.replace("  perform check_right();\n", "") + TRIGGER)
    assert re.fullmatch(
        r"another definition has the function public.renew\(id uuid DEFAULT NULL::uuid\) \([0-9a-f]{12}\);"
        r" it is executed by authenticated as its caller",
        said,
    )
    assert words(schema=FUNCTION) == ["gone is the trigger audit_update on mentorcert.chapters"]
    assert words(schema=TRIGGER) == ["gone is the function public.renew(id uuid DEFAULT NULL::uuid)"]
    [said] = words(schema=FUNCTION + TRIGGER + FUNCTION.replace("renew", "other"))
    assert said.startswith("new is the function public.other(")
    [said] = words(schema=FUNCTION + TRIGGER.replace("AFTER UPDATE", "AFTER UPDATE OF code"))
    assert said.startswith("another definition has the trigger audit_update on mentorcert.chapters")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository in which `main` has these rights, and a branch that is checked out."""
    for path, text in (
        (RIGHTS, OLD),
        (SCHEMA, FUNCTION + TRIGGER),
        (NOTE, "# Changes\n\n## Unreleased\n\n- anon loses: x\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    git(tmp_path, "switch", "--quiet", "--create", "change")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    processes.run("git", *identity, *arguments, cwd=folder)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=A version")


def run(checkout: Path, *arguments: str) -> int:
    return rights_diff.main(checkout, [*arguments, "main"])


def test_without_the_note_it_fails(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(checkout, "--check") == 0
    assert capsys.readouterr().out == "Nobody's rights change.\n"
    (checkout / RIGHTS).write_text(OLD.replace("anon: select", "authenticated: select"), "utf-8")
    assert run(checkout, "--check") == 1
    printed = capsys.readouterr()
    assert "- anon loses: select on public.listed_peer_mentors\n" in printed.out
    assert f"{NOTE} lacks: anon loses: select on public.listed_peer_mentors" in printed.err
    assert "make rights-diff" in printed.err

    assert (run(checkout), run(checkout, "--check"), run(checkout)) == (0, 0, 0)
    assert (checkout / NOTE).read_text("utf-8") == (
        "# Changes\n\n## Unreleased\n\n- authenticated gains: select on public.listed_peer_mentors\n"
        "- anon loses: select on public.listed_peer_mentors\n- anon loses: x\n"
    )


def test_a_note_that_is_not_so_fails_too(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So it does once more for what was noted of an earlier change, and where a branch changes its mind."""
    (checkout / SCHEMA).write_text(FUNCTION.replace("check_right", "check_less") + TRIGGER, "utf-8")
    assert (run(checkout), run(checkout, "--check")) == (0, 0)
    (checkout / SCHEMA).write_text(FUNCTION.replace("check_right", "check_nothing") + TRIGGER, "utf-8")
    assert run(checkout, "--check") == 1
    said = capsys.readouterr().err
    assert f"{NOTE} says, and it is not so: another definition has" in said
    assert f"{NOTE} lacks: another definition has" in said
    assert (run(checkout), run(checkout, "--check")) == (0, 0)
    (checkout / SCHEMA).write_text(FUNCTION + TRIGGER, "utf-8")
    assert (run(checkout), run(checkout, "--check")) == (0, 0)
    assert (checkout / NOTE).read_text("utf-8") == "# Changes\n\n## Unreleased\n\n- anon loses: x\n"


def test_what_others_change_on_main_meanwhile_is_theirs(checkout: Path) -> None:
    git(checkout, "switch", "--quiet", "main")
    (checkout / RIGHTS).write_text("", "utf-8")
    commit(checkout)
    git(checkout, "switch", "--quiet", "change")
    assert run(checkout, "--check") == 0


def test_an_unknown_version_is_named(checkout: Path) -> None:
    with pytest.raises(SystemExit, match="no-such"):
        rights_diff.main(checkout, ["no-such"])


def test_every_function_trigger_and_policy_is_read() -> None:
    schema, rights = ((ROOT / path).read_text("utf-8") for path in (SCHEMA, RIGHTS))
    found = Version.parse(rights, schema)
    assert len(found.functions) == len(re.findall(r"^CREATE FUNCTION", schema, re.MULTILINE)) > 100
    assert (
        len(found.triggers) == len(re.findall(r"^CREATE (?:CONSTRAINT )?TRIGGER", schema, re.MULTILINE)) > 100
    )
    policies = [line for line in found.rights if line.startswith(("policy on", "restriction on"))]
    assert len(rights_diff._policies_of(found.rights)) == len(policies) > 40


def test_continuous_integration_asks() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    assert 'tests.support.rights_diff --check "$BASE"' in workflow
    assert "fetch-depth: 0" in workflow
    owned = (ROOT / ".github/CODEOWNERS").read_text("utf-8")
    for path in re.findall(r"^/(\S+)", owned, re.MULTILINE):
        assert (ROOT / path).exists(), path
