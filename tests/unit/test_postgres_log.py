"""The reader of PostgreSQL's csvlog: every version's columns, odd lines, and what is no such file."""

import csv
from pathlib import Path
from uuid import UUID

import pytest

from mentorcert.access import postgres_log
from mentorcert.access.access_log import Coverage, Named
from mentorcert.errors import LogFileError

OBJECTS = frozenset({"peer_mentors", "listed_peer_mentors", "renew_certification"})
USER, ROW = UUID(int=0xA1), UUID(int=0xB2)
CLAIMS = f'set local role authenticated; set local request.jwt.claims = \'{{"sub": "{USER}"}}\''
ASK = f"select id from mentorcert.peer_mentors where id = '{ROW}'"


def line(
    message: str,
    *,
    transaction: str = "3/1",
    severity: str = "LOG",
    detail: str = "",
    columns: int = 26,
    session: str = "a.1",
    at: str = "2026-11-23 13:15:59.466 CET",
) -> list[str]:
    """Return a record of the log."""
    record = [""] * columns
    record[0], record[5], record[9], record[11], record[13], record[14] = (
        at, session, transaction, severity, message, detail
    )  # fmt: skip
    return record


def read(path: Path, *records: list[str], more: str = "") -> tuple[list[Named], Coverage]:
    """Write the records to a file, and read it."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(records)
        file.write(more)
    coverage = Coverage()
    return list(postgres_log.read(path, OBJECTS, coverage)), coverage


def ids(named: list[Named]) -> list[tuple[UUID | None, UUID, str]]:
    return [(one.user_id, one.row_id, one.outcome) for one in named]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "postgres.csv"


@pytest.mark.parametrize("columns", [23, 24, 26])
def test_columns_of_every_version(log: Path, columns: int) -> None:
    named, coverage = read(
        log, line(f"statement: {CLAIMS}", columns=columns), line(f"statement: {ASK}\n", columns=columns)
    )
    assert ids(named) == [(USER, ROW, "unknown")]
    assert (named[0].place, named[0].at) == ("line 2", "2026-11-23 13:15:59.466 CET")
    assert (coverage.records, coverage.requests) == (2, 1)


def test_the_line_is_that_of_the_file(log: Path) -> None:
    named, _ = read(log, line(f"statement: {CLAIMS};\n\n"), line(f"statement: {ASK}"))
    assert named[0].place == "line 4"


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (f"statement: {ASK}", ""),
        (f"duration: 0.123 ms  statement: {ASK}", ""),
        ("execute <unnamed>: select id from peer_mentors where id = $1", f"parameters: $1 = '{ROW}'"),
        (
            'execute 7: select id from "mentorcert"."peer_mentors" where id = $2',
            f"Parameters: $1 = NULL, $2 = '{ROW}'",
        ),
        (f"execute fetch from 7/p: select id from peer_mentors where name = 'O''Hara' and id = '{ROW}'", ""),
        (f"statement: select public.renew_certification('{str(ROW).upper()}')", ""),
        (f"statement: select id from peer_mentors where id = any('{{{ROW}}}')", ""),
    ],
)
def test_forms_of_a_statement(log: Path, message: str, detail: str) -> None:
    named, _ = read(log, line(f"statement: {CLAIMS}"), line(message, detail=detail))
    assert ids(named) == [(USER, ROW, "unknown")]


@pytest.mark.parametrize(
    "settings",
    [
        f"select set_config('request.jwt.claim.sub', '{USER}', true)",
        f"select set_config('request.jwt.claim.sub', '{USER}', false), set_config('role', 'anyone', false)",
        f"set \"request.jwt.claim.sub\" to '{USER}'",
        f"set session role \"authenticated\"; set request.jwt.claim.sub = '{USER}'",
        f'select set_config(\'request.jwt.claims\', \'{{"sub":"{USER}","role":"anyone"}}\'::text, true)',
    ],
)
def test_forms_of_settings(log: Path, settings: str) -> None:
    named, _ = read(log, line(f"statement: {settings}"), line(f"statement: {ASK}"))
    assert ids(named) == [(USER, ROW, "unknown")]


def test_claims_that_python_does_not_read(log: Path) -> None:
    """PostgreSQL reads them: who filled their own metadata so hides no access, and stops no audit."""
    for metadata, user in (("9" * 5000, USER), ("[" * 100_000 + "]" * 100_000, None)):
        claims = f'{{"sub": "{USER}", "user_metadata": {metadata}}}'
        settings = f"set local role authenticated; set local request.jwt.claims = '{claims}'"
        named, _ = read(log, line(f"statement: {settings}"), line(f"statement: {ASK}"))
        assert ids(named) == [(user, ROW, "unknown")]


def test_local_settings_end_with_the_transaction_and_others_do_not(log: Path) -> None:
    local, lasting = f"set local request.jwt.claim.sub = '{USER}'", f"set request.jwt.claim.sub = '{USER}'"
    later = line(f"statement: {ASK}", transaction="3/2")
    assert ids(read(log, line(f"statement: {local}"), later)[0]) == []
    assert ids(read(log, line(f"statement: {lasting}"), later)[0]) == [(USER, ROW, "unknown")]
    reset = line("statement: discard all", transaction="3/2")
    after = line(f"statement: {ASK}", transaction="3/3")
    assert ids(read(log, line(f"statement: {lasting}"), reset, after)[0]) == []


def test_sessions_do_not_mix(log: Path) -> None:
    named, _ = read(log, line(f"statement: {CLAIMS}"), line(f"statement: {ASK}", session="b.1"))
    assert named == []


@pytest.mark.parametrize("role", ["service_role", "postgres"])
def test_owners_are_nobody(log: Path, role: str) -> None:
    settings = f"set local role {role}; set local request.jwt.claim.sub = '{USER}'"
    assert read(log, line(f"statement: {settings}"), line(f"statement: {ASK}"))[0] == []


def test_anon_has_no_login(log: Path) -> None:
    named, _ = read(log, line("statement: set local role anon"), line(f"statement: {ASK}"))
    assert ids(named) == [(None, ROW, "unknown")]


@pytest.mark.parametrize(
    "statement",
    [
        f"select * from public.listed_peer_mentors where organisation_id = '{ROW}'",
        f"select '{ROW}'::uuid",
        f"select id from mentorcert.peer_mentors where note = '{ROW}1'",
    ],
)
def test_what_names_no_row_of_ours(log: Path, statement: str) -> None:
    assert read(log, line(f"statement: {CLAIMS}"), line(f"statement: {statement}"))[0] == []


def test_an_error_means_that_nothing_came_back(log: Path) -> None:
    begun = [line(f"statement: {CLAIMS}"), line(f"statement: {ASK}")]
    failed = line("permission denied for table peer_mentors", severity="ERROR")
    assert ids(read(log, *begun, failed)[0]) == [(USER, ROW, "none")]
    # One that comes after the next statement is of that one.
    assert ids(read(log, *begun, line("statement: select 1"), failed)[0]) == [(USER, ROW, "unknown")]


def audit(
    rows: str, *, name: str = "mentorcert.peer_mentors", text: str = ASK, parameters: str = "<none>"
) -> list[str]:
    quoted = text.replace('"', '""')
    return line(f'AUDIT: SESSION,1,1,READ,SELECT,TABLE,{name},"{quoted}",{parameters}{rows}')


@pytest.mark.parametrize(
    ("line_of_pgaudit", "outcome"),
    [
        (audit(",3"), "rows"),
        (audit(",0"), "none"),
        (audit(""), "unknown"),
        (audit(",1", text=f"select count(*) from peer_mentors where id = '{ROW}'"), "unknown"),
        (audit(",1", text=f"select id from peer_mentors where id <> '{ROW}'"), "unknown"),
        (audit(",1", text=f"{ASK}; select 1"), "unknown"),
        (audit(",1", text="select id from peer_mentors where id = $1", parameters=f"{ROW}"), "rows"),
        (
            audit(",2", text="select id from peer_mentors where id in ($1, $2)", parameters=f'"{ROW},{ROW}"'),
            "rows",
        ),
    ],
)
def test_row_counts_of_pgaudit(log: Path, line_of_pgaudit: list[str], outcome: str) -> None:
    named, _ = read(log, line(f"statement: {CLAIMS}"), line_of_pgaudit)
    assert ids(named) == [(USER, ROW, outcome)]
    # It knows better than the statement, whichever stands first.
    named, _ = read(log, line(f"statement: {CLAIMS}"), line(f"statement: {ASK}"), line_of_pgaudit)
    assert ids(named) == [(USER, ROW, outcome)]


def test_pgaudit_names_the_table_that_is_open_to_all(log: Path) -> None:
    named, _ = read(log, line(f"statement: {CLAIMS}"), audit(",1", name="public.listed_peer_mentors"))
    assert named == []


def test_parameters_that_are_missing_are_counted(log: Path) -> None:
    ask = line("execute <unnamed>: select id from peer_mentors where id = $1")
    assert read(log, line(f"statement: {CLAIMS}"), ask)[1].without_parameters == 1


def test_a_file_that_ends_within_a_record(log: Path) -> None:
    named, coverage = read(
        log, line(f"statement: {CLAIMS}"), line(f"statement: {ASK}"),
        more='2026-11-23 13:15:59.466 UTC,"postgres","postgres",1,"[local]',
    )  # fmt: skip
    assert ids(named) == [(USER, ROW, "unknown")]
    assert coverage.is_cut_off


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no statement"),
        ("hello\nworld\n", "line 1: this is no line of PostgreSQL's csvlog"),
        ("\x00\x01" * 100, "line 1"),
        ("a,b" + "," * 22 + "\n", "line 1"),
    ],
)
def test_what_is_no_csvlog(log: Path, content: str, said: str) -> None:
    log.write_text(content)
    with pytest.raises(LogFileError, match=said) as raised:
        list(postgres_log.read(log, OBJECTS, Coverage()))
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_a_broken_line_in_the_middle_is_said_with_its_number(log: Path) -> None:
    good = line(f"statement: {CLAIMS}")
    with pytest.raises(LogFileError, match="line 2"):
        read(log, good, ["not", "this"], good)


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        (f'set local request.jwt.claims = \'{{"sub": "{USER}", "of": "{ROW}"}}\'', ""),
        (
            "select set_config('request.jwt.claims', $1, true)",
            f'parameters: $1 = \'{{"sub": "{USER}", "of": "{ROW}"}}\'',
        ),
    ],
)
def test_what_a_token_names_is_not_asked_for(log: Path, settings: str, detail: str) -> None:
    statement = (
        f"statement: {settings}; select * from peer_mentors" if not detail else f"execute 1: {settings}"
    )
    both = f"{statement}, (select count(*) from peer_mentors)" if detail else statement
    assert read(log, line(both, detail=detail))[0] == []


def test_a_line_without_a_transaction_ends_none(log: Path) -> None:
    rollback = line("statement: ROLLBACK", transaction="3/0")
    named, _ = read(log, line(f"statement: {CLAIMS}"), line(f"statement: {ASK}"), rollback, audit(",0"))
    assert ids(named) == [(USER, ROW, "none")]


def test_a_table_named_by_pgaudit_outranks_the_whole_string(log: Path) -> None:
    whole = line(f'AUDIT: SESSION,1,2,READ,SELECT,,,"{ASK}",<none>,1')
    named, _ = read(log, line(f"statement: {CLAIMS}"), audit(",0"), whole)
    assert ids(named) == [(USER, ROW, "none")]
