"""Probes over DICOM and HTTP: what an outage looks like to them, and what they never do."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from harness.errors import InputError, PermitError
from harness.profile import load_profile
from harness.watch import report
from harness.watch.canary import call
from harness.watch.window import Options, Window

LIMIT_S = 60.0
"""Of every wait; only a machine that stands still gets there."""

PROFILE = """
format = 1
name = "窗口"
environment = "{environment}"
[systems.HIS]
mode = "simulated"
[systems.modality]
mode = "simulated"
[systems.{role}]
mode = "real"
[endpoints.probed]
interface = "{interface}"
from = "{frm}"
to = "{role}"
protocol = "{protocol}"
host = "127.0.0.1"
port = {port}
{more}
[limits.{role}]
answer_s = 30.0
"""

CALL = """POST /fsi/api/signInSignOutService/signIn HTTP/1.1
Content-Type: application/json

{"infno": "9001", "msgid": "H44010000001{time}{id}", "inf_time": "{iso}",
 "input": {"signIn": {"opter_no": "MEDHARNESS"}}}
"""


def until(condition: Callable[[], bool]) -> None:
    over_at = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < over_at, "waited in vain"
        time.sleep(0.005)


def profile(folder: Path, protocol: str, port: int, *, environment: str = "test") -> Path:
    role, frm, more = {
        "dicom": ("PACS", "modality", 'ae_title = "PACS"'), "http": ("centre", "HIS", ""),
        "astm": ("LIS", "HIS", ""),
    }[protocol]  # fmt: skip
    interface = {"dicom": "PACS-DIMSE", "http": "HIS-YB", "astm": "LIS-ASTM"}[protocol]
    path = folder / "site.toml"
    path.write_text(
        PROFILE.format(environment=environment, role=role, frm=frm, protocol=protocol, port=port,
                       interface=interface, more=more),
        encoding="utf-8",
    )  # fmt: skip
    return path


def window_of(path: Path, **options: Any) -> Window:
    words = {"active": True, "every_s": 0.01} | options
    window = Window(load_profile(str(path)), Options(weeks=0, **words), {})
    window.start()
    return window


# -- DICOM


@contextlib.contextmanager
def pacs(handler: Callable[[Any], int], port: int = 0) -> Iterator[int]:
    """pynetdicom answers C-ECHO as the handler says."""
    entity = AE(ae_title="PACS")
    entity.add_supported_context(Verification)
    handlers = [(evt.EVT_C_ECHO, handler)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


@pytest.mark.slow
def test_c_echo_times_a_pacs_and_sees_its_outage(tmp_path: Path) -> None:
    with pacs(lambda _: 0x0000) as port:
        window = window_of(profile(tmp_path, "dicom", port))
        account = window.lines.accounts["probed"]
        until(lambda: len(account.waits) >= 2)
    until(lambda: account.down)
    with pacs(lambda _: 0x0000, port):
        until(lambda: not account.down)
        window.stop()

    data = report.write(window, tmp_path / "out")
    line = data["lines"][0]
    assert (line["lost"], line["refused"], line["probes_only"]) == (0, 0, True)
    assert line["messages"] >= 3
    assert line["outage_s"] > 0
    assert 0 < line["median_ms"] <= line["p99_ms"]
    assert data["verdict"] == "pass"


@pytest.mark.slow
def test_a_pacs_that_associates_and_fails_the_echo_is_told(tmp_path: Path) -> None:
    with pacs(lambda _: 0x0110) as port:  # PS3.7 §9.1.5.1.4: processing failure
        window = window_of(profile(tmp_path, "dicom", port))
        until(lambda: window.lines.accounts["probed"].refused >= 1)
        window.stop()

    data = report.as_json(window)
    assert data["verdict"] == "inconclusive"
    assert data["probes"][0]["turned_down"] == data["lines"][0]["refused"]
    assert len(data["open"]) == 1


# -- HTTP


@dataclass(slots=True)
class Centre:
    """Answers each call; keeps what it was asked."""

    infcode: str = "0"
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@contextlib.contextmanager
def centre(one: Centre, port: int = 0) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.asked.append((self.path, json.loads(body)))
            answer = json.dumps({"infcode": one.infcode, "output": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def template(folder: Path, text: str = CALL) -> dict[str, Path]:
    path = folder / "call.http"
    path.write_text(text, encoding="utf-8")
    return {"probed": path}


def test_a_call_of_the_site_sees_the_outage_of_a_centre(tmp_path: Path) -> None:
    one = Centre()
    with centre(one) as port:
        window = window_of(profile(tmp_path, "http", port), templates=template(tmp_path))
        account = window.lines.accounts["probed"]
        until(lambda: len(account.waits) >= 2)
    until(lambda: account.down)
    with centre(one, port):
        until(lambda: not account.down)
        window.stop()

    line = report.as_json(window)["lines"][0]
    assert (line["lost"], line["duplicated"], line["refused"]) == (0, 0, 0)
    assert line["outage_s"] > 0
    path, body = one.asked[0]
    assert path == "/fsi/api/signInSignOutService/signIn"
    assert body["input"]["signIn"]["opter_no"] == "MEDHARNESS"
    assert len({each["msgid"] for _, each in one.asked}) == len(one.asked)
    assert len(body["inf_time"]) == len("2026-01-05 08:00:00")


def test_a_call_that_the_centre_refuses_is_told(tmp_path: Path) -> None:
    with centre(Centre(infcode="-1")) as port:
        window = window_of(profile(tmp_path, "http", port), templates=template(tmp_path))
        until(lambda: window.lines.accounts["probed"].refused >= 1)
        window.stop()

    data = report.as_json(window)
    assert data["verdict"] == "inconclusive"
    assert data["probes"][0]["turned_down"] == data["lines"][0]["refused"]
    assert len(data["open"]) == 1


@pytest.mark.parametrize("protocol", ["http", "astm"])
def test_a_line_without_a_harmless_question_is_not_probed_and_said(
    tmp_path: Path, protocol: str
) -> None:
    path = profile(tmp_path, protocol, 6001)
    path.write_text(
        path.read_text("utf-8").replace("port = 6001", 'port = 6001\nvia = "relay"'), "utf-8"
    )
    window = window_of(path)
    window.stop()

    data = report.write(window, tmp_path / "out")
    assert window.probers == {}
    assert list(data["unprobed"]) == ["probed"]
    assert data["unprobed"]["probed"] in (tmp_path / "out" / "watch.html").read_text("utf-8")


@pytest.mark.parametrize("protocol", ["dicom", "http"])
def test_each_probe_of_production_needs_the_permit(tmp_path: Path, protocol: str) -> None:
    path = profile(tmp_path, protocol, 6001, environment="production")
    with pytest.raises(PermitError):
        window_of(path, every_s=30.0, templates=template(tmp_path) if protocol == "http" else {})


@pytest.mark.parametrize(
    "text",
    ["", '{"infno": "9001", "msgid": "{id}"}', "DELETE /x HTTP/1.1\n\n{id}",
     "POST /x HTTP/1.1\nno colon\n\n{id}", "POST /x HTTP/1.1\n\n{}"],
)  # fmt: skip
def test_a_file_that_is_no_call_is_refused_before_the_window(tmp_path: Path, text: str) -> None:
    path = profile(tmp_path, "http", 6001)
    with pytest.raises(InputError, match=r"."):
        window_of(path, templates=template(tmp_path, text))


def test_a_call_keeps_its_headers_and_none_of_its_framing() -> None:
    one = call(
        "POST /a HTTP/1.1\r\nContent-Length: 99\r\nX-A: b\r\nHost: other\r\n\r\nbody\r\n", "h:1"
    )

    assert (one.method, one.target, one.payload) == ("POST", "/a", b"body")
    assert one.headers == (("Host", "h:1"), ("X-A", "b"))
