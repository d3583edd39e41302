"""Text logs of closed interfaces as evidence: whose answer it is, what is unread, how much is held."""

import json
import random
import subprocess
import sys

import pytest

from harness import i18n
from harness.errors import InputError
from harness.ledger import evidence, evidence_text
from tests.harness.ledger.desk import Desk, rows

slow = pytest.mark.slow


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


NAME, CARD = "测试欧阳", "99990119900307451X"

BRIDGE = r"(?P<time>\S+ \S+) +\w+ +\[(?P<thread>[^\]]*)\] +(?P<way>入参|出参)[:：](?P<body>.*)"
"""A vendor's bridge: pretty-printed JSON below its head, one thread a window."""

DLL = r"\[(?P<time>[^\]]+)\] (?P<way>>>|<<) (?P<infno>\w{4,5})(?P<thread>) (?P<body>.*)"
"""A vendor's DLL: a line each, on one workstation that waits for each answer."""


def ask(msgid, infno="2207", **data):
    return {"infno": infno, "msgid": msgid, "opter_name": "收费员",
            "input": {"data": {"psn_name": NAME, "certno": CARD, **data}}}  # fmt: skip


def told(setl_id="", code=0, error=""):
    setl = {"setl_id": setl_id, "medfee_sumamt": 102.00} if setl_id else {}
    return {"infcode": code, "inf_refmsgid": "430100202603020001", "err_msg": error,
            "output": {"setlinfo": setl}}  # fmt: skip


def bridge(*said):
    """Lines of the bridge; each is second, window, way and value."""
    made = []
    for second, window, way, value in said:
        head = f"2026-03-02 10:00:{second:02d},123 INFO  [收费{window}] {way}:"
        body = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        made.append(f"{head}\n{body}\n")
    return "".join(made)


