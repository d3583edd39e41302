"""One matter is taken whole, the others stay, and what could not be taken is said."""

from __future__ import annotations

import json
import random
import tomllib

import pytest

from harness.cases import bundle
from harness.cli import main
from tests.harness.captures import wires
from tests.harness.cases import ward


def framed(data: bytes) -> bytes:
    return b"\x0b" + data + b"\x1c\r"


def answer(control: str) -> bytes:
    return (
        f"MSH|^~\\&|HIS|H|LIS|LAB|20260105083001||ACK|9{control}|P|2.4\rMSA|AA|{control}\r".encode()
    )


@pytest.fixture
def site(tmp_path):
    """Two patients over one HL7 connection, an analyzer, and a settlement; as a sniffer saw it."""
    chance = random.Random(5)
    one, other = ward.somebody(chance), ward.somebody(chance)
    lis, his = ("10.1.1.1", 40001), ("10.1.1.2", 6661)
    packets = wires.talk(framed(ward.report(one, control="M1")), framed(ward.report(other, control="M2")),
                         source=lis, target=his)  # fmt: skip
    packets += wires.talk(framed(answer("M1")), framed(answer("M2")), source=his, target=lis)
    body = ward.settlement(one)
    request = b"POST /api HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    packets += wires.talk(request, source=("10.1.1.2", 50000), target=("10.9.9.9", 80))
    path = tmp_path / "site.pcap"
    path.write_bytes(wires.pcap([wires.ethernet(each) for each in packets]))
    return path, one, other


def taken(tmp_path, site, about, *words):
    out = tmp_path / "case"
    code = main(
        ["case", "take", str(site), "--about", about, "--out", str(out), "--lang", "en", *words]
    )
    assert code == 0
    lines = (out / "timeline.jsonl").read_text("utf-8").splitlines()
    return out, [json.loads(line) for line in lines]


def test_a_matter_is_taken_over_all_channels_with_its_answers(tmp_path, site, capsys):
    path, one, _ = site

    out, lines = taken(
        tmp_path, path, one.barcode, "--symptom", "结果没有到达", "--system", "LIS=8.2"
    )

    assert [(line["protocol"], line["type"]) for line in lines] == [
        ("hl7", "ORU^R01"), ("hl7", "ACK"),
    ]  # fmt: skip
    manifest = tomllib.loads((out / "manifest.toml").read_text("utf-8"))
    assert manifest["symptom"] == "结果没有到达"
    assert manifest["systems"] == {"LIS": "8.2"}
    assert manifest["not_matched"] == 2
    assert manifest["reproduced"] is False
    assert lines[0]["frm"].startswith("host-1:")
    assert "2 messages of 5 taken, 2 near them not matched" in capsys.readouterr().out


def test_a_person_is_taken_over_all_channels_and_nobody_is_left_in_it(tmp_path, site):
    path, one, other = site

    out, lines = taken(tmp_path, path, one.number)

    assert {line["protocol"] for line in lines} == {"hl7", "http"}
    whole = b"\n".join(each.read_bytes() for each in sorted(out.rglob("*")) if each.is_file())
    for text in (*one.originals, *other.originals, "10.1.1.1", "10.9.9.9", "site.pcap"):
        for codec in ("utf-8", "gb18030"):
            assert text.encode(codec) not in whole, text
    first = (out / lines[0]["file"]).read_bytes()
    assert lines[0]["corr"]["barcode"].encode() in first


def test_a_name_finds_its_matter_too(tmp_path, site):
    path, one, _ = site
    _, lines = taken(tmp_path, path, one.name)
    assert {line["protocol"] for line in lines} >= {"hl7", "http"}


def test_a_trace_is_a_recording(tmp_path):
    folder = tmp_path / "run"
    scenario = "scenarios/lab/upload.feature:8"
    assert main(["run", "--profile", "memory", "--out", str(folder), scenario, "--seed", "3"]) == 0
    (path,) = (folder / "traces").glob("*.jsonl")
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    barcode = next(one["corr"]["barcode"] for one in records if one.get("corr", {}).get("barcode"))

    out, lines = taken(tmp_path, path, barcode)

    assert {line["protocol"] for line in lines} >= {"astm"}
    assert barcode.encode() not in b"".join(one.read_bytes() for one in out.rglob("*.astm"))


