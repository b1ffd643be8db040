"""What a well-behaved web server hides: headers with underscores, and the socket itself."""

import socket
import struct
from collections.abc import Iterator
from typing import Any

from django.core.servers.basehttp import WSGIRequestHandler
from django.http import HttpRequest, StreamingHttpResponse

# The access token call carries its credentials in headers that runserver, live_server and
# gunicorn drop as ambiguous. gunicorn is told by its own setting:
#   --forwarder-headers SCRIPT_NAME,PATH_INFO,CLIENT_ID,CLIENT_SECRET
KEPT = ("client_id", "client_secret")


def keep_headers_with_underscores() -> None:
    """Let Django's development server pass the provider's two underscore headers on."""
    original = WSGIRequestHandler.get_environ
    if getattr(original, "keeps_underscores", False):
        return

    def get_environ(self: WSGIRequestHandler) -> dict[str, Any]:
        kept = {name: self.headers.get(name) for name in KEPT}
        environ: dict[str, Any] = original(self)
        environ |= {f"HTTP_{name.upper()}": value for name, value in kept.items() if value}
        return environ

    get_environ.keeps_underscores = True  # type: ignore[attr-defined]
    WSGIRequestHandler.get_environ = get_environ  # type: ignore[method-assign]


def cut(request: HttpRequest, *, reset: bool = False) -> bool:
    """Close the client's connection under the server. False where no socket is to be found.

    With ``reset`` the client sees a connection reset, otherwise an early end of the stream.
    """
    connection = _socket(request.META)
    if connection is None:
        return False
    try:
        if reset:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client was quicker and has gone.
        return True
    return True


def nothing(request: HttpRequest) -> StreamingHttpResponse:
    """Answer by closing the connection before a single byte of the response."""
    cut(request, reset=True)
    response = StreamingHttpResponse(iter([b""]), status=502)
    response["Content-Length"] = "0"
    return response


def truncated(
    request: HttpRequest, *, status: int, body: bytes, content_type: str
) -> StreamingHttpResponse:
    """Announce the whole body, send the first half, close the connection."""

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        cut(request)

    response = StreamingHttpResponse(half(), status=status, content_type=content_type)
    response["Content-Length"] = str(len(body))
    return response


def _socket(environ: dict[str, Any]) -> socket.socket | None:
    if "gunicorn.socket" in environ:
        found = environ["gunicorn.socket"]
        return found if isinstance(found, socket.socket) else getattr(found, "sock", None)
    # runserver and live_server: wsgi.input limits a buffered reader around the raw socket.
    stream = environ.get("wsgi.input")
    read = getattr(stream, "_read", None) or getattr(stream, "read", None)
    raw = getattr(getattr(read, "__self__", None), "raw", None)
    found = getattr(raw, "_sock", None)
    return found if isinstance(found, socket.socket) else None
