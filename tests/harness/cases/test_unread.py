"""Associations that nobody asked for stay unread, and nothing is different for whoever asks."""

from __future__ import annotations

import gc

import pytest

from harness.captures.conversations import Chunk, Conversation, Gap, Side
from harness.captures.dicom import read_dicom
from harness.cases import command as command_line
from harness.cases.recorded import Recording, read
from harness.cases.take import take
from harness.cases.unread import walk
from harness.cases.window import window
from harness.cli import main
from harness.clock import VirtualClock
from harness.errors import InputError
from harness.evidence import trace
from harness.link.dicom import STUDY_FIND, payload_of
from harness.link.dicom_data import DEFLATED, EXPLICIT, DataSet
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, cut
from harness.wire.dicom_items import Context, Items, UserInformation
from harness.wire.dicom_pdu import Abort, Associate, Data, Pdv, Release, pdu

OFFER = Associate(called=b"PACS", calling=b"CT", items=Items(
    contexts=[Context(id=3, abstract_syntax=STUDY_FIND, transfer_syntaxes=[EXPLICIT, DEFLATED])],
    user=UserInformation(class_uid="1.2.3"))).encode()  # fmt: skip


def accepted(syntax=EXPLICIT):
    return Associate(accepted=True, items=Items(
        contexts=[Context(id=3, transfer_syntaxes=[syntax], result=0)],
        user=UserInformation(class_uid="1.2.3"))).encode()  # fmt: skip


def message(number, values, *, answers=0, context=3, size=0):
    body = payload_of(DataSet.of(values), EXPLICIT) if values else b""
    said = {command.FIELD: 0x8020 if answers else 0x20, command.AFFECTED_CLASS: STUDY_FIND,
            command.DATA_SET_TYPE: 1 if body else command.NO_DATA_SET}  # fmt: skip
    said |= (
        {command.RESPONDED_TO: answers, command.STATUS: 0xFF00 if body else 0}
        if answers
        else {command.MESSAGE_ID: number}
    )
    return cut(SendDimse(context=context, command=said, payload=body), size)


END = [("a", Release(answer=False).encode()), ("b", Release(answer=True).encode())]


def association(*values, size=0, middle=(), end=END):
    """What both sides say, piece by piece: a query with its answers."""
    said = [("a", OFFER), ("b", accepted())]
    said += [("a", one) for one in message(1, {"PatientID": ""}, size=size)]
    for each in values:
        said += [("b", one) for one in message(0, each, answers=1, size=size)]
    return [*said, *(("b", one) for one in message(0, {}, answers=1)), *middle, *end]


def conversation(pieces):
    sides = {"a": Side(("a", 1), ("b", 104)), "b": Side(("b", 104), ("a", 1))}
    for at, (name, data) in enumerate(pieces):
        side = sides[name]
        side.chunks.append(Chunk(float(at), side.size, data))
        side.size += len(data)
    return Conversation(client=sides["a"], server=sides["b"], began_s=0.0)


def count(talk):
    return sum(bool(one.payload) for reading in read_dicom(talk) for one in reading.messages)


def lost(talk):
    return sum(len(one.data) for reading in read_dicom(talk) for one in reading.kept)


@pytest.mark.parametrize("end", [END, [], END[:1], [("b", Abort().encode())]])
@pytest.mark.parametrize("size", [0, 40])
def test_what_comes_as_it_should_is_counted_and_not_read(size, end):
    talk = conversation(association({"AccessionNumber": "A12345"}, {"PatientID": "P" * 60},
                                    size=size, end=end))  # fmt: skip
    found = walk(talk)

    assert found is not None
    assert found[0] == count(talk) == 4
    assert lost(talk) == 0
    assert b"A12345" in found[1]
    assert b"P" * 60 in found[1]  # in pieces on the line


def test_pieces_of_a_connection_need_not_be_those_of_the_association():
    whole = association({"AccessionNumber": "A12345"})
    torn = [(name, data[at : at + 7]) for name, data in whole for at in range(0, len(data), 7)]

    assert walk(conversation(torn)) == walk(conversation(whole))


STRANGE = message(9, {"PatientID": "P1"}, context=5)
MIXED = Data(values=(Pdv(context=3, command=False, last=True, data=b"data"),)).encode()
BAD = Data(values=(Pdv(context=3, command=True, last=True, data=b"\0\0\0\0\xff\0\0\0"),)).encode()
SHORT = pdu(4, b"\0\0\0\x09\x03\x03")


@pytest.mark.parametrize(
    "pieces",
    [
        association(middle=[("a", one) for one in STRANGE]),
        association(middle=[("a", MIXED)]),
        association(middle=[("a", BAD)]),
        association(middle=[("a", SHORT)]),
        association(middle=[("a", pdu(9, b""))]),
        association(middle=[("a", pdu(5, b""))]),
        association(middle=[("a", OFFER)]),
        association(end=[("a", message(9, {"PatientID": "P1"})[0])]),
        association(end=[("a", pdu(4, b"\0" * 9)[:-2])]),
        association(end=[*END, ("a", MIXED)]),
        association()[1:],
        [association()[0], *association()[2:]],
        [association()[0], association()[2], association()[1], *association()[3:]],
    ],
)
def test_what_does_not_is_left_to_whoever_reads_it(pieces):
    assert walk(conversation(pieces)) is None


def test_deflated_and_incomplete_associations_are_read_at_once():
    whole = association({"AccessionNumber": "A12345"})
    gap = conversation(whole)
    gap.client.gaps.append(Gap(10, 5))

    assert walk(conversation([whole[0], ("b", accepted(DEFLATED)), *whole[2:]])) is None
    assert walk(gap) is None


# ---- a recording


