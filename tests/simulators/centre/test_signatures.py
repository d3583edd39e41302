"""A gateway lets each proof in once, and what it remembers of them has an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.wire.http1_events import HttpRequest
from simulators.centre import signatures
from simulators.centre.provinces import Gateway
from simulators.centre.signatures import Doorkeeper, GatewayRefusal, Proofs, sign_headers

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEEP_S = 3600.0


def request(gateway: Gateway, nonce: str, at: datetime) -> HttpRequest:
    headers = sign_headers(gateway, "2207", at, nonce)
    return HttpRequest(payload=b"{}", method="POST", target="/", headers=tuple(headers.items()))


@pytest.mark.parametrize("family", ["csb", "tif"])
def test_the_same_proof_comes_in_once(family):
    gateway = Gateway(family=family)
    door = Doorkeeper(gateway)
    first = request(gateway, "n-1", NOON)
    door.verify(first, NOON)
    with pytest.raises(GatewayRefusal, match="replay"):
        door.verify(first, NOON + timedelta(seconds=gateway.window_s - 1))
    door.verify(request(gateway, "n-2", NOON + timedelta(seconds=1)), NOON)
    with pytest.raises(GatewayRefusal, match="expired"):
        door.verify(first, NOON + timedelta(seconds=gateway.window_s + 1))


@pytest.mark.parametrize("family", ["csb", "tif"])
def test_a_gateway_that_accepts_replays_remembers_nothing(family):
    gateway = Gateway(family=family, replay="accept")
    door = Doorkeeper(gateway)
    for _ in range(2):
        door.verify(request(gateway, "n-1", NOON), NOON)
    assert not door._proofs._young


@pytest.mark.parametrize("after_s", [0.0, 1.0, KEEP_S - 1, KEEP_S])
def test_a_proof_is_known_as_long_as_it_must_be(after_s):
    """Whenever in a generation it was brought."""
    for begin_s in (0.0, KEEP_S / 2, KEEP_S - 1):
        proofs = Proofs()
        assert not proofs.again("first", 1e9, KEEP_S)
        assert not proofs.again("it", 1e9 + begin_s, KEEP_S)
        assert proofs.again("it", 1e9 + begin_s + after_s, KEEP_S)


def test_a_proof_is_forgotten_at_last():
    proofs = Proofs()
    assert not proofs.again("it", 1e9, KEEP_S)
    assert not proofs.again("it", 1e9 + 2 * KEEP_S, KEEP_S)


def test_proofs_that_are_remembered_have_an_end(monkeypatch):
    monkeypatch.setattr(signatures, "PROOFS_MAX", 100)
    proofs = Proofs()
    for number in range(1000):
        assert not proofs.again(f"n-{number}", 1e9, KEEP_S)
        assert len(proofs._young) + len(proofs._old) <= 100
    assert all(proofs.again(f"n-{number}", 1e9, KEEP_S) for number in range(950, 1000))
