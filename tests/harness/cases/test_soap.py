"""Nobody is left in XML over HTTP, however it is wrapped, and a case of it is played."""

from __future__ import annotations

import base64
import html
import json
import random

import pytest

from harness.cases import faults, places_xml, soap
from harness.cases.deidentify import Piece, deidentify
from harness.cases.identity import load as places
from harness.cases.leaks import scan
from harness.cases.player import Heard
from harness.cases.pseudonyms import Pseudonyms
from harness.cases.recording import about_of
from harness.cli import main
from tests.harness.captures import wires
from tests.harness.cases import ward

WHO = ward.somebody(random.Random(9))
JSON = ward.settlement(WHO).decode()


def envelope(inside: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<soapenv:Header/><soapenv:Body><ns:SettleAccount>{inside}</ns:SettleAccount></soapenv:Body></soapenv:Envelope>"
    )


def elements() -> str:
    return (
        f"<psn_no>{WHO.number}</psn_no><ns:psn_name type='full'> {WHO.name} </ns:psn_name><sfzh>{WHO.card}</sfzh>"
        f'<visit mdtrt_id="{WHO.visit}" tel="{WHO.phone}"/><addr><![CDATA[{WHO.address}]]></addr><amt>171239.20</amt>'
    )


WAYS = {
    "elements": envelope(elements()),
    "json in an element": envelope(f"<in>{html.escape(JSON)}</in>"),
    "json in cdata": envelope(f"<in><![CDATA[{JSON}]]></in>"),
    "xml in an element": envelope(f"<in>{html.escape(elements())}</in>"),
    "xml twice inside": envelope(f"<in>{html.escape(html.escape(elements()))}</in>"),
    "references": envelope(elements().replace(WHO.name, "".join(f"&#{ord(one)};" for one in WHO.name))),
    "hex references": envelope(elements().replace(WHO.name, "".join(f"&#x{ord(one):X};" for one in WHO.name))),
    "cut off": envelope(elements())[:330],
    "xml in json": json.dumps({"infno": "2207", "input": {"data": elements()}}, ensure_ascii=False),
}  # fmt: skip


def hidden(payload: bytes):
    return deidentify([Piece("http", payload)], Pseudonyms(b"k" * 32), places())


def looked(data: bytes) -> list[str]:
    """Searched for without any code of ours: as it stands, and without references."""
    found = []
    for codec in ("utf-8", "gb18030"):
        text = html.unescape(html.unescape(data.decode(codec, "replace")))
        found += [one for one in WHO.originals if one in text]
    return found


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_left_however_it_is_wrapped(way, codec, monkeypatch):
    payload = WAYS[way].encode(codec)
    before = looked(payload)
    done = hidden(payload)

    assert len(before) >= 3
    assert looked(done.payloads[0]) == []
    assert len(done.payloads[0]) == len(payload)
    assert scan(done.originals, {"it": done.payloads[0]}) == []
    if b"171239.20" in payload:
        assert b"171239.20" in done.payloads[0]
    if way not in {"json in cdata", "xml in json"}:  # its members are those of JSON
        monkeypatch.setattr(places_xml, "spans", lambda text, names: [])
        assert looked(hidden(payload).payloads[0]) != []


@pytest.mark.parametrize("way", ["elements", "json in an element", "xml in an element"])
def test_a_body_says_what_it_is_about(way):
    about = about_of("http", WAYS[way].encode())

    assert about.type == ("2207" if "json" in way else "SettleAccount")
    assert about.corr["patient"] == WHO.number
    assert about.corr["visit"] == WHO.visit or way != "json in an element"
    assert soap.about(JSON.encode()) is None


def test_a_place_of_a_fault_is_an_element_or_a_member_inside():
    for way, place in (("elements", "amt"), ("json in an element", "medfee_sumamt"),
                       ("xml in an element", "amt")):  # fmt: skip
        one = Heard(frm="HIS", link="l", protocol="http", kind="SettleAccount", ident="", corr={},
                    payload=WAYS[way].encode())  # fmt: skip
        seen = faults.look(
            faults.parse(f"HIS SettleAccount {place} = 171239.20"), [one], lambda _: None
        )
        assert seen.values == ("171239.20",)
        assert not seen.shows


def test_a_case_of_a_capture_has_nobody_of_it(tmp_path):
    body = (
        WAYS["xml in an element"]
        .replace("</in>", f"</in><x>{base64.b64encode(b'1').decode()}</x>")
        .encode()
    )
    request = (
        b"POST /ws HTTP/1.1\r\nHost: c\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )
    packets = wires.talk(request, source=("10.1.1.2", 50000), target=("10.9.9.9", 80))
    path = tmp_path / "site.pcap"
    path.write_bytes(wires.pcap([wires.ethernet(each) for each in packets]))
    out = tmp_path / "case"

    assert main(["case", "take", str(path), "--about", WHO.number, "--out", str(out)]) == 0
    whole = b"\n".join(one.read_bytes() for one in out.rglob("*") if one.is_file())
    assert looked(whole) == []
    (line,) = [json.loads(one) for one in (out / "timeline.jsonl").read_text("utf-8").splitlines()]
    assert line["type"] == "SettleAccount"