def order(barcode):
    return (f"MSH|^~\\&|HIS|H|RIS|H|20260105080000||OMI^O23|M{barcode}|P|2.5\r"
            f"ORC|NW|{barcode}\rOBR|1|{barcode}|{barcode}|CT\r").encode()  # fmt: skip


def recording(path, *talks, orders=("A11111",)):
    """A trace with an order each and these associations, ten seconds apart."""
    clock = VirtualClock()
    book = trace.Trace(clock, path)
    book.add("open", format=trace.FORMAT, systems=[])
    for barcode in orders:
        book.add("message", link="his-ris", frm="HIS", to="RIS", protocol="hl7", type="OMI^O23",
                 id=f"M{barcode}", corr={"barcode": barcode}, raw=trace.pack(order(barcode)))  # fmt: skip
    for number, pieces in enumerate(talks):
        clock.advance_to(clock.now() + 10)
        for name, data in pieces:
            frm, to = ("modality", "RIS") if name == "a" else ("RIS", "modality")
            book.add("bytes", link="modality-ris", frm=frm, to=to, interface="",
                     conn=f"modality-ris#{number}", raw=trace.pack(data))  # fmt: skip
    book.seal("pass")
    return path


def shown(found):
    return [(one.at_s, one.frm, one.kind, one.ident, one.corr, one.payload) for one in found]


MINE = {"AccessionNumber": "A11111", "StudyInstanceUID": "1.2.826.1"}
DAY = [
    association(MINE, {"AccessionNumber": "B22222", "StudyInstanceUID": "1.2.826.2"}),
    association({"StudyInstanceUID": "1.2.826.1", "PatientID": "P1"}),
    association({"StudyInstanceUID": "1.2.826.2", "PatientID": "P2"}),
    association({"PatientID": "P3"}),
    *[association({"PatientID": "P4"})] * 8,
]  # fmt: skip


@pytest.mark.parametrize("about", ["A11111", "1.2.826.1", "P1", "B22222", "P3", "MA11111", "P9"])
def test_a_matter_is_the_same_whether_the_rest_is_read_or_not(tmp_path, about):
    path = recording(tmp_path / "day.jsonl", *DAY)
    found = read([path])
    everything = read([path]).messages

    one, whole = take(found, about), take(everything, about)

    assert len(found) == len(everything)
    assert shown(one.messages) == shown(whole.messages)
    assert shown(one.near) == shown(whole.near)
    assert bool(one.messages) is (about != "P9")


def test_an_order_leads_over_one_association_to_another_and_the_rest_stays_unread(tmp_path):
    found = read([recording(tmp_path / "day.jsonl", *DAY)])

    taken = take(found, "MA11111")

    studies = {one.corr.get("study") for one in taken.messages}
    assert studies == {None, "1.2.826.1"}
    assert sum(one.kind == "C-FIND-RQ" for one in taken.messages) == 2
    # The last four began more than a minute after everything of this matter.
    assert [bool(found.unread.was_read(number)) for number in range(len(DAY))] == [
        *[True] * 8, *[False] * 4,
    ]  # fmt: skip
    assert len(found) == len(found.messages)


def test_the_command_leaves_unread_what_it_does_not_take(tmp_path, monkeypatch, capsys):
    path, seen = recording(tmp_path / "day.jsonl", *DAY), []

    def spy(found, *rest):
        seen.append(found)
        return take(found, *rest)

    monkeypatch.setattr(command_line, "take", spy)
    words = ["case", "take", str(path), "--about", "MA11111", "--out", str(tmp_path / "case")]

    assert main([*words, "--lang", "en"]) == 0
    (found,) = seen
    assert not found.unread.was_read(len(DAY) - 1)
    assert f" messages of {len(found.messages)} taken" in capsys.readouterr().out


def test_the_beginning_of_a_number_opens_nothing_of_others(tmp_path):
    """One that lost its end stands in front of all the others of its kind."""
    short = association({"AccessionNumber": "A1", "StudyInstanceUID": "1.2.826.1"})
    padded = association({"AccessionNumber": " A1 ", "PatientID": "P1"})
    others = [association({"AccessionNumber": f"A1{number:04d}"}) for number in range(12)]
    found = read([recording(tmp_path / "day.jsonl", short, padded, *others, orders=())])

    taken = take(found, "1.2.826.1")

    assert sum(one.kind == "C-FIND-RQ" for one in taken.messages) == 2
    # Eight began within a minute of this matter: they are listed as near it.
    assert [bool(found.unread.was_read(number)) for number in range(14)] == [
        *[True] * 8, *[False] * 6,
    ]  # fmt: skip


def test_a_window_reads_what_lies_in_it(tmp_path):
    path = recording(tmp_path / "day.jsonl", *DAY)
    within = window("2026-01-05T08:00:15", "2026-01-05T08:00:25")
    found, everything = read([path]), read([path]).messages

    one, whole = take(found, "", within), take(everything, "", within)

    assert shown(one.messages) == shown(whole.messages)
    assert len(one.messages) == 3
    assert shown(one.near) == shown(whole.near)


def test_what_is_damaged_is_counted_though_nobody_asks_for_it(tmp_path):
    broken = association(middle=[("a", BAD)])
    found = read([recording(tmp_path / "day.jsonl", *DAY, broken)])

    assert found.left_out == {"bytes of no message": lost(conversation(broken))}
    assert found.left_out["bytes of no message"] > 0
    assert len(found.unread) == len(DAY)


def test_the_collector_is_on_again_after_a_recording_and_after_none(tmp_path):
    read([recording(tmp_path / "day.jsonl", *DAY)])
    assert gc.isenabled()
    with pytest.raises(InputError):
        read([tmp_path / "none.jsonl"])
    assert gc.isenabled()


def test_messages_of_nothing_are_none():
    assert take(Recording(), "A11111").messages == []
