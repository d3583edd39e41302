"""A body that another system sends may be nested without end: what reads it says so, or passes on.

One depth is more than any reader goes into, one is near what the parser itself bears, one beyond.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from harness.cases import asking
from harness.errors import InputError, PeerError
from harness.evidence.line import pack
from harness.fingerprint import outlets
from harness.ledger import evidence_trace
from harness.probes import dicomweb, searches
from harness.probes.http import HttpProbe
from harness.report import gather
from harness.selfcheck import wire_yb_look
from harness.upgrade import bodies
from harness.watch import reading
from harness.wire.http1_events import HttpRequest, HttpResponse


def _answer(body: bytes) -> HttpResponse:
    kind = (("Content-Type", "application/dicom+json"),)
    return HttpResponse(status=200, headers=kind, payload=body)


def _web(body: bytes) -> object:
    return dicomweb.stored_of(_answer(body))


def _turns(body: bytes) -> object:
    record = {"kind": "message", "protocol": "http", "conn": "c", "raw": pack(body)}
    return list(evidence_trace.turns(Path("any.jsonl"), iter([record])))


def _asked(body: bytes) -> object:
    probe = HttpProbe(name="p", role="LIS", send=lambda _: _answer(body), target="/any")
    return probe.ask({})


READERS: Final[dict[str, Callable[[bytes], object]]] = {
    "watch, a request": lambda body: reading.http_fact(
        HttpRequest(method="POST", target="/", headers=(), payload=body)
    ),
    "watch, an answer": lambda body: reading.succeeded(_answer(body)),
    "a case, what is asked": lambda body: list(asking._leaves(body)),
    "a case, a refusal": asking.refusal,
    "evidence of a call": _turns,
    "leaks": lambda body: list(gather.of_body(body.decode())),
    "compare": lambda body: list(bodies.values(body) or ()),
    "fingerprint": lambda body: list(outlets._json(Path("any.json"), body.decode())),
    "DICOMweb": _web,
    "a probe": _asked,
    "a search": lambda body: searches.question_of("POST /tools/find\n" + body.decode()),
    "self-check": lambda body: wire_yb_look._object(body, "utf-8"),
}
SHAPES: Final = {
    "lists": lambda depth: b'{"a":' + b"[" * depth + b"1" + b"]" * depth + b"}",
    "objects": lambda depth: b'{"a":' * depth + b"1" + b"}" * depth,
    "no end": lambda depth: b'{"a":' + b"[" * depth,
}


@pytest.mark.parametrize("depth", [200, *range(900, 1000, 9), 100_000])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", READERS)
def test_brackets_in_brackets_end_nothing(name: str, shape: str, depth: int) -> None:
    with contextlib.suppress(InputError, PeerError, ValueError):
        READERS[name](SHAPES[shape](depth))