def test_one_leak_and_nothing_is_written(tmp_path, site, monkeypatch, capsys):
    path, one, _ = site
    real = bundle.deidentify

    def forgetful(pieces, *rest):
        done = real(pieces, *rest)
        done.payloads[0] += one.name.encode("gb18030").hex().encode()
        return done

    monkeypatch.setattr(bundle, "deidentify", forgetful)
    out = tmp_path / "case"

    code = main(
        ["case", "take", str(path), "--about", one.barcode, "--out", str(out), "--lang", "en"]
    )

    shown = capsys.readouterr().err
    assert code == 2
    assert "messages/0001.hl7" in shown
    assert "gb18030 in hex" in shown
    assert one.name not in shown
    assert list(tmp_path.glob("case*")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--about", "nothing such"], "no message about this"),
        (["--about", " "], "what is the case about"),
        (["--about", "x", "--key-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE is not set"),
        (["--about", "x", "--system", "LIS"], "needs its version"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, site, capsys, words, said):
    code = main(
        ["case", "take", str(site[0]), "--out", str(tmp_path / "case"), "--lang", "en", *words]
    )

    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize(
    "text", ["format = 2", "format = 1\n[hl7]\nnames = 'PID-5'", "format = 1\n[fax]\n", "nonsense"]
)
def test_a_list_of_places_that_is_none(tmp_path, site, capsys, text):
    places = tmp_path / "places.toml"
    places.write_text(text, "utf-8")

    code = main(["case", "take", str(site[0]), "--about", "x", "--out", str(tmp_path / "case"),
                 "--identity", str(places), "--lang", "en"])  # fmt: skip

    assert code == 2
    assert "places.toml" in capsys.readouterr().err


def test_a_site_adds_its_own_places(tmp_path, site):
    text = b"MSH|^~\\&|A|B|C|D|20260105||ADT^A08|1|P|2.4\rPID|1||77001234||X\rZPI|1|\xc5\xb7\xd1\xf4\xd5\xf0\r"
    path = tmp_path / "site.bin"
    path.write_bytes(framed(text))
    places = tmp_path / "places.toml"
    places.write_text('format = 1\n[hl7]\nnames = ["ZPI-2"]\n', "utf-8")

    out, (line,) = taken(tmp_path, path, "77001234", "--identity", str(places))

    data = (out / line["file"]).read_bytes()
    assert b"\xc5\xb7\xd1\xf4\xd5\xf0" not in data
    assert len(data) == len(text)


def test_roles_and_faults_are_written_with_the_pseudonyms_of_the_case(tmp_path, site):
    path, one, _ = site

    out, lines = taken(tmp_path, path, one.barcode, "--end", "10.1.1.1=LIS", "--end", "10.1.1.2:6661=HIS",
                       "--fault", f"LIS ORU^R01 PID-5 = {one.name}")  # fmt: skip

    assert (lines[0]["frm"], lines[0]["to"]) == ("LIS", "HIS")
    manifest = tomllib.loads((out / "manifest.toml").read_text("utf-8"))
    name = manifest["faults"][0].rpartition("= ")[2]
    assert name != one.name
    assert len(name) == len(one.name)
    assert name.encode("gb18030") in (out / lines[0]["file"]).read_bytes()
    assert len(manifest["persons"]) >= 3


@pytest.mark.parametrize(
    "words", [("--end", "10.1.1.1"), ("--end", "=LIS"), ("--fault", "wrong"), ("--system", "LIS")]
)
def test_what_cannot_be_meant_is_refused(tmp_path, site, words):
    path, one, _ = site
    whole = [
        "deidentify",
        str(path),
        "--about",
        one.barcode,
        "--out",
        str(tmp_path / "case"),
        *words,
    ]

    assert main(whole) == 2
    assert not (tmp_path / "case").exists()


def test_a_control_id_that_comes_again_another_day_is_another_message():
    from harness.cases.recorded import Recorded
    from harness.cases.take import take

    def message(at_s, barcode):
        return Recorded(source="", at_s=at_s, frm="analyzer", to="LIS", protocol="astm", kind="r",
                        ident="M0001", corr={"barcode": barcode}, payload=barcode.encode())  # fmt: skip

    day, next_day = message(1000.0, "B1000001"), message(90_000.0, "B2000002")

    assert take([day, next_day], "B1000001").messages == [day]
    assert take([day, message(1030.0, "B2000002")], "B1000001").near == []


# ---- a time window


MORNING = 1767571200.0  # 2026-01-05 08:00:00 in China


def of(at_s, barcode, control="M1", frm="analyzer"):
    from harness.cases.recorded import Recorded

    return Recorded(source="", at_s=at_s, frm=frm, to="LIS", protocol="astm", kind="r",
                    ident=control, corr={"barcode": barcode}, payload=barcode.encode())  # fmt: skip


def test_a_window_takes_what_lies_in_it_and_lists_what_stands_around_it():
    from harness.cases.take import take
    from harness.cases.window import told, window

    day = [of(MORNING + 10 * n, f"B{n}", f"M{n}") for n in range(10)] + [of(0.0, "B99", "M99")]
    within = window("2026-01-05T08:00:20", "2026-01-05 00:01:00+00:00")
    found = take(day, "", within)

    assert found.messages == day[2:7]
    assert found.near == [*day[:2], *day[7:10]]
    assert next(iter(told(found.near))) == "2026-01-05 08:00:00 analyzer > LIS astm r"
    assert take(day, "", window("2026-01-05", "2026-01-05")).messages == day[:10]
    assert take(day, "", window("2026-01-06", "")).messages == []


def test_a_window_narrows_a_matter_and_lists_the_rest_of_it():
    from harness.cases.take import take
    from harness.cases.window import window

    one, again, late = (
        of(MORNING, "B1"),
        of(MORNING + 5, "B1", "M2"),
        of(MORNING + 9000, "B1", "M3"),
    )
    other = of(MORNING + 6, "B2", "M4")
    found = take([one, again, other, late], "B1", window("2026-01-05T08:00:00", "2026-01-05T09:00"))

    assert found.messages == [one, again]
    assert found.near == [other, late]
    assert take([one, again, other, late], "B1").messages == [one, again, late]


def test_a_window_as_an_option(tmp_path, site, capsys):
    path, _, _ = site
    whole = ["case", "take", str(path), "--out", str(tmp_path / "case"), "--lang", "en"]

    for words, said in (
        ((), "--about, --from, --to"),
        (("--from", "noon"), "--from 2026"),
        (("--from", "2026-01-06", "--to", "2026-01-05"), "ends before"),
        (("--from", "1999-01-01", "--to", "1999-01-02"), "no message"),
    ):
        assert main([*whole, *words]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "case").exists()

    assert main([*whole, "--from", "2000-01-01", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert sum(told["manifest"]["messages"].values()) > 1
    assert told["not_matched"] == []
