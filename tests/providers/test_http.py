"""What a broken call means, against real sockets that misbehave (reliability 2)."""

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError

from providers import connections, http
from providers.contract import NotAuthorised, OutcomeUnknown, Unavailable
from providers.models import ProviderCall
from tests import factories
from tests.providers import samples

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
Script = Callable[[socket.socket], None]


class Server:
    """A server that reads one request per connection and then does as its script says."""

    def __init__(self, script: Script) -> None:
        self.script, self.requests, self.connections = script, list[bytes](), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            while data := self._request(peer):
                self.requests.append(data)
                self.script(peer)

    @staticmethod
    def _request(peer: socket.socket) -> bytes:
        data = b""
        while not data.endswith((b"\r\n\r\n{}", b'7"}')):
            if not (more := peer.recv(65536)):
                return b""
            data += more
            if not data.startswith(b"POST"):
                break
        return data


@pytest.fixture
def serve(settings: Any) -> Iterator[Callable[[Script], Any]]:
    settings.PROVIDER_TIMEOUT = (0.5, 0.5)
    settings.PROVIDER_DEADLINE = 1.0
    settings.SANDBOX = True
    servers = []

    def start(script: Script) -> Any:
        servers.append(Server(script))
        account = samples.account(environment="sandbox")
        account.base_url = servers[-1].url
        return servers[-1], account

    yield start
    for server in servers:
        server.listener.close()


def call(**changes: Any) -> http.Call:
    values: dict[str, Any] = {"method": "POST", "path": "/pay", "body": b"{}", "writes": True}
    return http.Call(**(values | changes))


def answering(raw: bytes) -> Script:
    return lambda peer: peer.sendall(raw)


def test_complete_answer_is_given_back(serve):
    _server, account = serve(answering(OK))

    answer = http.send(account, {}, call())

    assert (answer.status, answer.json()) == (200, {})


def test_connection_serves_the_next_call_too(serve):
    server, account = serve(answering(OK))

    for _ in range(3):
        http.send(account, {}, call())

    assert (server.connections, len(server.requests)) == (1, 3)


def test_threads_that_end_leave_their_connection_to_the_next(serve):
    server, account = serve(answering(OK))

    for _ in range(3):
        thread = threading.Thread(target=http.send, args=(account, {}, call()))
        thread.start()
        thread.join()

    assert server.connections == 1


