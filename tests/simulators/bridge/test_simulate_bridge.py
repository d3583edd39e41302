"""``simulate bridge``: serves, and refuses what it cannot serve."""

from __future__ import annotations

import argparse
import json
import re
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from harness.errors import InputError
from simulators import foreground
from simulators.bridge import simulate
from tests.simulators.centre.hospital import Site


def arguments(**said: object) -> argparse.Namespace:
    known = {
        "host": "127.0.0.1", "port": 0, "json": False, "expose": False, "province": "hunan",
        "centre": "http://127.0.0.1:9", "tls_ca": "", "retry": "none", "answer_timeout": 5.0,
    }  # fmt: skip
    return argparse.Namespace(**known | said)


@pytest.mark.slow
def test_it_serves_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path)
    lines: list[str] = []
    heard: list[str] = []
    monkeypatch.setattr(foreground, "say", lines.append)

    def visitor() -> None:
        while not lines:
            time.sleep(0.01)
        found = re.fullmatch(r"ready bridge (http://\S+/api/YiBao/)", lines[0])
        assert found
        body = {"signIn": {"opter_no": "0001", "mac": "00", "ip": "127.0.0.1"}}
        try:
            with httpx.Client(trust_env=False) as client:
                heard.append(client.post(f"{found[1]}In_9001", json={"input": body}).json())
        finally:
            signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=visitor)
    thread.start()
    try:
        code = simulate.bridge(arguments(centre=f"http://{site.address}"))
    finally:
        thread.join(10)
        site.close()
    assert code == 0
    assert json.loads(heard[0])["infcode"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"province": "atlantis"},
        {"host": "0.0.0.0"},
        {"port": 99999},
        {"centre": ""},
        {"centre": "ftp://127.0.0.1"},
        {"centre": "http://127.0.0.1:x"},
        {"centre": "http://192.0.2.7:80"},
        {"retry": "often"},
        {"centre": "https://127.0.0.1:9", "tls_ca": "no-such-file.pem"},
    ],
)
def test_what_it_cannot_serve(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        simulate.bridge(arguments(**wrong))
