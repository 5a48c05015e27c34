"""The files of `deploy/` are right: what Prometheus, Grafana, systemd and Caddy say of them, and what the product says."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import REGISTRY
from psycopg.conninfo import conninfo_to_dict

from mentorcert.db.connection import Connection
from mentorcert.metrics import PoolMetrics
from mentorcert.operations.job_metrics import FIGURES
from mentorcert.portal.monitoring.health import Snapshot
from mentorcert.portal.monitoring.metrics import Metrics
from mentorcert.settings import Settings, file_variable
from tests.support.generated_docs import DOCS, ROOT
from tests.support.processes import run
from tests.support.registry import fetch
from tests.support.servers import Server, on_embedded_18

DEPLOY: Final = ROOT / "deploy"
PROMETHEUS: Final = DEPLOY / "prometheus"
UNITS: Final = sorted((DEPLOY / "systemd").iterdir())
SERVICES: Final = [unit for unit in UNITS if unit.suffix == ".service"]
# Of ten; what runs as root without any of this has 9.2.
MOST_EXPOSED: Final = 2.0
# Of the app, of the tests and of the staging portal.
_OTHERS: Final = {"SUPABASE_PUBLISHABLE_KEY", "MENTORCERT_ORACLE", "MENTORCERT_STAGING_WEBHOOK_SECRET"}

_MISSING: Final = [
    tool
    for tool in ("promtool", "caddy", "docker-compose", "systemd-analyze")
    if shutil.which(tool) is None and "CI" not in os.environ
]
pytestmark = pytest.mark.skipif(
    bool(_MISSING), reason=f"of Debian's packages is missing: {', '.join(_MISSING)}"
)


def rules() -> dict[str, Any]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def queries() -> list[str]:
    """Every query of the dashboard."""
    dashboard = json.loads((DEPLOY / "grafana/mentorcert.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def exported() -> Iterator[str]:
    """The name of each sample of ours."""
    collectors = (REGISTRY, PoolMetrics({}), Metrics(Snapshot(()), {}))
    for family in (family for collector in collectors for family in collector.collect()):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(
            family.type, ("",)
        )
        yield from (f"{family.name}{suffix}" for suffix in suffixes)
    yield from (f"mentorcert_{name}" for name in FIGURES)


def test_the_rules_fire_and_are_silent() -> None:
    run("promtool", "check", "rules", PROMETHEUS / "alerts.yml")
    run("promtool", "test", "rules", PROMETHEUS / "alerts.test.yml")
    run("promtool", "check", "config", "--syntax-only", PROMETHEUS / "scrape.yml")


def test_every_rule_is_tested_both_ways() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == rules().keys()
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == rules().keys()


def test_a_rule_that_is_loosened_fails_its_test(tmp_path: Path) -> None:
    shutil.copy(PROMETHEUS / "alerts.test.yml", tmp_path)
    text = (PROMETHEUS / "alerts.yml").read_text("utf-8")
    for tight, loose in (("> 3 * 3600", "> 9 * 3600"), ("> 900", "> 9000"), ("0.02 * sum", "0.5 * sum")):
        assert tight in text
        (tmp_path / "alerts.yml").write_text(text.replace(tight, loose))
        assert run("promtool", "test", "rules", tmp_path / "alerts.test.yml", check=False).returncode == 1, (
            tight
        )


def test_each_alert_says_what_to_do() -> None:
    for name, rule in rules().items():
        assert rule["labels"].keys() == {"severity"}, name
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert rule["annotations"].keys() == {"summary", "action"}, name
        for document in re.findall(r"docs/[\w/]+\.md", rule["annotations"]["action"]):
            assert (ROOT / document).exists(), f"{name}: {document}"


def test_each_query_asks_for_what_is_exported(tmp_path: Path) -> None:
    known = set(exported())
    asked = {
        name
        for query in (*queries(), *(rule["expr"] for rule in rules().values()))
        for name in re.findall(r"\bmentorcert_\w+", query)
    }
    assert asked
    assert asked - known == set()
    # Prometheus itself reads the dashboard's queries, as recording rules.
    recorded = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    run("promtool", "check", "rules", file)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """But for the program, which is not installed here."""
    for unit in UNITS:
        text = unit.read_text("utf-8")
        (tmp_path / unit.name).write_text(text.replace("/opt/mentorcert/bin/mentorcert", "/bin/true"))
    done = run("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert done.stderr == ""


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_exposes_little(unit: Path) -> None:
    limit = f"--threshold={MOST_EXPOSED * 10:.0f}"
    done = run("systemd-analyze", "security", "--no-pager", "--offline=true", limit, unit, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    """With options and settings that it has, and no secret in its arguments."""
    text = unit.read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=/opt/mentorcert/bin/mentorcert (.*)$", text, re.MULTILINE)
    words = line.partition(" --")[0].split()
    help_ = (
        (DOCS / "commands.md")
        .read_text("utf-8")
        .partition(f"## mentorcert {' '.join(words)}\n")[2]
        .partition("\n## ")[0]
    )
    assert help_, words
    assert set(re.findall(r"--[a-z-]+", line)) <= set(re.findall(r"--[a-z-]+", help_))
    variables = {str(field.validation_alias) for field in Settings.model_fields.values()}
    known = variables | {naming for name in variables if (naming := file_variable(name))}
    given = {
        word.partition("=")[0]
        for of in re.findall(r"^#?Environment=(.*)$", text, re.MULTILINE)
        for word in of.split()
    }
    assert given <= known
    assert "DATABASE_URL_FILE" in given
    assert ("Type=notify" in text, "WatchdogSec=" in text) in {(True, True), (False, False)}


def test_the_table_of_units_is_what_they_ask_for() -> None:
    """Settings, secrets: who reads the document makes these files, and no others."""
    table = (
        (DOCS / "deployment.md").read_text("utf-8").partition("| unit | settings |")[2].partition("\n\n")[0]
    )
    said: dict[str, tuple[set[str], set[str]]] = {}
    for line in table.splitlines()[2:]:
        units, settings, secrets, _ = line.strip("| ").split(" | ")
        for unit in re.findall(r"`(?:mentorcert)?-(\w+)`", units):
            said[f"mentorcert-{unit}"] = (
                {*re.findall(r"`([\w.]+)`", settings)},
                {*re.findall(r"`(\w+)`", secrets)},
            )
    asked = {
        unit.stem: (
            {*re.findall(r"^EnvironmentFile=-/etc/mentorcert/([\w.]+)$", text, re.MULTILINE)},
            {*re.findall(r"^LoadCredential=\w+:/etc/mentorcert/secrets/(\w+)$", text, re.MULTILINE)},
        )
        for unit in SERVICES
        for text in (unit.read_text("utf-8"),)
    }
    assert said == asked


def test_every_variable_is_a_setting() -> None:
    """In what is deployed and documented; the reference itself is written from the settings."""
    names = {str(field.validation_alias) for field in Settings.model_fields.values()}
    known = names | {naming for name in names if (naming := file_variable(name))} | _OTHERS
    files = [path for path in (*DEPLOY.rglob("*"), *DOCS.rglob("*.md"), *ROOT.glob("*.md")) if path.is_file()]
    unknown = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in files
        for name in re.findall(
            r"\b(?:MENTORCERT|SUPABASE)_[A-Z0-9_]*[A-Z0-9]\b|\bDATABASE_URL\w*", path.read_text("utf-8")
        )
        if name not in known
    }
    assert unknown == set()


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    shutil.copy(DEPLOY / "caddy/Caddyfile", file)
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    run("caddy", "validate", "--adapter", "caddyfile", "--config", file, env=environment)
    before = file.read_text("utf-8")
    run("caddy", "fmt", "--overwrite", file, env=environment)
    assert file.read_text("utf-8") == before
    adapted = json.loads(
        run("caddy", "adapt", "--adapter", "caddyfile", "--config", file, env=environment).stdout
    )
    (server,) = adapted["apps"]["http"]["servers"].values()
    answers = json.dumps(server["routes"])
    assert '"path": ["/healthz", "/readyz", "/metrics"]' in answers
    assert '"status_code": 404' in answers


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The folder of the compose file, with secrets."""
    folder = tmp_path / "deploy/container"
    shutil.copytree(DEPLOY / "container", folder)
    run(folder / "make_secrets.sh")
    return folder