def dll(*said):
    """Lines of the DLL; each is way, transaction and value."""
    return "".join(
        f"[2026-03-02 10:00:{at:02d}.123] {way} {infno} "
        + (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        + "\r\n"
        for at, (way, infno, value) in enumerate(said)
    )


CODECS = ("utf-8", "gbk", "utf-16", "utf-8-sig")


def calls(desk, text, pattern, codec="utf-8"):
    path = desk.file("his.log", text.encode(codec))
    found = evidence.read([path], evidence_text.pattern_of(pattern))
    return {one.msgid: (one.state, one.setl_id) for one in found}, found


# -- two formats -----------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_pretty_printed_bodies_of_two_windows_that_speak_at_once(desk, codec):
    text = bridge(
        (1, "1", "入参", ask("G00001")), (1, "2", "入参", ask("G00002", mdtrt_id="M2")),
        (2, "2", "出参", told("S00002")), (3, "1", "出参", told("S00001")),
        (4, "1", "入参", ask("G00003")), (5, "1", "入参", ask("G00004")),
        (6, "1", "出参", told(code=-1, error=f"{NAME}已撤销")),
    )  # fmt: skip
    found, log = calls(desk, text, BRIDGE, codec)
    assert found == {
        "G00001": ("success", "S00001"), "G00002": ("success", "S00002"),
        "G00003": ("no_answer", ""), "G00004": ("refused", ""),
    }  # fmt: skip
    assert log.unread == []
    assert [one.at for one in log][:2] == ["2026-03-02 10:00:01,123"] * 2
    assert log[3].error == f"{NAME}已撤销"
    assert log[0].amounts == {"medfee_sumamt": 10200}


@pytest.mark.parametrize("codec", CODECS)
def test_a_line_a_call_of_one_workstation(desk, codec):
    text = "DLL 版本 3.1 已加载\r\n" + dll(
        (">>", "9001", ask("G00000", "9001")), ("<<", "9001", told()),
        (">>", "2207", ask("G00001")), ("<<", "2207", told("S00001")),
        (">>", "2207", ask("G00002")), ("<<", "2207", "连接超时"),
        (">>", "2207", ask("G00003")),
        (">>", "2601", ask("G00004", "2601", omsgid="G00003")), ("<<", "2601", told()),
    )  # fmt: skip
    found, log = calls(desk, text, DLL, codec)
    assert found == {
        "G00000": ("success", ""), "G00001": ("success", "S00001"),
        "G00002": ("unreadable", ""), "G00003": ("no_answer", ""), "G00004": ("success", ""),
    }  # fmt: skip
    (unread,) = log.unread
    assert (unread.lines, unread.nameless, unread.unclear) == (1, 0, 0)


XML = "<?xml version='1.0'?><R><infno>2207</infno><msgid>G00001</msgid><mdtrt_id>M1</mdtrt_id></R>"
ANSWER = "<R><infcode>0</infcode><setl_id>S00001</setl_id><medfee_sumamt>102.00</medfee_sumamt></R>"


@pytest.mark.parametrize(("asked", "answered"), [
    (XML, ANSWER),
    (f"<s:Body><in><![CDATA[{XML}]]></in></s:Body>", f"<s:Body><out><![CDATA[{ANSWER}]]></out></s:Body>"),
    (f"<in>{json.dumps(ask('G00001'), ensure_ascii=False)}</in>", f"<out>{json.dumps(told('S00001'))}</out>"),
    (json.dumps({"request": ask("G00001")}), json.dumps({"response": told("S00001")})),
    (json.dumps({"body": json.dumps(ask("G00001"))}), json.dumps({"body": json.dumps(told("S00001"))})),
    (json.dumps(json.dumps(ask("G00001"))), json.dumps(json.dumps(told("S00001")))),
    (f"send {json.dumps(ask('G00001'))} len=300", f"recv {json.dumps(told('S00001'))} 耗时 20ms"),
])  # fmt: skip
def test_bodies_stand_in_xml_and_in_envelopes_too(desk, asked, answered):
    found, log = calls(desk, dll((">>", "2207", asked), ("<<", "2207", answered)), DLL)
    assert found == {"G00001": ("success", "S00001")}
    assert log.unread == []


def test_both_in_one_record(desk):
    text = f"[2026-03-02 10:00:00] {json.dumps(ask('G00001'))} => {json.dumps(told('S00001'))}\n"
    found, _ = calls(desk, text, r"\[(?P<time>[^\]]+)\] (?P<body>.*)")
    assert found == {"G00001": ("success", "S00001")}


def test_the_head_says_what_the_body_lacks(desk):
    head = r"(?P<time>\S+ \S+) (?P<msgid>G\d+) (?P<infno>\d{4}) (?P<way>请求|应答) (?P<body>.*)"
    data = {"data": {"mdtrt_id": "M1"}}
    text = (f"2026/03/02 10:00:00 G00001 2207 请求 {json.dumps(data)}\n"
            f"2026/03/02 10:00:00 G00002 2207 请求 {json.dumps(data)}\n"
            f"2026/03/02 10:00:01 G00001 2207 应答 {json.dumps(told('S00001'))}\n")  # fmt: skip
    found, log = calls(desk, text, head)
    assert found == {"G00001": ("success", "S00001"), "G00002": ("no_answer", "")}
    assert [one.mdtrt_id for one in log] == ["M1", "M1"]


# -- what is no evidence ---------------------------------------------------------------------------

LOOSE = DLL.replace("(?P<thread>)", "")


def test_an_answer_that_may_be_of_two_calls_is_of_none(desk):
    both = ((">>", "2207", ask("G00001")), (">>", "2207", ask("G00002")),
            ("<<", "2207", told("S00001")))  # fmt: skip
    later = ((">>", "2207", ask("G00003")), ("<<", "2207", told("S00003")))
    found, log = calls(desk, dll(*both, *later), LOOSE)
    assert found == {"G00001": ("unreadable", ""), "G00002": ("unreadable", ""),
                     "G00003": ("success", "S00003")}  # fmt: skip
    (unread,) = log.unread
    assert unread.unclear == 1
    assert "thread" in "".join(unread.told())
    apart = ((">>", "2207", ask("G00001")), (">>", "2204", ask("G00002", "2204")),
             ("<<", "2204", told("S2")), ("<<", "2207", told("S1")))  # fmt: skip
    found, log = calls(desk, dll(*apart), LOOSE)
    assert found == {"G00001": ("success", "S1"), "G00002": ("success", "S2")}
    assert log.unread == []


@pytest.mark.parametrize("names", [("yb.1.log", "yb.log"), ("yb.log", "yb.log.1")])
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_call_at_the_end_of_a_file_may_have_its_answer_in_the_next(desk, names, goes_on):
    folder = desk.folder / "logs"
    folder.mkdir()
    rest = [("<<", "2207", told("S00002"))] if goes_on else []
    files = [
        dll((">>", "2207", ask("G00001")), (">>", "2207", ask("G00002"))),
        dll(*rest, (">>", "2207", ask("G00003"))),
    ]
    for name, text in zip(names, files, strict=True):
        (folder / name).write_text(text, encoding="gbk")
    found = evidence.read([folder], evidence_text.pattern_of(DLL))
    assert {one.msgid: one.state for one in found} == {
        "G00001": "no_answer", "G00002": "unreadable" if goes_on else "no_answer",
        "G00003": "no_answer",
    }  # fmt: skip


def test_a_broken_call_keeps_its_name_and_its_answer_is_not_anothers(desk):
    cut = json.dumps(ask("G00002"), ensure_ascii=False)[:60]
    nameless = json.dumps({"input": {"data": {"mdtrt_id": "M9"}}})
    text = dll((">>", "2207", ask("G00001")), (">>", "2207", cut), ("<<", "2207", told("S00002")),
               (">>", "2207", nameless), ("<<", "2207", told("S00009")))  # fmt: skip
    found, log = calls(desk, text, DLL)
    assert found == {"G00001": ("no_answer", ""), "G00002": ("success", "S00002")}
    (unread,) = log.unread
    assert (unread.lines, unread.nameless) == (1, 1)


def test_what_is_shown_of_a_broken_line_names_nobody(desk):
    cut = json.dumps(ask("G00002", tel="13900000017"), ensure_ascii=False)[:-9]
    _, log = calls(desk, dll((">>", "2207", ask("G00001")), (">>", "2207", cut)), DLL, "gbk")
    ((number, text),) = log.unread[0].shown
    assert number == 2
    assert "G00002" in text
    assert not any(one in text for one in (NAME, CARD, "13900000017"))


def test_many_broken_lines_are_counted_and_a_few_are_shown(desk):
    broken = [(">>", "2207", '{"infno": "2207", "msg')] * 40
    _, log = calls(desk, dll((">>", "2207", ask("G00001")), *broken), DLL)
    assert log.unread[0].lines == 40
    assert len(log.unread[0].shown) == evidence_text.SHOWN_MAX
    assert len(list(log.unread[0].told())) == evidence_text.SHOWN_MAX + 2


def test_broken_lines_of_json_are_counted_too(desk):
    lines = [json.dumps(ask("G00001")), "{", json.dumps({"msgid": "G00001"}), "", "nonsense"]
    log = evidence.read([desk.file("a.jsonl", "\n".join(lines))])
    assert log.unread[0].lines == 2
    assert log.result() == {
        "log_unread": [{"file": "a.jsonl", "lines": 2, "no_msgid": 0, "unclear": 0}]
    }


def test_chinese_of_json_lines_in_gbk_is_read(desk):
    line = {**ask("G00001"), "response": told(code=-1, error="该结算已撤销")}
    path = desk.file("a.jsonl", json.dumps(line, ensure_ascii=False).encode("gbk"))
    assert evidence.read([path])[0].error == "该结算已撤销"


@pytest.mark.parametrize(("pattern", "why"), [
    ("(?P<body>", "no regular expression"), (r"\[(?P<time>.*)\]", "groups of the pattern"),
    (r"(?P<body>.*)(?P<name>x)", "groups of the pattern"), ("@nowhere.txt", "cannot be read"),
])  # fmt: skip
def test_a_pattern_that_cannot_be_used_is_refused(pattern, why):
    with pytest.raises(InputError, match=why):
        evidence_text.pattern_of(pattern)


def test_a_pattern_may_stand_in_a_file(desk):
    path = desk.file("his-log.txt", f"\ufeff\n{DLL}\n")
    assert evidence_text.pattern_of(f"@{path}").pattern == DLL


@pytest.mark.parametrize("pattern", [None, BRIDGE])
def test_a_log_in_which_nothing_is_found_is_an_error(desk, pattern):
    path = desk.file("his.log", dll((">>", "2207", ask("G00001"))))
    with pytest.raises(InputError) as caught:
        evidence.read([path], pattern and evidence_text.pattern_of(pattern))
    assert "pattern" in caught.value.remedy
    assert NAME not in str(caught.value)


@pytest.mark.parametrize("pattern", [DLL, BRIDGE])
def test_any_bytes_give_calls_or_an_error(desk, pattern):
    whole = dll((">>", "2207", ask("G1")), ("<<", "2207", told("S1"))).encode("gbk")
    found = evidence_text.pattern_of(pattern)
    for seed in range(60):
        draw = random.Random(seed)
        raw = bytearray(whole)
        for _ in range(draw.randrange(1, 12)):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
        try:
            log = evidence.read([desk.file("x.log", bytes(raw[: draw.randrange(len(raw))]))], found)
        except InputError:
            continue
        assert {one.state for one in log} <= set(evidence.STATES)


def test_json_without_end_is_a_line_that_cannot_be_read(desk):
    deep = '{"a":' * 200_000
    for said in (deep, json.dumps({"body": deep}), f"<in>{deep}</in>"):
        _, log = calls(desk, dll((">>", "2207", ask("G00001")), (">>", "2207", said)), DLL)
        assert [one.msgid for one in log] == ["G00001"]
        assert log.unread[0].lines + log.unread[0].nameless >= 1
    log = evidence.read([desk.file("a.jsonl", json.dumps(ask("G00001")) + f"\n{deep}\n")])
    assert log.unread[0].lines == 1


# -- the command -----------------------------------------------------------------------------------

CAUSES = {
    "answer_lost": [(">>", "2207", ask("G00002", mdtrt_id="M2"))],
    "his_rollback": [(">>", "2207", ask("G00002", mdtrt_id="M2")), ("<<", "2207", told("S00002"))],
    "answer_unreadable": [(">>", "2207", ask("G00002")), ("<<", "2207", "<html>502 Bad Gateway")],
    "answered_refused_but_settled": [
        (">>", "2207", ask("G00002")), ("<<", "2207", told(code=-1, error="系统繁忙"))],
}  # fmt: skip


@slow
@pytest.mark.parametrize("cause", CAUSES)
def test_the_log_of_a_closed_dll_names_the_cause(desk, cause):
    path = desk.file("yb.log", dll(*CAUSES[cause]).encode("gbk"))
    more = ("--log", path, "--log-pattern", DLL)
    assert desk.run(rows(0, 1), rows(0, 1, 2), *more) == 1
    (found,) = (one for one in desk.verdicts() if one["class"] == "centre_only")
    assert found["cause"] == cause


@slow
def test_the_command_shows_what_it_could_not_read(desk):
    broken = f'{{"psn_name": "{NAME}", "cer'
    said = dll((">>", "2207", ask("G00002")), (">>", "2207", broken))
    path = desk.file("yb.log", said.encode("gbk"))
    assert desk.run(rows(0, 1), rows(0, 1, 2), "--log", path, "--log-pattern", DLL) == 1
    assert desk.totals["log_unread"] == [
        {"file": "yb.log", "lines": 1, "no_msgid": 1, "unclear": 0}
    ]
    assert desk.run(rows(0), rows(0), "--log", path) == 2
    assert desk.run(rows(0), rows(0), "--log", path, "--log-pattern", "(") == 2


BIG = """
import resource, sys
from harness.ledger import evidence, evidence_text
from pathlib import Path
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
log = evidence.read([Path(sys.argv[1])], evidence_text.pattern_of(sys.argv[2]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(log), sum(one.state == "success" for one in log), (after - before) // 1024)
"""


@slow
@pytest.mark.untraced
@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module")
def test_a_log_of_200_mb_and_more_is_read_in_bounded_memory(tmp_path):
    """Details of long stays make a log large; a line without end is read as far as it is held."""
    fees = [{"feedetl_sn": f"{n:08d}", "medins_list_name": "测试药品", "cnt": 1} for n in range(90)]
    path = tmp_path / "big.log"
    mib = 1024 * 1024
    size, count = 0, 0
    with path.open("wb") as stream:
        while size < 100 * mib:
            said = dll((">>", "2204", ask(f"G{count:08d}", "2204", feedetail=fees)),
                       ("<<", "2204", told(f"S{count:08d}")))  # fmt: skip
            size += stream.write(said.encode("gbk"))
            count += 1
        stream.write(b"[2026-03-02 10:00:00] >> 2204 {")
        stream.writelines(b"x" * mib for _ in range(100))
        stream.write(b"\r\n[2026-03-02 10:00:00] >> 2207 {\r\n")
        stream.writelines(b"y" * 1022 + b"\r\n" for _ in range(100 * 1024))
    words = [sys.executable, "-c", BIG, str(path), DLL]
    done = subprocess.run(words, capture_output=True, check=True, timeout=400)
    found, good, grown_mib = map(int, done.stdout.split())
    assert (found, good) == (count, count)
    assert grown_mib < 80
