"""Probes that are no database: each sees what is there, tells nothing apart from no answer, and
cannot change anything. The other side is played by the standard library, not by our own cores."""

from __future__ import annotations

import http.server
import socket
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest

from harness import i18n
from harness.errors import InputErrors, PermitError
from harness.permit import Permit
from harness.probes.files import FilesProbe
from harness.probes.hl7 import check_query
from harness.probes.pace import Pace
from harness.probes.person import TOKEN, PersonProbe
from harness.probes.sql import SqlProbe
from harness.profile import load_profile
from harness.scenario.wiring_probes import other_probe, pace_of
from harness.site.asked import pose_of
from harness.site.board import Board

HEAD = """
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "{mode}"
version = "1"
[encodings.LIS]
receives = "gb18030"
{more}
[probes.one]
reach = "stored"
role = "LIS"
owner = "Li, 8001"
{probe}
"""

HTTP = """
kind = "http"
url = "http://127.0.0.1:{port}"
query = "/api/results?barcode=:barcode"
rows = "{rows}"
[probes.one.columns]
barcode = "{barcode}"
value = "{value}"
"""

HL7 = r'''
kind = "hl7"
url = "mllp://127.0.0.1:{port}"
rows = "OBX"
timeout_s = {timeout}
query = """
MSH|^~\\&|MH|T|LIS|H|:mh_time||QRY^R02|:mh_control_id|P|2.4
QRD|:mh_time|R|I|Q1|||1^RD|:barcode|RES|ALL
"""
[probes.one.columns]
barcode = "OBR-3"
value = "OBX-5"
'''


@pytest.fixture(autouse=True)
def english():
    i18n.use("en")


def profile_of(folder, probe, *, more="", mode="real"):
    path = folder / "site.toml"
    path.write_text(HEAD.format(probe=probe, more=more, mode=mode), encoding="utf-8")
    return load_profile(str(path))


def made(profile, environ=None):
    permit = Permit(profile, lambda: None)
    return other_probe(profile, "one", permit, environ or {})


# ---- files


def files(folder, **more):
    given = {"names": "*.csv", "columns": {"barcode": "条码", "value": "结果"}} | more
    return FilesProbe(name="one", role="LIS", folder=folder, **given)


def test_rows_of_exported_tables_are_those_that_were_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text("条码,结果\n620,4.10\n621,5.00\n", encoding="gb18030")
    (tmp_path / "b.csv").write_text("结果,条码\n,620\n", encoding="utf-8-sig")
    (tmp_path / "c.txt").write_text("条码,结果\n620,9\n", encoding="utf-8")
    answer = files(tmp_path).ask({"barcode": "620"})
    assert answer.outcome == "ok"
    assert list(answer.rows) == [
        {"barcode": "620", "value": "4.10"}, {"barcode": "620", "value": None},
    ]  # fmt: skip
    assert list(files(tmp_path).ask({"barcode": "9"}).rows) == []


def test_lines_of_text_are_read_by_a_pattern_and_a_name_tells_whose_they_are(tmp_path):
    (tmp_path / "620.log").write_text("K=4.10\nnoise\nNA=140\n", encoding="utf-8")
    (tmp_path / "621.log").write_text("K=9.99\n", encoding="utf-8")
    probe = files(tmp_path, names=":barcode.log", columns={}, line=r"(?P<item>\w+)=(?P<value>\S+)")
    assert list(probe.ask({"barcode": "620"}).rows) == [
        {"barcode": "620", "item": "K", "value": "4.10"},
        {"barcode": "620", "item": "NA", "value": "140"},
    ]


