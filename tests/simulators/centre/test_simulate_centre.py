"""``simulate centre``: serves, keeps its ledger, ends cleanly."""

from __future__ import annotations

import argparse
import re
import signal
import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest

from harness.errors import InputError
from simulators import foreground
from simulators.centre import simulate

pytestmark = pytest.mark.slow


def arguments(**said: object) -> argparse.Namespace:
    known = {"host": "127.0.0.1", "port": 0, "json": False, "expose": False, "seed": 1}
    return argparse.Namespace(**known | said)


TLS = Path(__file__).resolve().parents[2] / "corpus" / "tls"


@pytest.mark.parametrize("secure", [False, True])
def test_it_serves_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, secure: bool
) -> None:
    lines: list[str] = []
    heard: list[int] = []
    monkeypatch.setattr(foreground, "say", lines.append)

    def visitor() -> None:
        while not lines:
            time.sleep(0.01)
        found = re.fullmatch(rf"ready centre (http{'s' * secure}://\S+)", lines[0])
        assert found
        try:
            with httpx.Client(verify=trusting, trust_env=False) as client:
                heard.append(client.post(found[1], content=b"{}").status_code)
        finally:
            signal.raise_signal(signal.SIGINT)

    trusting = ssl.create_default_context(cafile=TLS / "ca.pem")
    trusting.check_hostname = False
    files = {"tls_cert": TLS / "server.pem", "tls_key": TLS / "server.key"} if secure else {}
    thread = threading.Thread(target=visitor)
    thread.start()
    ledger = tmp_path / "books.sqlite"
    try:
        code = simulate.centre(arguments(province="hunan", ledger=str(ledger), **files))
    finally:
        thread.join(10)
    assert (code, heard) == (0, [401])
    assert ledger.stat().st_size > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"province": "atlantis"},
        {"province": "hunan", "spec": "V0"},
        {"host": "0.0.0.0"},
        {"port": 99999},
        {"tls_cert": "x"},
        {"tls_key": "x"},
    ],
)
def test_what_it_cannot_serve(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        simulate.centre(arguments(**wrong))
