"""`mentorcert serve`: the pages and the JSON API."""

from typing import Annotated

import typer

from mentorcert.cli.output import console
from mentorcert.cli.service import MetricsHost, MetricsPort, service
from mentorcert.settings import settings
from mentorcert.web import serving


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen at; TLS ends before it.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 8000, or another that is free, where none is given."),
    ] = None,
    drain: Annotated[
        float,
        typer.Option(min=0, max=600, help="Seconds to go on after SIGTERM while /readyz says `draining`."),
    ] = 0.0,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
) -> None:
    """Serve the pages and the JSON API until stopped.

    On the embedded default everybody at this machine may step into the sample people, and nights, imports and
    exports are done by the same process. Against any other database people sign in by Supabase Auth or OpenID Connect.
    """
    environment = settings()
    with service("serve"), serving.listen(host, port) as listener:
        # A Supabase URL without a database is a mistake, not a demonstration.
        is_embedded = environment.database_url is None and environment.supabase_url is None
        configuration = serving.configure(environment, listener, is_embedded=is_embedded)

        def ready(url: str, _people: object) -> None:
            console.print(f"The pages are at [bold]{url}/[/bold]; stop with Ctrl-C.", soft_wrap=True)

        at = (metrics_host, metrics_port)
        serving.serve(environment, configuration, listener, ready, drain_s=drain, metrics_at=at)
