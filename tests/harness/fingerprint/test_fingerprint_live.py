"""Outlets that are open: the store of the built-in LIS through a view, and answers over HTTP."""

from __future__ import annotations

import contextlib
import http.server
import json
import sqlite3
import threading

import pytest

from harness import cli, i18n
from harness.errors import InputError
from harness.fingerprint.live import Page, View, live_outlets, shown
from harness.fingerprint.make import Request, make
from harness.fingerprint.search import Shown
from harness.wire.hl7 import Hl7Message
from simulators.hospital import adt, schema
from simulators.store import open_store


@pytest.fixture(autouse=True)
def _english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


@contextlib.contextmanager
def serving(answers):
    """A web server on loopback: path to status and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(30)


@pytest.fixture(scope="module")
def lis(tmp_path_factory):
    """The store of a LIS that took in the fingerprint, with a view as a site has one."""
    folder = tmp_path_factory.mktemp("lis")
    request = Request(type="ADT^A04", seed=7, time="20260105080000", sender="HIS", receiver="LIS",
                      fixed={"PID-3": "TEST001", "PID-3.5": "PatientNO"})  # fmt: skip
    message, sheet = make(request)
    (folder / "before.json").write_text(json.dumps(sheet.data()), encoding="utf-8")
    store = open_store(str(folder / "lis.sqlite"), schema.LIS, durable=False)
    store.commit(adt.apply(Hl7Message.parse(message), store, set(), "lis"))
    store.close()
    with contextlib.closing(sqlite3.connect(folder / "lis.sqlite")) as db:
        db.execute("CREATE VIEW v_patient AS SELECT name AS full_name, phone, ward FROM patients")
        row = db.execute("SELECT name, phone, ward FROM patients").fetchone()
    return folder, row


def search(folder, *options):
    return cli.main(["fingerprint", "search", str(folder / "before.json"), "--out",
                     str(folder / "map.json"), "--json", "--lang", "en", *options])  # fmt: skip


def test_a_view_and_an_address_are_searched_where_they_stand(lis, capsys):
    folder, (name, phone, _) = lis
    body = json.dumps({"patients": [{"name": name[:5], "phone": phone}]}).encode()
    with serving({"/patients?all=1": (200, body)}) as url:
        code = search(
            folder, "--sql", f"view={folder / 'lis.sqlite'}", "--query",
            "view=SELECT * FROM v_patient", "--http", f"web={url}/patients?all=1",
        )  # fmt: skip
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    landed = json.loads((folder / "map.json").read_text(encoding="utf-8"))

    assert code == 0
    assert told["outlets"] == {"view": 3, "web": 2}
    assert told["ways"]["cut"] == 1
    places = {tuple(one) for found in landed["landings"].values() for one in found}
    assert {("view", "ward", "whole"), ("web", "/patients/*/name", "cut")} <= places


def test_an_open_outlet_that_is_empty_is_not_green(lis, capsys):
    folder, _ = lis
    database = f"view={folder / 'lis.sqlite'}"
    query = "view=SELECT * FROM v_patient WHERE ward = 'nowhere'"
    with serving({"/": (200, b"")}) as url:
        assert search(folder, "--sql", database, "--query", query, "--http", f"web={url}") == 3
    out = capsys.readouterr().out

    assert "view shows nothing" in out
    assert json.loads(out.splitlines()[-1])["empty"] == ["view", "web"]


def test_a_url_may_stand_in_the_environment(lis, monkeypatch):
    folder, (name, _, _) = lis
    monkeypatch.setenv("SITE_DB", f"sqlite:{folder / 'lis.sqlite'}")
    live = View(name="view", url="env:SITE_DB", query="SELECT full_name FROM v_patient")

    assert list(shown(live, {"SITE_DB": str(folder / "lis.sqlite")})) == [
        Shown("view", "full_name", name)
    ]
    with pytest.raises(InputError, match="has no SITE_DB"):
        shown(live, {})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sql", "a=x.sqlite"], "needs both"),
        (["--query", "a=SELECT 1"], "needs both"),
        (["--sql", "a=x.sqlite", "--query", "a=DELETE FROM t"], "may only SELECT"),
        (["--sql", "a=nowhere.sqlite", "--query", "a=SELECT 1"], "cannot be read"),
        (["--http", "a=ftp://127.0.0.1/"], "no address of HTTP"),
        (["--http", "a=http://127.0.0.1:1/"], "cannot be read"),
        (["--http", "a=http://127.0.0.1:1/", "--http", "a=http://127.0.0.1:1/x"], "twice"),
        (["--http", "a"], "no value"),
        ([], "no file to search"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_name(lis, capsys, monkeypatch, options, says):
    folder, _ = lis
    monkeypatch.chdir(folder)

    assert search(folder, *options) == 2
    told = capsys.readouterr()
    assert says in told.out + told.err


def test_another_status_is_no_outlet_and_text_is_read_by_lines():
    with serving({"/gone": (404, b"no"), "/page": (200, "一\n二".encode("gb18030"))}) as url:
        with pytest.raises(InputError, match="404"):
            list(shown(Page(name="web", url=f"{url}/gone"), {}))
        assert [one.text for one in shown(Page(name="web", url=f"{url}/page"), {})] == ["一", "二"]


def test_options_become_outlets():
    found = live_outlets([("db", "x.sqlite")], [("db", "SELECT 1")], [("web", "http://h/")])

    assert found == [View(name="db", url="x.sqlite", query="SELECT 1"),
                     Page(name="web", url="http://h/")]  # fmt: skip