@pytest.mark.parametrize(("text", "args", "more", "why"), [
    ("条码\n620\n", {"barcode": "620"}, {}, "missing"),
    ("条码,结果\n620,1\n", {"lot": "7"}, {}, "no column of the file is lot"),
    ("条码,结果\n" + "620,1\n" * 4, {"barcode": "620"}, {"rows_max": 3}, "more than 3 rows"),
    ("条码,结果\n", {"barcode": "../620"}, {"names": ":barcode.csv"}, "part of a file name"),
    ("条码,结果\n", {"barcode": "*"}, {"names": ":barcode.csv"}, "part of a file name"),
])  # fmt: skip
def test_what_cannot_be_told_is_no_answer(tmp_path, text, args, more, why):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    answer = files(tmp_path, **more).ask(args)
    assert answer.outcome == "failed"
    assert why in answer.error


def test_a_folder_that_is_not_there_is_no_empty_answer(tmp_path):
    assert files(tmp_path / "no").ask({"barcode": "620"}).outcome == "failed"


def ticking(step_s):
    """A clock that goes on at every look at it."""
    return (step_s * number for number in range(1, 10_000)).__next__


@pytest.mark.parametrize("text", ["条码,结果\n" + "620,1\n" * 50, None])
def test_a_look_into_files_that_takes_too_long_is_given_up_and_is_no_answer(tmp_path, text):
    if text is None:  # many files, each of them short
        for number in range(50):
            (tmp_path / f"{number}.csv").write_text("条码,结果\n", encoding="utf-8")
    else:
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    answer = files(tmp_path, timeout_s=10.0, now=ticking(1.0)).ask({"barcode": "620"})
    assert (answer.outcome, answer.rows) == ("unknown", ())
    assert "longer than 10 s" in answer.error
    assert (
        files(tmp_path, timeout_s=500.0, now=ticking(1.0)).ask({"barcode": "620"}).outcome == "ok"
    )