def test_compose_gives_each_process_little(container: Path) -> None:
    environment = {
        **os.environ,
        "MENTORCERT_PUBLIC_URL": "https://register.example.org",
        "MENTORCERT_OIDC_CLIENT_SECRET_FILE": "/run/secrets/oidc_client_secret",
        "MENTORCERT_SMTP_PASSWORD_FILE": "/run/secrets/smtp_password",
    }
    done = run("docker-compose", "--file", container / "compose.yaml", "config", env=environment)
    composed = yaml.safe_load(done.stdout)
    services = composed["services"]
    assert services.keys() == {"db", "migrate", "passwords", "serve", "tasks", "worker"}
    assert composed["networks"]["inside"] == {"internal": True}
    variables = {str(field.validation_alias) for field in Settings.model_fields.values()}
    known = (
        variables
        | {naming for name in variables if (naming := file_variable(name))}
        | {"FORWARDED_ALLOW_IPS"}
    )
    for name, service in services.items():
        assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}, name
        if name == "db":
            continue
        assert (service["read_only"], service["cap_drop"], service["user"]) == (
            True,
            ["ALL"],
            "10001:10001",
        ), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name == "passwords":
            continue
        given = {key: value for key, value in service["environment"].items() if value}
        assert given.keys() <= known, name
        files = {value for key, value in given.items() if key.endswith("_FILE")}
        assert files == {f"/run/secrets/{one['source']}" for one in service["secrets"]}, name
        words = [word for word in service["command"] if word.startswith("--")]
        help_ = (DOCS / "commands.md").read_text("utf-8")
        assert all(word in help_ for word in words), name
    published = {name: str(service["ports"]) for name, service in services.items() if "ports" in service}
    assert published.keys() == {"serve"}
    assert "127.0.0.1" in published["serve"]
    assert "946" not in published["serve"], "the metrics are for the network inside alone"


