"""The plain request beside the general reader: nothing comes out that would not come out there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire import http1
from harness.wire.core import Event
from harness.wire.http1 import HttpLimits, HttpServerCore
from harness.wire.http1_events import HttpRequest, HttpResponse, Misbehaviour
from harness.wire.http1_plain import HEAD_BYTES_MAX, plain_head, plain_request

POST = (
    b"POST /a/b?c=1 HTTP/1.1\r\nHost: x:1\r\nContent-Type: application/json\r\n"
    b"_api_name:2207\r\nX-Empty:\r\nX-Spaces: \t a  b \t\r\nConnection: Keep-Alive\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def plain(data: bytes, body: int = 100, head: int = 2000) -> HttpRequest | None:
    return plain_request(data, body_bytes_max=body, header_bytes_max=head)


def general(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "plain_request", lambda *_, **__: None)


def served(data: bytes) -> tuple[list[Event], bytes]:
    """Every event of a connection on which each request is answered, and all that was said."""
    core = HttpServerCore(limits=HttpLimits(body_bytes_max=100, header_bytes_max=2000))
    core.receive(data, 0.0)
    events: list[Event] = []
    for _ in range(10):
        found = core.events()
        events += found
        for one in found:
            if isinstance(one, HttpRequest):
                core.send(HttpResponse(payload=one.payload, headers=(("X-A", "b c"),)), 0.0)
        if not found:
            break
    return events, core.data_to_send()


def test_it_is_read_as_h11_reads_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        general(patch)
        expected = served(POST)
    assert plain(POST) == expected[0][0]
    assert served(POST) == expected


ODD = st.sampled_from(
    [b"", b"\r\n", b"\n", b" ", b"\t", b":", b"\x00", b"\x7f", b"\x80", b"\x0b", b"HTTP/1.0",
     b"Content-Length: 4\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
     b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Upgrade: x\r\n", b"Host: y\r\n",
     b"TE: trailers\r\n", b" folded\r\n", b"A b: c\r\n", b"\r\n\r\n", POST]
)  # fmt: skip


@settings(max_examples=400)
@given(st.integers(0, len(POST)), st.integers(0, 12), ODD)
def test_what_is_changed_anywhere_is_judged_alike(at: int, cut: int, put: bytes) -> None:
    data = POST[:at] + put + POST[at + cut :]
    with pytest.MonkeyPatch.context() as patch:
        general(patch)
        expected = served(data)
    assert served(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        POST[:-1],
        POST + b"P",
        POST.replace(b"POST", b"PUT "),
        POST.replace(b"HTTP/1.1", b"HTTP/1.0"),
        POST.replace(b"Length: 4", b"Length: 04x"),
        POST.replace(b"Host: x:1\r\n", b""),
        POST.replace(b"Keep-Alive", b"close"),
        POST.replace(b"X-Empty:\r\n", b"X: " + b"a" * HEAD_BYTES_MAX + b"\r\n"),
        POST.replace(b": 4", b": 101") + b"a" * 97,
    ],
)
def test_what_is_not_plain_goes_the_long_way(data: bytes) -> None:
    assert plain(data) is None


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (204, ()),
        (100, ()),
        (799, ()),
        (200, (("Connection", "close"),)),
        (200, (("content-length", "3"),)),
        (200, (("X", "a\r\nY: b"),)),
        (200, (("X Y", "a"),)),
        (200, (("X", "汉"),)),
    ],
)
def test_an_answer_that_is_not_plain_is_left_to_h11(
    status: int, headers: tuple[tuple[str, str], ...]
) -> None:
    assert plain_head(status, headers) == b""


def test_a_connection_is_closed_where_the_answer_says_so() -> None:
    core = HttpServerCore()
    core.receive(POST + b"", 0.0)
    core.events()
    core.send(HttpResponse(payload=b"hi", headers=(("Connection", "close"),)), 0.0)
    assert b"Connection: close" in core.data_to_send()
    assert [type(one).__name__ for one in core.events()] == ["HttpExhausted"]


def test_what_comes_behind_is_read_after_the_answer_and_survives_misbehaviour() -> None:
    core = HttpServerCore()
    core.receive(POST, 0.0)
    core.receive(POST.replace(b"body", b"next"), 0.0)
    (first,) = core.events()
    assert isinstance(first, HttpRequest)
    core.send(HttpResponse(payload=b"1"), 0.0)
    (second,) = core.events()
    assert isinstance(second, HttpRequest)
    assert (first.payload, second.payload) == (b"body", b"next")

    core = HttpServerCore()
    core.receive(POST, 0.0)
    core.events()
    core.send(HttpResponse(payload=b"hi", misbehaviour=Misbehaviour(cut_after=5)), 0.0)
    assert core.data_to_send() == b"HTTP/"


def test_an_early_alarm_is_kept_and_does_no_harm() -> None:
    core = HttpServerCore(limits=HttpLimits(idle_timeout_s=10.0))
    for at in (0.0, 3.0, 6.0):
        core.receive(POST, at)
        core.send(HttpResponse(), at)
        assert core.next_deadline() == 10.0
    core.events()
    core.on_deadline(10.0)
    assert core.events() == []
    assert core.next_deadline() == 16.0
    core.on_deadline(16.0)
    assert [type(one).__name__ for one in core.events()] == ["HttpExhausted"]
