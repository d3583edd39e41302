"""HTTP/1.1 cores: transcripts typed from RFC 9112, bounds, and misbehaviour on demand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import LocalProtocolError
from harness.wire.core import Core, Event, Violation
from harness.wire.http1 import HttpLimits, HttpServerCore
from harness.wire.http1_client import HttpClientCore
from harness.wire.http1_events import (
    HttpBroken,
    HttpRefusal,
    HttpRequest,
    HttpResponse,
    Misbehaviour,
)

POST = b"POST /svc?a=1 HTTP/1.1\r\nHost: x\r\nX-K: v\r\nContent-Length: 4\r\n\r\nbody"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def served(data: bytes = POST, **limits: float) -> HttpServerCore:
    core = HttpServerCore(limits=HttpLimits(**limits))  # type: ignore[arg-type]
    core.receive(data, 0.0)
    return core


def test_they_are_cores() -> None:
    assert isinstance(HttpServerCore(), Core)
    assert isinstance(HttpClientCore(), Core)


@given(st.lists(st.integers(1, len(POST) - 1), max_size=6))
def test_a_request_comes_out_however_it_was_split(cuts: list[int]) -> None:
    core = HttpServerCore()
    edges = [0, *sorted(set(cuts)), len(POST)]
    for begin, end in itertools.pairwise(edges):
        core.receive(POST[begin:end], 0.0)
    (request,) = core.events()

    assert isinstance(request, HttpRequest)
    assert (request.method, request.target, request.payload) == ("POST", "/svc?a=1", b"body")
    assert request.header("x-k") == "v"
    assert request.keep_alive


def test_two_requests_in_one_read_are_answered_in_turn() -> None:
    core = served(POST + POST.replace(b"body", b"next"))
    assert kinds(core.events()) == ["HttpRequest"]
    core.send(HttpResponse(payload=b"hi", headers=(("X", "1"),)), 0.0)
    (second,) = core.events()
    assert isinstance(second, HttpRequest)
    assert second.payload == b"next"
    assert core.data_to_send() == b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 2\r\n\r\nhi"


def test_an_answer_without_a_request_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        HttpServerCore().send(HttpResponse(), 0.0)
    with pytest.raises(LocalProtocolError):
        HttpClientCore().send(HttpResponse(), 0.0)


def test_close_is_asked_for_when_the_client_wants_it() -> None:
    core = served(POST.replace(b"X-K: v", b"Connection: close"))
    core.events()
    core.send(HttpResponse(), 0.0)
    assert kinds(core.events()) == ["HttpExhausted"]


def test_a_careful_client_is_told_to_go_on() -> None:
    head, _, _ = POST.partition(b"\r\n\r\n")
    core = served(head + b"\r\nExpect: 100-continue\r\n\r\n")
    assert core.data_to_send().startswith(b"HTTP/1.1 100 ")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (POST.replace(b": 4", b": 400"), 413, "http.body-too-long"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" + b"a" * 128,
            413,
            "http.body-too-long",
        ),
        (b"GET / HTTP/1.1\r\n" + b"A" * 5000, 431, "http.head-too-long"),
        (b"\x16\x03\x01 no http\r\n\r\n", 400, "http.malformed"),
        (POST.replace(b": 4", b": -4"), 400, "http.malformed"),
        (POST.replace(b"X-K: v", b"Content-Length: 5"), 400, "http.malformed"),
    ],
)
def test_what_cannot_be_served_is_refused_and_can_be_answered(
    data: bytes, status: int, code: str
) -> None:
    core = served(data, body_bytes_max=100, header_bytes_max=2000)
    violation, refusal = core.events()
    assert isinstance(violation, Violation)
    assert isinstance(refusal, HttpRefusal)
    assert (refusal.status, refusal.code) == (status, code)

    core.receive(b"more", 0.0)
    core.send(HttpResponse(status=status), 0.0)
    assert core.data_to_send().startswith(b"HTTP/1.1 %d " % status)
    assert kinds(core.events()) == ["HttpExhausted"]


def test_slow_headers_slow_bodies_and_idle_connections_are_given_up() -> None:
    slow = served(POST[:10], headers_timeout_s=5.0)
    assert slow.next_deadline() == 5.0
    slow.on_deadline(4.9)
    assert slow.events() == []
    slow.on_deadline(5.0)
    assert [one.code for one in slow.events()] == ["http.slow-headers"] * 2  # type: ignore[attr-defined]

    body = served(POST[:-1], body_timeout_s=7.0)
    body.on_deadline(7.0)
    assert [one.code for one in body.events()] == ["http.slow-body"] * 2  # type: ignore[attr-defined]

    idle = served(idle_timeout_s=9.0)
    idle.send(HttpResponse(), 1.0)
    idle.events()
    idle.on_deadline(10.0)
    assert kinds(idle.events()) == ["HttpExhausted"]


def test_too_much_ahead_of_an_answer_ends_the_connection() -> None:
    core = served()
    core.events()
    core.receive(b"x" * (1024 * 1024 + 1), 0.0)
    assert kinds(core.events()) == ["Violation", "HttpExhausted"]


def test_half_an_answer_a_wrong_length_and_a_trickle() -> None:
    for odd, expected in (
        (Misbehaviour(cut_after=12), b"HTTP/1.1 200"),
        (
            Misbehaviour(declared_length=9),
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhi",
        ),
    ):
        core = served()
        core.send(HttpResponse(payload=b"hi", misbehaviour=odd), 0.0)
        assert core.data_to_send() == expected

    core = served()
    core.events()
    drip = Misbehaviour(drip_bytes=30, drip_every_s=2.0)
    core.send(HttpResponse(payload=b"hi", misbehaviour=drip), 0.0)
    pieces = [core.data_to_send()]
    while (deadline := core.next_deadline()) is not None:
        core.on_deadline(deadline)
        pieces.append(core.data_to_send())
    assert [len(piece) for piece in pieces[:-1]] == [30] * (len(pieces) - 1)
    assert b"".join(pieces).endswith(b"\r\n\r\nhi")
    assert kinds(core.events()) == ["HttpExhausted"]


def asked() -> HttpClientCore:
    core = HttpClientCore()
    core.send(HttpRequest(payload=b"body", target="/svc", headers=(("Host", "x"),)), 0.0)
    assert core.data_to_send().endswith(b"Content-Length: 4\r\n\r\nbody")
    return core


def test_a_client_reads_one_answer_and_asks_again() -> None:
    core = asked()
    core.receive(OK[:20], 0.0)
    core.receive(OK[20:], 0.0)
    (answer,) = core.events()
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.payload) == (200, b"hi")
    core.send(HttpRequest(headers=(("Host", "x"),)), 0.0)


@pytest.mark.parametrize(
    ("heard", "stage"),
    [(b"", "before-answer"), (OK[:20], "inside-head"), (OK[:-1], "inside-body")],
)
def test_a_lost_answer_is_broken_with_its_stage(heard: bytes, stage: str) -> None:
    core = asked()
    core.receive(heard, 0.0)
    core.receive_eof(0.0)
    (broken,) = core.events()
    assert isinstance(broken, HttpBroken)
    assert broken.stage == stage


def test_what_is_no_http_is_broken_once() -> None:
    core = asked()
    core.receive(b"\x00\x01\r\n\r\n", 0.0)
    core.receive(b"more", 0.0)
    core.receive_eof(0.0)
    assert kinds(core.events()) == ["HttpBroken"]


def test_an_answer_without_length_ends_with_the_connection() -> None:
    core = asked()
    core.receive(b"HTTP/1.1 200 OK\r\n\r\nhi", 0.0)
    assert core.events() == []
    core.receive_eof(0.0)
    (answer,) = core.events()
    assert isinstance(answer, HttpResponse)
    assert answer.payload == b"hi"


@given(st.binary(max_size=300))
def test_no_bytes_make_a_core_raise(data: bytes) -> None:
    server, client = HttpServerCore(), asked()
    for core in (server, client):
        core.receive(data, 0.0)
        core.receive_eof(0.0)
        core.events()
