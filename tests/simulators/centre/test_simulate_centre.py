"""``simulate centre``: serves, keeps its ledger, ends cleanly."""

from __future__ import annotations

import argparse
import re
import signal
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


def test_it_serves_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    heard: list[int] = []
    monkeypatch.setattr(foreground, "say", lines.append)

    def visitor() -> None:
        while not lines:
            time.sleep(0.01)
        found = re.fullmatch(r"ready centre (http://\S+)", lines[0])
        assert found
        try:
            heard.append(httpx.post(found[1], content=b"{}", trust_env=False).status_code)
        finally:
            signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=visitor)
    thread.start()
    ledger = tmp_path / "books.sqlite"
    try:
        code = simulate.centre(arguments(province="hunan", ledger=str(ledger)))
    finally:
        thread.join(10)
    assert (code, heard) == (0, [401])
    assert ledger.stat().st_size > 0


@pytest.mark.parametrize(
    "wrong", [{"province": "atlantis"}, {"host": "0.0.0.0"}, {"port": 99999}, {"tls_cert": "x"}]
)
def test_what_it_cannot_serve(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        simulate.centre(arguments(**wrong))
