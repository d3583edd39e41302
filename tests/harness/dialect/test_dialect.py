"""A dialect learned from traffic that is typed here, corrected as text, and traffic checked by it."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import i18n
from harness.dialect.check import check
from harness.dialect.command import run_check, run_learn
from harness.dialect.profile import profile_of
from harness.dialect.profile_file import read_profile, write_profile
from harness.dialect.reading import cut
from harness.dialect.sources import journals, messages
from harness.dialect.stats import Learner, shape
from harness.errors import InputError
from harness.evidence.line import pack


@pytest.fixture(autouse=True)
def _english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


def adt(number=1, *, event="A01", charset="GBK", codec="gbk", app="HIS", signs="^~\\&", pid=None,
        more="", version="2.4"):  # fmt: skip
    """One admission as a Chinese HIS writes it, PID-38 being the fee category."""
    ids = f"P{number:06d}^^^^PatientNO~{1101011990 * 10**8 + number:018d}^^^^IdentifyNO"
    fee = ("1^自费", "2^医保")[number % 2]
    own = pid or f"PID|1|P{number:06d}|{ids}||测试{number}||19900101|M{'|' * 30}{fee}"
    text = (
        f"MSH|{signs}|{app}|HOST1|LIS||20260105||ADT^{event}|C{number}|P|{version}|||AL|AL|CHN|"
        f"{charset}\rEVN|{event}|20260105\r{own}\rPV1|1|I|W{number % 3}^^1\r{more}"
    )
    return text.encode(codec)


def learned(*payloads):
    learner = Learner()
    for payload in payloads:
        learner.add(cut(payload))
    return profile_of(learner)


PROFILE = learned(*(adt(number) for number in range(60)))
RULE = PROFILE.dialects["HIS|HOST1", "ADT^A01"]


def found(*payloads, profile=PROFILE):
    checker = check(profile, (cut(one) for one in payloads))
    return [(one.severity, one.code, one.place, one.actual) for one in checker.findings()]


# -- learning --------------------------------------------------------------------------------------


def test_what_a_sender_writes_is_learned():
    assert RULE.seen == 60
    assert (RULE.declared, RULE.written) == (("GBK",), ("gbk",))
    assert (RULE.delimiters, RULE.line_ends, RULE.versions) == (("|^~\\&",), ("CR",), ("2.4",))
    assert RULE.id_types == {"IdentifyNO": 1.0, "PatientNO": 1.0}
    assert RULE.fee == ("PID-38.2",)
    pid = RULE.segments["PID"]
    assert (pid.share, pid.most, pid.follows) == (1.0, 1, ("EVN",))
    assert (pid.fields[3].fill, pid.fields[3].repeats) == (1.0, 2)
    assert pid.parts["38.2"].codes == ("医保", "自费")
    assert RULE.segments["PV1"].parts["3.1"].codes == ("W0", "W1", "W2")


def test_values_of_people_are_not_in_the_profile(tmp_path):
    write_profile(tmp_path / "site.toml", learned(*[adt(7)] * 60))

    text = (tmp_path / "site.toml").read_text(encoding="utf-8")

    for private in ("P000007", "测试7", "19900101", "1101011990"):
        assert private not in text
    assert '"PatientNO"' in text


def test_a_profile_is_read_back_as_it_was_written(tmp_path):
    write_profile(tmp_path / "site.toml", PROFILE)

    assert read_profile(tmp_path / "site.toml") == PROFILE


def test_a_person_corrects_the_profile(tmp_path):
    path = tmp_path / "site.toml"
    write_profile(path, PROFILE)
    text = path.read_text(encoding="utf-8")
    line = next(one for one in text.splitlines() if 'at = "38.2"' in one)
    wider = line.replace('"医保"', '"医保", "公费"')
    path.write_text(text.replace(line, wider), encoding="utf-8")
    new = adt(4).replace("自费".encode("gbk"), "公费".encode("gbk"))

    assert ("warning", "dialect.code-new", "PID-38.2", "公费") in found(new)
    assert found(new, profile=read_profile(path)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("format = 1", "format = 9", "format"),
        ('sender = "HIS|HOST1"', 'centre = "HIS"', "centre"),
        ('follows = ["EVN"]', "follows = 7", "follows"),
        ("seen = 60", "seen = ", "site.toml"),
        ("share = 1.0", "", "share"),
    ],
)
def test_a_profile_with_a_mistake_is_refused(tmp_path, old, new, problem):
    path = tmp_path / "site.toml"
    write_profile(path, PROFILE)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(InputError, match=problem):
        read_profile(path)


@pytest.mark.parametrize(
    ("text", "form"), [("P2026010", "A9(7)"), ("张三", "中(2)"), ("a-1", "a-9"), ("", "")]
)
def test_shapes(text, form):
    assert shape(text) == form


# -- checking --------------------------------------------------------------------------------------


def test_the_same_dialect_is_silent():
    assert found(*(adt(number) for number in range(10, 90))) == []


GONE = "PID|1|P000001|P000001^^^^PatientNO||测试||19900101|M" + "|" * 30 + "1^自费"
"""Without IdentifyNO."""


@pytest.mark.parametrize(
    ("payload", "finding"),
    [
        (adt(app="HRP"), ("warning", "dialect.sender-new", "", "ADT^A01")),
        (adt(event="A08"), ("warning", "dialect.type-new", "", "ADT^A08")),
        (adt(charset="UTF-8"), ("error", "dialect.charset-declared", "MSH-18", "UTF-8")),
        (adt(codec="utf-8"), ("error", "dialect.charset-differs", "MSH-18", "utf-8")),
        (adt(signs="^~\\&#"), ("error", "dialect.delimiters", "MSH-2", "|^~\\&#")),
        (adt(version="2.5.1"), ("error", "dialect.version", "MSH-12", "2.5.1")),
        (adt().replace(b"\r", b"\r\n"), ("error", "dialect.line-end", "", "CRLF")),
        (adt(pid=GONE), ("error", "dialect.identifier-gone", "PID-3.5", "")),
        (adt(pid=GONE.replace("PatientNO", "Card_No")),
         ("warning", "dialect.identifier-new", "PID-3.5", "Card_No")),
        (adt(more="IN1|1\r"), ("warning", "dialect.segment-new", "IN1", "IN1")),
        (adt(more="PV1|2\r"), ("warning", "dialect.segment-repeats", "PV1", "2")),
        (adt().replace(b"PV1|1|I|W1^^1\r", b""), ("error", "dialect.segment-gone", "PV1", "")),
        (adt().replace(b"|M|", b"||"), ("error", "dialect.field-gone", "PID-8", "")),
        (adt().replace(b"|M|", b"|M~F|"), ("warning", "dialect.repetitions", "PID-8", "2")),
        (adt().replace(b"|M|", b'|""|'), ("warning", "dialect.null-new", "PID-8", '""')),
        (adt().replace(b"|M|", b"|M|x|"), ("warning", "dialect.field-new", "PID-9", "a")),
        (adt().replace(b"|M|", b"|M^x|"), ("warning", "dialect.component-new", "PID-8.2", "x")),
        (adt().replace(b"|M|", b"|1|"), ("warning", "dialect.code-new", "PID-8.1", "1")),
        (adt().replace(b"|P000001|", b"|p000001|"),
         ("note", "dialect.shape-new", "PID-2.1", "a9(6)")),
        (adt().replace(b"W1", b"W\\T\\"), ("note", "dialect.escape-new", "", "T")),
        (adt().replace(b"|P000001|", b"|P000\\01|"), ("note", "dialect.escape-new", "", "lone")),
    ],
)  # fmt: skip
def test_what_is_otherwise_is_found_with_its_severity(payload, finding):
    assert finding in found(payload)


def test_another_order_is_found():
    evn, pv1 = b"EVN|A01|20260105\r", b"PV1|1|I|W1^^1\r"
    turned = adt().replace(pv1, b"").replace(evn, evn + pv1)

    assert ("warning", "dialect.order", "PID", "PV1") in found(turned)


def test_a_longer_value_is_found():
    longer = adt().replace(b"|P000001|", b"|P0000001|")

    assert ("warning", "dialect.longer", "PID-2.1", "8") in found(longer)


def test_a_field_that_is_filled_less_often_is_found():
    def some(number, rate):
        phone = "13900000000" if number % 10 < rate else ""
        pid = f"PID|1|P{number:06d}|P^^^^PatientNO||测试||19900101|M|||||{phone}"
        return adt(number, pid=pid)

    profile = learned(*(some(number, 9) for number in range(100)))

    assert found(*(some(number, 8) for number in range(100)), profile=profile) == []
    told = found(*(some(number, 3) for number in range(100)), profile=profile)
    assert told == [("warning", "dialect.field-rarer", "PID-13", "0.300")]


def test_few_messages_make_no_error():
    profile = learned(*(adt(number) for number in range(3)))

    assert {one[0] for one in found(adt().replace(b"|M|", b"||"), profile=profile)} == {"warning"}


def test_findings_count_and_name_an_example():
    checker = check(PROFILE, (cut(adt(n).replace(b"|M|", b"||")) for n in (7, 8, 9)))

    [gone] = [one for one in checker.findings() if one.code == "dialect.field-gone"]
    assert (gone.count, gone.example) == (3, "C7")


@given(st.binary(max_size=200))
def test_any_bytes_are_counted_and_never_raise(data):
    for payload in (data, b"MSH" + data, adt()[:60] + data):
        learner = Learner()
        learner.add(cut(payload))
        assert learner.messages + learner.unreadable == 1
        check(PROFILE, [cut(payload)]).findings()


# -- traffic ---------------------------------------------------------------------------------------


RECORD = {
    "n": 1, "t": 0.0, "w": "2026-01-05T08:00:00.000+08:00", "kind": "message", "link": "l",
    "interface": "I", "conn": "l#1", "frm": "HIS", "to": "LIS", "protocol": "hl7",
    "type": "ADT^A01", "id": "",
}  # fmt: skip


def test_messages_out_of_every_kind_of_file(tmp_path):
    one, two = adt(1), adt(2)
    (tmp_path / "a.hl7").write_bytes(b"log\r\n" + one + two)
    (tmp_path / "b.bin").write_bytes(b"\x0b" + one + b"\x1c\r\x0b" + two + b"\x1c\r")
    (tmp_path / "c.txt").write_bytes(
        b"FHS|^~\\&\rBHS|^~\\&\r" + one + b"BTS|1\rBHS|^~\\&\r" + two + b"BTS|1\rFTS|2\r"
    )
    record = RECORD | {"raw": pack(one)}
    lines = [record, record | {"kind": "bytes"}, record | {"protocol": "astm"}, record]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (tmp_path / "d.jsonl").write_text(text + text[:-20], encoding="utf-8")
    for name, wanted in {"a.hl7": 2, "b.bin": 2, "c.txt": 2, "d.jsonl": 3}.items():
        got = list(messages([tmp_path / name]))
        assert len(got) == wanted, name
        assert set(got) <= {one, two}
    assert len(list(messages([tmp_path]))) == 9


@pytest.mark.parametrize(
    "edit", [(b'"raw":"', b'"raw":"='), (b'"frm":"HIS"', b'"frm":["HIS"]'), (b'"t":', b'"t"=')]
)
def test_an_edited_record_of_a_trace_is_an_error_with_its_line(tmp_path, edit):
    path = tmp_path / "d.jsonl"
    line = json.dumps(RECORD | {"raw": pack(adt(1))}, separators=(",", ":")).encode() + b"\n"
    path.write_bytes(line + line.replace(*edit))

    with pytest.raises(InputError, match="line 2 is not a record of a trace"):
        list(messages([path]))
    with pytest.raises(InputError, match=r"d\.jsonl:2"):
        list(next(journals([path])))


def test_a_message_over_the_edge_of_a_piece_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.dialect.sources.CHUNK_BYTES", 37)
    payloads = [adt(number) for number in range(9)]
    (tmp_path / "a.hl7").write_bytes(b"".join(payloads))

    assert list(messages([tmp_path / "a.hl7"])) == payloads


def test_commands(tmp_path, capsys):
    traffic, site = tmp_path / "a.hl7", tmp_path / "site.toml"
    traffic.write_bytes(b"".join(adt(number) for number in range(60)))

    assert run_learn([str(traffic)], str(site), as_json=True) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["messages"] == 60
    assert run_check(str(site), [str(traffic)]) == 0
    traffic.write_bytes(adt(1).replace(b"|M|", b"||"))
    assert run_check(str(site), [str(traffic)], as_json=True) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["counts"]["error"] == 1
    traffic.write_bytes(b"nothing")
    assert run_check(str(site), [str(traffic)]) == 3
    with pytest.raises(InputError, match="no HL7 message"):
        run_learn([str(traffic)], str(site))
    with pytest.raises(InputError, match="no recorded traffic"):
        run_learn([], str(site))
    with pytest.raises(InputError, match="absent"):
        run_learn([str(tmp_path / "absent")], str(site))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_traffic():
    learner = Learner()
    for number in range(4_000):
        learner.add(cut(adt(number)))
    tracemalloc.start()
    for number in range(4_000, 8_000):
        learner.add(cut(adt(number)))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert grown < 500_000


def test_dates_are_no_code_set():
    same_day = learned(*(adt(number) for number in range(60)))
    rule = same_day.dialects["HIS|HOST1", "ADT^A01"]

    assert rule.segments["MSH"].parts["7.1"].codes == ()
    assert rule.segments["MSH"].parts["7.1"].shapes == ("9(8)",)
    tomorrow = adt().replace(b"20260105", b"20260106")
    assert found(tomorrow, profile=same_day) == []