def test_two_threads_never_share_a_connection(serve):
    together = threading.Barrier(2, timeout=5)

    def slow(peer: socket.socket) -> None:
        together.wait()
        peer.sendall(OK)

    server, account = serve(slow)
    threads = [threading.Thread(target=http.send, args=(account, {}, call())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert server.connections == 2


def test_idle_connections_are_bounded(monkeypatch, serve):
    monkeypatch.setattr(connections, "MOST_IDLE", 2)
    monkeypatch.setattr(connections, "_idle", connections._Idle())
    for _ in range(5):
        _server, account = serve(answering(OK))
        http.send(account, {}, call())

    assert connections._idle._count == 2


def test_refused_connection_means_nothing_was_sent(settings):
    settings.SANDBOX = True
    account = samples.account(environment="sandbox")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        account.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(Unavailable):
        http.send(account, {}, call())


def test_unknown_host_means_nothing_was_sent(settings):
    settings.SANDBOX = True
    account = samples.account(environment="sandbox")
    account.base_url = "http://no-such-host.invalid"

    with pytest.raises(Unavailable):
        http.send(account, {}, call())


def test_failed_tls_means_nothing_was_sent(serve):
    _server, account = serve(answering(b"HTTP/1.1 400 Plain\r\nContent-Length: 0\r\n\r\n"))
    account.base_url = account.base_url.replace("http:", "https:")

    with pytest.raises(Unavailable) as caught:
        http.send(account, {}, call())

    assert caught.value.code == "TLS failed"


def hang(_peer: socket.socket) -> None:
    time.sleep(2)


def drop(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()


def cut(peer: socket.socket) -> None:
    peer.sendall(OK.replace(b"Length: 2", b"Length: 20"))
    peer.shutdown(socket.SHUT_RDWR)


def drip(raw: bytes) -> Script:
    def dripping(peer: socket.socket) -> None:
        for byte in raw:
            peer.sendall(bytes([byte]))
            time.sleep(0.1)

    return dripping


def flood(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 3_000_000)


BROKEN = [
    pytest.param(hang, "timeout", id="silent"),
    pytest.param(drop, "cut off", id="reset"),
    pytest.param(cut, "cut off", id="truncated"),
    pytest.param(drip(OK), "deadline", id="dripping headers"),
    pytest.param(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), "deadline", id="body"),
    pytest.param(flood, "too large", id="too large"),
]


@pytest.mark.parametrize(("script", "code"), BROKEN)
def test_write_without_answer_is_unknown(serve, script, code):
    _server, account = serve(script)

    with pytest.raises(OutcomeUnknown) as caught:
        http.send(account, {}, call())

    assert caught.value.code == code


@pytest.mark.parametrize(("script", "code"), BROKEN)
def test_read_without_answer_may_be_repeated(serve, script, code):
    _server, account = serve(script)

    with pytest.raises(Unavailable) as caught:
        http.send(account, {}, call(method="GET", body=None, writes=False))

    assert caught.value.code == code


def test_dripping_answer_ends_at_the_deadline(serve):
    _server, account = serve(drip(OK * 10))
    begun = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        http.send(account, {}, call())

    assert 0.9 < time.monotonic() - begun < 2.0


def test_connection_works_again_after_a_deadline(serve):
    answers = iter([drip(OK), answering(OK)])
    _server, account = serve(lambda peer: next(answers)(peer))

    with pytest.raises(OutcomeUnknown):
        http.send(account, {}, call())
    time.sleep(0.2)

    assert http.send(account, {}, call()).status == 200


def test_redirect_is_not_followed(serve):
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    server, account = serve(answering(moved))

    answer = http.send(account, {}, call())

    assert (answer.status, len(server.requests)) == (307, 1)
    with pytest.raises(OutcomeUnknown):
        http.raise_if_unclear(answer, writes=True)


def test_cookies_are_not_kept(serve):
    server, account = serve(answering(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")))

    http.send(account, {}, call())
    http.send(account, {}, call())

    assert b"Cookie" not in server.requests[1]


# ------------------------------------------------------------------------------- where calls go
TABLE = {"production": "https://api.example.com", "test": "http://plain.example.com"}


def test_address_comes_from_the_table():
    account = samples.account(environment="production")
    account.base_url = "https://evil.example.com"

    assert http.base_url(account, TABLE) == "https://api.example.com"


@pytest.mark.parametrize("environment", ["test", "nowhere"])
def test_address_that_is_missing_or_plain_is_refused(environment):
    with pytest.raises(NotAuthorised) as caught:
        http.base_url(samples.account(environment=environment), TABLE)

    assert caught.value.field == "environment"


@pytest.mark.parametrize(
    "url", ["", "ftp://a.example", "http://u:p@a.example", "http://a.example/?x=1", "//a.example"]
)
def test_sandbox_address_must_be_plain_http(settings, url):
    settings.SANDBOX = True
    account = samples.account(environment="sandbox")
    account.base_url = url

    with pytest.raises(NotAuthorised):
        http.base_url(account, {})


def test_sandbox_address_is_refused_where_there_is_no_sandbox(settings):
    settings.SANDBOX = False
    account = samples.account(environment="sandbox")
    account.base_url = "http://169.254.169.254"

    with pytest.raises(NotAuthorised):
        http.base_url(account, {})


@pytest.mark.parametrize("path", ["@evil.example/pay", ".evil.example/pay", "/pay?to=evil"])
def test_path_that_leaves_the_host_is_refused_before_anything_is_sent(serve, path):
    server, account = serve(answering(OK))

    with pytest.raises((NotAuthorised, Unavailable)):
        http.send(account, {}, call(path=path, credentials={"Authorization": "Bearer x"}))

    assert server.requests == []


def test_query_is_quoted_and_stays_on_the_host(serve):
    server, account = serve(answering(OK))

    http.send(
        account, {}, call(method="GET", body=None, writes=False, params={"state": "a b&c=@evil"})
    )

    assert server.requests[0].startswith(b"GET /pay?state=a+b%26c%3D%40evil HTTP/1.1")


# ------------------------------------------------------------------------------------- answers
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("17", 17.0),
        ("86400", 900.0),
        ("999999999999", 900.0),
        ("Sat, 21 Nov 2026 11:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 10:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2099 11:00:00 GMT", 900.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
        ("Sat, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_and_capped(text, seconds):
    assert http.retry_after(text, now=datetime(2026, 11, 21, 11, 0, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [408, 500, 502, 504, 301, 599])
def test_unclear_status_is_unknown_for_writes_and_repeatable_for_reads(status):
    answer = http.Answer(status, {}, b"")

    with pytest.raises(OutcomeUnknown):
        http.raise_if_unclear(answer, writes=True)
    with pytest.raises(Unavailable):
        http.raise_if_unclear(answer, writes=False)


def test_503_that_says_when_to_come_back_did_nothing():
    with pytest.raises(Unavailable) as caught:
        http.raise_if_unclear(http.Answer(503, {"retry-after": "30"}, b""), writes=True)

    assert caught.value.retry_after == 30.0


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 409, 429])
def test_clear_status_is_left_to_the_adapter(status):
    http.raise_if_unclear(http.Answer(status, {}, b""), writes=True)


def test_fractions_are_read_as_decimals():
    assert http.Answer(200, {}, b'{"a": 0.1}').json() == {"a": Decimal("0.1")}


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'{"a": NaN}', b"[" * 100_000])
def test_body_that_is_not_json_is_a_value_error(body):
    with pytest.raises(ValueError):  # noqa: PT011 -- the kind is all that is promised
        http.Answer(200, {}, body).json()


# ---------------------------------------------------------------------------------------- the log
@pytest.mark.django_db(transaction=True)
def test_call_leaves_a_row_without_secrets(serve):
    server, plain = serve(answering(OK.replace(b"\r\n\r\n", b"\r\nX-Request-Id: r-7\r\n\r\n")))
    account = factories.ProviderAccountFactory(base_url=plain.base_url)
    secret = {"Authorization": "Bearer secret-token"}

    http.send(account, {}, call(credentials=secret, body=b'{"phone":"4791234567"}', reference="r"))

    row = ProviderCall.objects.get()
    assert b"secret-token" in server.requests[0]
    assert (row.account, row.reference, row.method, row.path) == (account, "r", "POST", "/pay")
    assert (row.status, row.correlation_id) == (200, "r-7")
    stored = " ".join(str(value) for value in ProviderCall.objects.values_list()[0])
    assert "secret" not in stored
    assert "4791234567" not in stored


@pytest.mark.django_db(transaction=True)
def test_call_without_answer_leaves_a_row_too(serve):
    _server, plain = serve(drop)
    account = factories.ProviderAccountFactory(base_url=plain.base_url)

    with pytest.raises(OutcomeUnknown):
        http.send(account, {}, call(logged_path="/pay/-"))

    row = ProviderCall.objects.get()
    assert (row.status, row.outcome, row.path) == (None, "cut off", "/pay/-")


@pytest.mark.django_db(transaction=True)
def test_log_that_cannot_be_written_does_not_break_the_call(serve, monkeypatch):
    _server, plain = serve(answering(OK))
    account = factories.ProviderAccountFactory(base_url=plain.base_url)

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(ProviderCall, "save", fail)

    assert http.send(account, {}, call()).status == 200


@pytest.mark.django_db(transaction=True)
def test_log_costs_one_statement(serve, django_assert_num_queries):
    _server, plain = serve(answering(OK))
    account = factories.ProviderAccountFactory(base_url=plain.base_url)

    with django_assert_num_queries(1):
        http.send(account, {}, call())


def test_secrets_are_not_in_the_representation_of_a_call():
    shown = repr(call(credentials={"Authorization": "Bearer x-secret"}, body=b"x-secret"))

    assert "x-secret" not in shown
    assert dataclasses.fields(http.Call)
