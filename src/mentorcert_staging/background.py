"""A staging portal beside the work of this process."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mentorcert.errors import MentorcertError
from mentorcert_staging.options import Options
from mentorcert_staging.server import server
from mentorcert_staging.store import Store


@contextmanager
def running(options: Options, store: Store) -> Iterator[str]:
    """Serve a portal at a free port of loopback until the block ends; yields its base URL."""
    heard = queue.SimpleQueue[str | None]()
    serving = server(options, store, ready=heard.put)

    def serve() -> None:
        try:
            serving.run()
        finally:
            heard.put(None)

    thread = threading.Thread(target=serve, name="staging portal")
    thread.start()
    try:
        url = heard.get()
        if url is None:
            raise MentorcertError("The staging portal did not start.", hint="The lines above say why.")
        yield url
    finally:
        serving.should_exit = True
        thread.join()
