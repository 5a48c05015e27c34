"""How every server here serves: by uvicorn on httptools and uvloop, with a bound to the head of a request."""

from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 65_536


def config(app: Any, **more: Any) -> uvicorn.Config:
    """Return the configuration; no line is written of a request, since its query may hold a secret."""
    return uvicorn.Config(
        app, http=_Protocol, access_log=False, log_config=None, server_header=False, ws="none", **more
    )


class _Protocol(HttpToolsProtocol):
    """httptools itself keeps a request line, headers and trailers of any size."""

    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        super().on_body(body)