@on_embedded_18
def test_the_roles_get_the_passwords_of_their_secrets(
    server: Server, conn: Connection, container: Path
) -> None:
    secrets = container / "secrets"
    written = {file.name: file.read_text() for file in secrets.iterdir()}
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {0o400}
    run(container / "make_secrets.sh")
    assert {file.name: file.read_text() for file in secrets.iterdir()} == written, "what is there is kept"
    at = conninfo_to_dict(server.url)
    environment = {
        **os.environ, "SECRETS": str(secrets), "PGHOST": str(at["host"]), "PGPORT": str(at["port"]),
        "PGUSER": "postgres", "PGDATABASE": conn.info.dbname,
        "PATH": f"{server.binaries}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    roles = "select count(*) from pg_authid where rolname ~ '^mentorcert' and rolpassword is not null"
    try:
        run(container / "passwords.sh", env=environment)
        assert fetch(conn, roles) == 3
        for wrong in (
            "postgresql://mentorcert_web:x'; drop role postgres; --@db/m",
            "postgresql://postgres:0123456789abcdef@db/m",
        ):
            (secrets / "web_database_url").chmod(0o600)
            (secrets / "web_database_url").write_text(wrong)
            refused = run(container / "passwords.sh", env=environment, check=False)
            assert (refused.returncode, "must be postgresql://mentorcert_web:" in refused.stderr) == (1, True)
    finally:
        for role in ("web", "jobs", "tasks"):
            conn.execute(f"alter role mentorcert_{role} password null".encode())
