"""`mentorcert-staging`: runs a staging portal, for trying out and for tests."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from mentorcert.errors import MentorcertError
from mentorcert_staging import faults as scripts
from mentorcert_staging.options import (
    DEMO_CLIENT_ID,
    DEMO_CLIENT_KEY,
    DEMO_WEBHOOK_KEY,
    Options,
    ServiceLimits,
)
from mentorcert_staging.server import server
from mentorcert_staging.store import Store


def stage(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free port.")] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    faults: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="TOML or JSON file of rules: a kind of fault, and the requests it applies to.",
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="SQLite file that outlives the process; by default in memory."),
    ] = None,
    webhook_secret: Annotated[
        list[str] | None,
        typer.Option(
            envvar="MENTORCERT_STAGING_WEBHOOK_SECRET", help="Key of signatures, whsec_…; may be repeated."
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="MENTORCERT_STAGING_API_KEY", help="Also required at the webhook, as x-api-key or ?code=."
        ),
    ] = None,
    client_id: Annotated[
        str,
        typer.Option(envvar="MENTORCERT_STAGING_CLIENT_ID", help="The client that the token endpoint knows."),
    ] = DEMO_CLIENT_ID,
    client_secret: Annotated[
        str, typer.Option(envvar="MENTORCERT_STAGING_CLIENT_SECRET", help="The client's secret.")
    ] = DEMO_CLIENT_KEY,
    limits: Annotated[bool, typer.Option(help="Enforce Dataverse's service limits.")] = True,
    any_version: Annotated[
        bool,
        typer.Option("--any-version", help="Apply older messages too, against the contract."),
    ] = False,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM file: serve HTTPS.")
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM file of its key.")
    ] = None,
) -> None:
    """Run a staging portal until stopped: our webhook, Dataverse's Web API, a public list, faults on demand.

    Its data is not real, and its default secrets are for trying out only.
    """
    options = Options(
        webhook_secrets=tuple(webhook_secret or [DEMO_WEBHOOK_KEY]),
        api_key=api_key,
        client_id=client_id,
        client_secret=client_secret,
        script=scripts.load(faults) if faults else scripts.Script(),
        limits=ServiceLimits() if limits else None,
    )
    with closing(Store(database, any_version=any_version)) as store:
        server(
            options,
            store,
            host=host,
            port=port,
            ready=lambda url: typer.echo(f"The staging portal listens at {url}; stop with Ctrl-C."),
            certificate=certificate,
            certificate_key=certificate_key,
        ).run()


def main() -> None:
    """Run the command; an error is a message, a hint and an exit code."""
    try:
        typer.run(stage)
    except MentorcertError as error:
        typer.echo(f"error: {error}", err=True)
        if error.hint:
            typer.echo(f"hint: {error.hint}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
