"""Transfer syntaxes in a contract: what recorded associations offer, take and use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import cli
from harness.clock import RealClock
from harness.contract import dicom, imaging
from harness.errors import InputError
from harness.evidence.recorder import Recorder
from harness.evidence.trace import Trace
from harness.link.tap import Connection
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, cut
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate
from simulators.hospital.pacs import SYNTAXES
from tests.harness.captures import wires

CT = "1.2.840.10008.5.1.4.1.1.2"
ECHO = "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
LOSSLESS, HTJ2K = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.201"
USER = UserInformation(class_uid="2.25.1")
NAME = "测试^病人"


def request(*contexts: tuple[int, str, list[str]]) -> bytes:
    made = [Context(id=number, abstract_syntax=uid, transfer_syntaxes=syntaxes)
            for number, uid, syntaxes in contexts]  # fmt: skip
    items = Items(contexts=made, user=USER)
    return Associate(called=b"PACS", calling=b"CT1", items=items).encode()


def answer(*contexts: tuple[int, int, str]) -> bytes:
    made = [Context(id=number, result=result, transfer_syntaxes=[uid])
            for number, result, uid in contexts]  # fmt: skip
    items = Items(contexts=made, user=USER)
    return Associate(accepted=True, called=b"PACS", calling=b"CT1", items=items).encode()


def store(context: int, service: int = 0x0001, uid: str = CT, payload: bytes = b"") -> list[bytes]:
    elements: dict[int, command.Value] = {
        command.FIELD: service, command.MESSAGE_ID: 1, command.AFFECTED_CLASS: uid,
        command.DATA_SET_TYPE: 1 if payload else command.NO_DATA_SET,
    }  # fmt: skip
    return cut(SendDimse(context=context, command=elements, payload=payload), 64)


def recorded(path: Path, *talks: list[tuple[bool, bytes]]) -> Path:
    """A trace in which each talk is a connection; True is what we say."""
    journal = Trace(RealClock(), path, keep=False)
    journal.add("open", format=1)
    recorder = Recorder(journal)
    for number, talk in enumerate(talks):
        way = Connection(id=f"pacs#{number}", link="pacs", interface="PACS-DIMSE", local="CT",
                         peer="PACS", client=True)  # fmt: skip
        recorder.link(way, "opened", "")
        for sent, data in talk:
            recorder.data(way, data, sent=sent)
    journal.seal("pass")
    return path


OFFER = request((1, CT, [LOSSLESS, EXPLICIT]), (3, CT, [HTJ2K]), (5, ECHO, [IMPLICIT]),
                (7, CT, ["1.2.3.4"]))  # fmt: skip
TAKEN = answer((1, 0, LOSSLESS), (3, 4, IMPLICIT), (5, 0, IMPLICIT))
BODY = f"{NAME}".encode("gb18030") * 20


def talk(*messages: list[bytes], taken: bytes = TAKEN) -> list[tuple[bool, bytes]]:
    return [(True, OFFER), (False, taken), *((True, one) for each in messages for one in each)]


def test_what_is_offered_taken_and_used_is_named(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.jsonl", talk(store(1, payload=BODY), store(5, 0x0030, ECHO)))

    found = imaging.items(path)

    assert found == {
        "offered CT1 CT JPEG lossless": "accepted",
        "offered CT1 CT explicit": "another one was taken",
        "offered CT1 CT HTJ2K lossless": "syntaxes not supported",
        "offered CT1 CT 1.2.3.4": "not answered",
        "offered CT1 Verification implicit": "accepted",
        "used CT1 CT JPEG lossless": "C-STORE",
    }
    assert NAME not in json.dumps(found, ensure_ascii=False)


def test_a_network_capture_says_the_same_as_a_trace(tmp_path: Path) -> None:
    said = talk(store(1, payload=BODY))
    at, packets = {True: 1, False: 1}, []
    for sent, data in said:
        ends = (wires.CLIENT, wires.SERVER) if sent else (wires.SERVER, wires.CLIENT)
        packets.append(wires.ethernet(wires.tcp(*ends, at[sent], wires.ACK, data)))
        at[sent] += len(data)
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.pcap").write_bytes(wires.pcap(packets))
    (tmp_path / "day" / "notes.txt").write_text("no capture", encoding="ascii")

    assert imaging.items(tmp_path / "day") == imaging.items(recorded(tmp_path / "a.jsonl", said))


def test_a_context_that_was_not_agreed_is_told(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.jsonl", talk(store(3, payload=b"ab")))
    assert imaging.items(path)["used CT1 CT a context that was not agreed"] == "C-STORE"


def test_answers_that_differ_are_all_named_whatever_their_order(tmp_path: Path) -> None:
    refused = answer((1, 3, IMPLICIT))
    one, other = talk(store(1, payload=b"ab")), talk(taken=refused)
    first = imaging.items(recorded(tmp_path / "a.jsonl", one, other))
    again = imaging.items(recorded(tmp_path / "b.jsonl", other, one))
    assert first == again
    assert first["offered CT1 CT JPEG lossless"] == "accepted | class not supported"


def test_what_is_broken_agrees_nothing(tmp_path: Path) -> None:
    broken = b"\x04\0\0\0\0\6" + b"\0\0\0\2\1\3" + b"\x04\0\0\0\0\3abc"
    said = [(True, OFFER), (False, TAKEN), (True, broken), (True, b"\x04\0\0")]
    found = imaging.items(recorded(tmp_path / "a.jsonl", said))
    assert not [name for name in found if name.startswith("used")]


@pytest.mark.parametrize("content", [b"", b"no capture at all"])
def test_where_no_association_is_that_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    for wrong in (path, tmp_path, tmp_path / "none"):
        with pytest.raises(InputError):
            imaging.items(wrong)


@pytest.mark.slow
def test_a_contract_shows_a_device_that_sends_in_another_syntax(tmp_path: Path) -> None:
    """The modality falls back to plain pixels since its first choice is refused."""
    fallen = answer((1, 0, EXPLICIT), (3, 4, IMPLICIT), (5, 0, IMPLICIT))
    before = recorded(tmp_path / "a.jsonl", talk(store(1, payload=BODY)))
    after = recorded(tmp_path / "b.jsonl", talk(store(1, payload=BODY), taken=fallen))
    folders = []
    for name, path in (("before", before), ("same", before), ("after", after)):
        folders.append(str(tmp_path / name))
        argv = ["contract", "snapshot", "--imaging", f"CT={path}", "--out", folders[-1]]
        assert cli.main(argv) == 0
    out = str(tmp_path / "out")

    assert cli.main(["contract", "compare", folders[0], folders[1], "--out", out]) == 0
    assert cli.main(["contract", "compare", folders[0], folders[2], "--out", out]) == 1
    told = (tmp_path / "out" / "contract-compare.json").read_text(encoding="utf-8")
    for name in ("used CT1 CT JPEG lossless", "used CT1 CT explicit",
                 "offered CT1 CT explicit"):  # fmt: skip
        assert name in told


def test_every_syntax_of_the_built_in_pacs_is_asked_of_an_image_class() -> None:
    asked = {syntax for uid, syntax in dicom._offers() if uid == CT or "77.1.1" in uid}
    assert asked >= {str(one) for one in SYNTAXES}
    pairs = list(dicom._offers())
    assert len(pairs) == len(set(pairs))
    assert (CT, "1.2.840.10008.1.2.4.102") not in pairs