def test_files_of_a_look_are_not_larger_than_it_may_read(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("条码,结果\n620,1\n", encoding="utf-8")
    size = (tmp_path / "a.csv").stat().st_size
    assert files(tmp_path, bytes_max=2 * size).ask({"barcode": "620"}).outcome == "ok"
    answer = files(tmp_path, bytes_max=2 * size - 1).ask({"barcode": "620"})
    assert answer.outcome == "failed"
    assert "larger than" in answer.error


def test_after_too_many_rows_the_other_files_are_not_read(tmp_path):
    (tmp_path / "a.csv").write_text("条码,结果\n" + "620,1\n" * 4, encoding="utf-8")
    (tmp_path / "b.csv").write_text("not,ours\n", encoding="utf-8")
    assert "more than 3 rows" in files(tmp_path, rows_max=3).ask({"barcode": "620"}).error


def test_the_profile_gives_the_time_of_a_look_into_files(tmp_path):
    probe = 'kind = "files"\nurl = "folder:out"\nquery = "*.csv"\ntimeout_s = 7.0\n'
    probe += '[probes.one.columns]\nbarcode = "x"\n'
    assert made(profile_of(tmp_path, probe)).timeout_s == 7.0


# ---- HTTP


@contextmanager
def web(answers):
    """A service of the standard library; ``answers`` by path."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path, self.headers.get("Authorization")))
            status, kind, body = answers(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


JSON = '{"data": {"items": [{"id": "6/20", "v": {"num": 4.10}}, {"id": "6/20", "v": {"num": 5}}]}}'
XML = '<r xmlns:a="x"><item id="6/20"><v> 4.10 </v></item><item id="6/20"/></r>'


@pytest.mark.parametrize(("body", "rows", "barcode", "value", "seen"), [
    (JSON, "/data/items", "/id", "/v/num", ["4.10", "5"]),
    (XML, "item", "@id", "v", ["4.10", None]),
])  # fmt: skip
def test_rows_of_a_service_are_read_as_they_were_written(
    tmp_path, body, rows, barcode, value, seen
):
    with web(lambda _: (200, "text/plain", body.encode())) as (port, asked):
        text = HTTP.format(port=port, rows=rows, barcode=barcode, value=value)
        text = text.replace('kind = "http"', 'kind = "http"\nheader_env = "KEY"')
        probe = made(profile_of(tmp_path, text), {"KEY": "Authorization: Bearer s3cret"})
        answer = probe.ask({"barcode": "6/20"})
    assert answer.outcome == "ok", answer.error
    assert [row["barcode"] for row in answer.rows] == ["6/20", "6/20"]
    assert [row.get("value") for row in answer.rows] == seen
    assert asked == [("GET", "/api/results?barcode=6%2F20", "Bearer s3cret")]


@pytest.mark.parametrize(("status", "body", "outcome", "why"), [
    (404, b"", "failed", "empty_status"),
    (410, b"", "failed", "410"),
    (204, b"", "ok", ""),
    (500, b"{}", "failed", "500"),
    (200, b"no JSON", "failed", "neither JSON nor XML"),
    (200, b'{"data": {}}', "failed", "nothing at /data/items"),
    (200, b"<!DOCTYPE r><r/>", "failed", "document type"),
    (200, b"<r>", "failed", "XML"),
])  # fmt: skip
def test_a_service_that_has_nothing_is_told_apart_from_one_that_fails(
    tmp_path, status, body, outcome, why
):
    with web(lambda _: (status, "text/plain", body)) as (port, _):
        text = HTTP.format(port=port, rows="/data/items", barcode="/id", value="/v")
        answer = made(profile_of(tmp_path, text)).ask({"barcode": "1"})
    assert (answer.outcome, list(answer.rows)) == (outcome, [])
    assert why in answer.error


@pytest.mark.parametrize(("status", "outcome"), [
    (404, "ok"), (410, "ok"), (400, "failed"), (403, "failed"), (500, "failed"),
])  # fmt: skip
def test_the_profile_says_which_status_means_none(tmp_path, status, outcome):
    with web(lambda _: (status, "text/plain", b"")) as (port, _):
        text = HTTP.format(port=port, rows="/data/items", barcode="/id", value="/v")
        text = text.replace('kind = "http"', 'kind = "http"\nempty_status = [404, 410]')
        answer = made(profile_of(tmp_path, text)).ask({"barcode": "1"})
    assert (answer.outcome, list(answer.rows)) == (outcome, [])


@pytest.mark.parametrize("status", [200, 401, 403, 429, 500])
def test_a_status_that_says_something_else_means_no_rows_nowhere(tmp_path, status):
    text = HTTP.format(port=1, rows="", barcode="/id", value="/v")
    text = text.replace('kind = "http"', f'kind = "http"\nempty_status = [{status}]')
    with pytest.raises(InputErrors, match=str(status)):
        profile_of(tmp_path, text)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def test_nobody_there_is_unknown_and_not_empty(tmp_path):
    text = HTTP.format(port=free_port(), rows="", barcode="/id", value="/v")
    assert made(profile_of(tmp_path, text)).ask({"barcode": "1"}).outcome == "unknown"


def test_a_forbidden_service_is_refused_before_anything_opens(tmp_path):
    with web(lambda _: (200, "text/plain", b"[]")) as (port, asked):
        text = HTTP.format(port=port, rows="", barcode="/id", value="/v")
        more = f'[policy]\nforbidden_addresses = ["127.0.0.1:{port}"]'
        with pytest.raises(InputErrors, match="forbidden by"):
            profile_of(tmp_path, text, more=more)
        # The address of an environment variable is not known before the run.
        text = text.replace(f'url = "http://127.0.0.1:{port}"', 'url_env = "HERE"')
        with pytest.raises(PermitError):
            made(profile_of(tmp_path, text, more=more), {"HERE": f"http://127.0.0.1:{port}"})
    assert asked == []


# ---- HL7


@contextmanager
def mllp(answer):
    """A listener for one message; ``answer`` makes the bytes of its answer."""
    came = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(30)

    def serve():
        with closing(server), closing(server.accept()[0]) as sock:
            sock.settimeout(30)
            data = b""
            while not data.endswith(b"\x1c\r"):
                data += sock.recv(65536)
            came.append(data[1:-2])
            sock.sendall(answer(data[1:-2]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], came
    thread.join(30)


def reply(question, code="AA", about=None, rows="OBR|1||620\rOBX|1|NM|K||4.10\rOBX|2|NM|NA||140\r"):
    control = question.split(b"\r")[0].split(b"|")[9].decode() if about is None else about
    text = f"MSH|^~\\&|LIS|H|MH|T|20260101||ORF^R02|1|P|2.4\rMSA|{code}|{control}|因\r{rows}"
    return b"\x0b" + text.encode("utf-8") + b"\x1c\r"


def test_the_segments_of_an_answer_are_rows(tmp_path):
    with mllp(reply) as (port, came):
        probe = made(profile_of(tmp_path, HL7.format(port=port, timeout=30.0)))
        answer = probe.ask({"barcode": "6|20钾"})
    assert answer.outcome == "ok", answer.error
    assert list(answer.rows) == [
        {"barcode": "620", "value": "4.10"}, {"barcode": "620", "value": "140"},
    ]  # fmt: skip
    lines = came[0].split(b"\r")
    assert lines[0].split(b"|")[8] == b"QRY^R02"
    # The delimiter of an id stands for itself, and the text is what the LIS receives.
    assert lines[1].split(b"|")[8] == "6\\F\\20钾".encode("gb18030")


@pytest.mark.parametrize(("answer", "outcome", "why"), [
    (lambda text: reply(text, rows=""), "ok", ""),
    (lambda text: reply(text, code="AE"), "failed", "MSA-1 AE"),
    (lambda text: reply(text, about="OTHER"), "failed", "another question"),
    (lambda _: b"", "unknown", "no answer"),
])  # fmt: skip
def test_an_answer_to_another_question_is_none(tmp_path, answer, outcome, why):
    with mllp(answer) as (port, _):
        got = made(profile_of(tmp_path, HL7.format(port=port, timeout=30.0))).ask({"barcode": "6"})
    assert (got.outcome, list(got.rows)) == (outcome, [])
    assert why in got.error


@pytest.mark.parametrize("text", [
    "MSH|^~\\&|A|B|C|D|T||ORU^R01|1|P|2.4",
    "MSH|^~\\&|A|B|C|D|T||ADT^A08|1|P|2.4\nQRD|x",
    "QRD|x",
    "MSH|^~\\&|A|B|C|D|T||QRY^R02|1|P|2.4\nMSH|^~\\&|A|B|C|D|T||ORU^R01|2|P|2.4",
    "MSH^~|\\&^A^B^C^D^T^^QRY|R02^1^P^2.4",
    "",
])  # fmt: skip
def test_what_is_no_query_is_never_sent(tmp_path, text):
    with pytest.raises(PermitError):
        check_query(text)


# ---- a person


def asking(board, **more):
    """A probe whose page is the board itself; ``work`` plays the person between two looks."""
    probe = PersonProbe(
        name="one", role="HIS", question="看标本 :barcode 的弹窗", columns={"level": "级别"}, **more
    )
    probe.pose = pose_of(board, "HIS", lambda _: None)
    return probe


def fills(board, **typed):
    def work(_seconds):
        for card in board.cards:
            token = card.form.text.rpartition("token ")[2].rstrip(")")
            card.operator = "张工"
            card.captured.update({"level": "HH", TOKEN: token} | typed)

    return work


def test_what_a_person_saw_is_the_answer_with_a_name_to_it():
    board = Board()
    answer = asking(board, pause=fills(board)).ask({"barcode": "620"})
    assert (answer.outcome, answer.by) == ("ok", "张工")
    assert list(answer.rows) == [{"barcode": "620", "level": "HH"}]
    assert board.cards == []


def test_nothing_to_see_is_no_row_and_nobody_there_is_unknown():
    board = Board()
    assert list(asking(board, pause=fills(board, level="无")).ask({"barcode": "1"}).rows) == []
    times = iter(range(100))
    probe = asking(board, pause=lambda _: None, now=lambda: next(times), wait_s=5.0)
    assert probe.ask({"barcode": "1"}).outcome == "unknown"
    assert board.cards == []
    probe.pose = None
    assert probe.ask({"barcode": "1"}).outcome == "unknown"


def test_what_was_read_for_another_card_is_refused():
    board = Board()
    answer = asking(board, pause=fills(board, **{TOKEN: "0000F"})).ask({"barcode": "620"})
    assert answer.outcome == "failed"
    assert "another question" in answer.error


def test_an_answer_without_a_name_is_refused():
    board = Board()

    def work(seconds):
        fills(board)(seconds)
        for card in board.cards:
            card.operator = ""

    assert asking(board, pause=work).ask({"barcode": "620"}).outcome == "failed"


# ---- what all share


def test_looks_keep_their_distance():
    paused = []
    pace = Pace(4.0, now=lambda: sum(paused), pause=paused.append)
    for _ in range(3):
        pace.wait()
    assert paused == [0.25, 0.25]
    Pace(0.0, pause=paused.append).wait()
    assert len(paused) == 2


def test_a_database_is_asked_no_faster_than_its_pace(tmp_path):
    path, paused = tmp_path / "x.sqlite", []
    sqlite3.connect(path).close()
    pace = Pace(2.0, now=lambda: 0.0, pause=paused.append)
    probe = SqlProbe(name="p", role="LIS", url=str(path), query="SELECT 1 AS one", pace=pace)
    for _ in range(3):
        assert probe.ask({}).outcome == "ok"
    probe.close()
    assert paused == [0.5, 0.5]


def test_a_real_system_has_a_pace_and_one_that_we_run_has_none(tmp_path):
    text = HTTP.format(port=1, rows="", barcode="/id", value="/v")
    assert pace_of(profile_of(tmp_path, text), "one").per_s == 10
    assert pace_of(profile_of(tmp_path, text, mode="simulated"), "one").per_s == 0
    text = text.replace('kind = "http"', 'kind = "http"\nrate_per_s = 0.5')
    assert pace_of(profile_of(tmp_path, text), "one").per_s == 0.5


def test_a_line_of_text_needs_a_named_column(tmp_path):
    """Without one every line would fit, and show nothing."""
    text = 'kind = "files"\nurl = "folder:x"\nquery = "*.log"\nrows = "{rows}"\n'
    profile_of(tmp_path, text.format(rows="(?P<value>x)"))
    for rows in ("x=1", "(?P<value>"):
        with pytest.raises(InputErrors):
            profile_of(tmp_path, text.format(rows=rows))


@pytest.mark.parametrize(("change", "why"), [
    (('owner = "Li, 8001"\n', ""), "needs an owner"),
    (("/api/results", "api/results"), "begins with /"),
    (("http://127.0.0.1:1", "https://127.0.0.1:1"), "tls"),
    (("http://127.0.0.1:1", "mllp://127.0.0.1:1"), "no probe can look into this URL"),
    (("http://127.0.0.1:1", "http://127.0.0.1:1/sub"), "no probe can look into this URL"),
    (("http://127.0.0.1:1", "http://u:p@127.0.0.1:1"), "must not hold a user or a password"),
    (('kind = "http"', 'kind = "http"\ncontrol = "SELECT 1"'), "has no control"),
    (('kind = "http"', 'kind = "files"'), "no probe can look into this URL"),
    (('kind = "http"', 'kind = "hl7"'), "only send a query"),
    (('kind = "http"', 'kind = "person"'), "has no url"),
])  # fmt: skip
def test_a_probe_that_cannot_look_is_refused_with_its_place(tmp_path, change, why):
    text = HTTP.format(port=1, rows="", barcode="/id", value="/v")
    path = tmp_path / "site.toml"
    whole = HEAD.format(probe=text, more="", mode="real")
    assert change[0] in whole
    path.write_text(whole.replace(*change), encoding="utf-8")
    with pytest.raises(InputErrors) as told:
        load_profile(str(path))
    assert any(why in str(one) for one in told.value.problems), told.value.problems
    path.write_text(whole, encoding="utf-8")
    load_profile(str(path))
