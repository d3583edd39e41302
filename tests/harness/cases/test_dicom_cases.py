"""Imaging in cases from end to end: taken with its orders, without its people, played, made small."""

from __future__ import annotations

import dataclasses
import json
import threading
import tomllib

import pytest

from harness.captures.conversations import Chunk, Conversation, Side
from harness.captures.dicom import read_dicom
from harness.cases import bundle, dicom_player, faults, minimise_dicom
from harness.cases.dicom_about import opened, summary, values
from harness.cases.dicom_player import DicomPlayer
from harness.cases.dicom_ready import filled, transcoded
from harness.cases.guard import CaseGuard, persons
from harness.cases.identity import load as identity
from harness.cases.kept import Line, load
from harness.cases.player import Player
from harness.cases.recorded import read
from harness.cases.replay import faults_of, once, replay, stage_of
from harness.cases.score import compose
from harness.cases.slots import Slots, moulded
from harness.cases.stage import Manner, specs_of
from harness.cases.take import take
from harness.cli import main
from harness.clock import RealClock
from harness.errors import PermitError
from harness.link.address import Address
from harness.link.dicom import STUDY_FIND, Request, payload_of
from harness.link.dicom_data import DEFLATED, EXPLICIT, IMPLICIT, DataSet, decode
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.spec import LinkSpec
from harness.permit import Permit
from harness.profile import load_profile
from harness.wire import dicom_box
from harness.wire import dicom_command as command
from harness.wire.dicom_events import SendDimse, cut
from tests.harness.cases import imaging_day

EXAM = imaging_day.exam_of(1, 1)
OTHER = imaging_day.exam_of(1, 2)
FAULT = f"RIS C-FIND-RSP^FF00 ScheduledProcedureStepID = {EXAM.step_id}"
DEFECT = "ris-empties-step-id"


@pytest.fixture(scope="module")
def builtin():
    return load_profile("builtin")


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A good day, over HL7 and DICOM."""
    return imaging_day.recorded(tmp_path_factory.mktemp("day") / "one")


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """The same as a network capture."""
    return imaging_day.recorded(tmp_path_factory.mktemp("pcap") / "one", capture=True)


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    """A day with a defect, its orders entered at the screen."""
    return imaging_day.recorded(tmp_path_factory.mktemp("screen") / "one", [DEFECT], screen=True)


def taken(path, out, about, *more):
    words = ["case", "take", str(path), "--about", about, "--out", str(out), "--lang", "en", *more]
    assert main(words) == 0
    return load(out)


def kinds(lines):
    return [one.kind.partition("^")[0] for one in lines if one.protocol == "dicom"]


EVERYTHING = [
    "C-FIND-RQ", "C-FIND-RSP", "C-FIND-RSP", "C-FIND-RQ", "C-FIND-RSP", "C-FIND-RSP",
    "N-CREATE-RQ", "N-CREATE-RSP", *["C-STORE-RQ", "C-STORE-RSP"] * 3, "N-ACTION-RQ",
    "N-ACTION-RSP", "N-EVENT-REPORT-RQ", "N-EVENT-REPORT-RSP", "N-ACTION-RQ", "N-ACTION-RSP",
    "N-SET-RQ", "N-SET-RSP", "N-SET-RQ", "N-SET-RSP", "C-FIND-RQ", "C-FIND-RSP", "C-FIND-RSP",
]  # fmt: skip


# ---- taken


@pytest.mark.slow
@pytest.mark.parametrize("about", [EXAM.accession, EXAM.study, EXAM.step_id])
def test_an_examination_is_taken_with_its_order_and_nobody_elses(day, tmp_path, about):
    case = taken(day, tmp_path / "case", about)

    assert [one.kind for one in case.lines if one.protocol == "hl7"] == ["OMI^O23", "ACK^O23"]
    assert sorted(kinds(case.lines)) == sorted(EVERYTHING)
    whole = b"\n".join(each.read_bytes() for each in sorted(case.folder.rglob("*.*")))
    for exam in (EXAM, OTHER):
        for text in (exam.accession, exam.study, exam.step_id, exam.person.patient_id):
            assert text.encode() not in whole
        assert exam.person.name.encode("gb18030") not in whole


@pytest.mark.slow
def test_a_capture_says_the_same_as_a_trace(day, capture, tmp_path):
    roles = [f"{host}={role}" for role, host in imaging_day.HOSTS.items()]
    ends = [word for one in roles for word in ("--end", one)]
    one = taken(day, tmp_path / "trace", EXAM.accession)
    two = taken(capture, tmp_path / "capture", EXAM.accession, *ends)

    # A report of the PACS and the answer to what it reports on may overtake each other.
    said, heard = (
        sorted((line.frm, line.to, line.kind) for line in case.lines) for case in (one, two)
    )
    assert said == heard


@pytest.mark.slow
def test_the_same_person_stands_in_order_worklist_and_image(day, tmp_path):
    case = taken(day, tmp_path / "case", EXAM.accession)

    order = next(one.payload.decode("gb18030") for one in case.lines if one.kind == "OMI^O23")
    name = order.partition("PID|")[2].split("|")[4]
    accession = order.partition("IPC|")[2].split("|")[0]
    for kind in ("C-FIND-RSP^FF00", "N-CREATE-RQ", "C-STORE-RQ"):
        payload = next(one.payload for one in case.lines if one.kind == kind)
        assert name in values(payload, "PatientName")[0], kind
        assert accession in values(payload, "AccessionNumber")
    assert name != EXAM.person.name


@pytest.mark.slow
def test_a_query_is_no_matter_of_its_answers(day):
    found = take(read([day]).messages, EXAM.accession)

    about = {one.corr.get("accession") for one in found.messages} - {None, ""}
    assert about == {EXAM.accession}
    assert any(one.corr.get("accession") == OTHER.accession for one in found.near)


@pytest.mark.slow
def test_one_original_in_an_image_and_no_bundle(day, tmp_path, monkeypatch, capsys):
    real = bundle.deidentify

    def forgetful(pieces, *rest):
        done = real(pieces, *rest)
        at = next(number for number, one in enumerate(pieces) if one.protocol == "dicom")
        message = opened(done.payloads[at])
        data = DataSet.of({"StudyDescription": EXAM.accession})
        body = payload_of(data, DEFLATED)
        box = dataclasses.replace(message.box, syntax=DEFLATED, body=body)
        done.payloads[at] = box.encode()
        assert EXAM.accession.encode() not in done.payloads[at]
        return done

    monkeypatch.setattr(bundle, "deidentify", forgetful)

    code = main(["case", "take", str(day), "--about", EXAM.accession, "--out",
                 str(tmp_path / "case"), "--lang", "en"])  # fmt: skip

    assert code == 2
    assert ".dicom inflated" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def talk(client, server):
    """A conversation of which each side says these pieces in turn."""
    sides = Side(("a", 1), ("b", 104)), Side(("b", 104), ("a", 1))
    for number, pieces in enumerate((client, server)):
        for at, data in pieces:
            sides[number].chunks.append(Chunk(at, sides[number].size, data))
            sides[number].size += len(data)
    return Conversation(client=sides[0], server=sides[1], began_s=0.0)


@pytest.mark.parametrize("side", [0, 1])
def test_a_recording_that_begins_in_an_association_or_has_one_side_is_read(side):
    body = payload_of(DataSet.of({"AccessionNumber": "A12345"}), EXPLICIT)
    request = {command.FIELD: 0x20, command.MESSAGE_ID: 7, command.AFFECTED_CLASS: STUDY_FIND,
               command.DATA_SET_TYPE: 1}  # fmt: skip
    pieces = cut(SendDimse(context=3, command=request, payload=body), 0)

    said = [(1.0, b"".join(pieces))]

    reading = read_dicom(talk([] if side else said, said if side else []))[side]

    (message,) = [one for one in reading.messages if one.payload]
    found = dicom_box.decode(message.payload)
    assert (found.context, found.syntax, found.body) == (3, EXPLICIT, body)
    assert found.asked is None
    assert summary(message.payload).corr == {"accession": "A12345"}


# ---- places


def answer(data, status=0xFF00, syntax=EXPLICIT):
    return dicom_box.Boxed(
        association="a", context=1, syntax=syntax, body=payload_of(data, syntax),
        command={command.FIELD: 0x8020, command.RESPONDED_TO: 1, command.STATUS: status,
                 command.AFFECTED_CLASS: STUDY_FIND, command.DATA_SET_TYPE: 1},
    ).encode()  # fmt: skip


def test_places_of_an_image_are_keywords_tags_paths_and_the_status():
    step = DataSet.of({"Modality": "CT", "ScheduledProcedureStepID": "S1"})
    payload = answer(DataSet.of({"SpecificCharacterSet": "GB18030", "PatientName": "LI^WEI=李伟",
                                 "Modality": "MR", "ScheduledProcedureStepSequence": [step]}))  # fmt: skip

    assert values(payload, "status") == ["FF00"]
    assert values(payload, "PatientName") == values(payload, "(0010,0010)") == ["LI^WEI=李伟"]
    assert values(payload, "Modality") == ["MR", "CT"]
    assert values(payload, "ScheduledProcedureStepSequence.Modality") == ["CT"]
    assert values(payload, "AccessionNumber") == []
    fault = faults.parse("RIS C-FIND-RSP^FF00 ScheduledProcedureStepID = S2")
    assert (fault.kind, fault.place, fault.wanted) == (
        "C-FIND-RSP^FF00", "ScheduledProcedureStepID", "S2")  # fmt: skip


# ---- slots


def test_a_uid_is_minted_as_a_uid():
    uid = "1.2.840.113619.2.55.3.604688119.971.1234567890"

    made = moulded(uid, "salt")

    assert made != uid
    assert made.startswith("1.2.")
    assert [len(one) for one in made.split(".")] == [len(one) for one in uid.split(".")]
    assert all(one == "0" or one[0] != "0" for one in made.split("."))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_slots_are_filled_element_by_element(syntax):
    # The element behind the number begins with 32H, a digit: no sign between them.
    data = DataSet.of({"AccessionNumber": "A2345678", "StudyInstanceUID": "2.25.123456789012",
                       "RequestedProcedureDescription": "A2345678"})  # fmt: skip
    line = Line(number=1, at_s=0.0, frm="modality", to="RIS", protocol="dicom", kind="C-FIND-RQ",
                ident="a/1", corr={"accession": "A2345678", "study": "2.25.123456789012"}, link="",
                payload=answer(data, syntax=syntax))  # fmt: skip
    slots = Slots.of([line], ["modality"], "salt")

    made = filled(line.payload, slots)

    (accession,), (study,) = values(made, "AccessionNumber"), values(made, "StudyInstanceUID")
    assert accession == slots.text("A2345678") != "A2345678"
    assert study == slots.text("2.25.123456789012") != "2.25.123456789012"
    assert len(made) == len(line.payload)
    assert not any(name.startswith("control") for name in slots.values)


def test_a_value_of_another_length_moves_the_lengths_around_it():
    step = DataSet.of({"ScheduledProcedureStepID": "STEP0001"})
    payload = answer(DataSet.of({"ScheduledProcedureStepSequence": [step]}))
    slots = Slots("salt")
    slots.bind("step", "STEP0001", "THE-STEP-OF-TODAY")

    made = dicom_box.decode(filled(payload, slots)).body

    (item,) = decode(made, explicit=True).items("ScheduledProcedureStepSequence")
    assert item.text("ScheduledProcedureStepID") == "THE-STEP-OF-TODAY"


def test_only_plain_syntaxes_are_written_in_each_other():
    body = payload_of(DataSet.of({"PatientID": "1"}), EXPLICIT)

    assert decode(transcoded(body, EXPLICIT, IMPLICIT), explicit=False).text("PatientID") == "1"
    assert transcoded(body, EXPLICIT, "1.2.840.10008.1.2.4.70") is None


# ---- played


@pytest.mark.slow
def test_the_fault_shows_with_the_defect_and_not_without(screen, tmp_path, builtin):
    case = taken(screen, tmp_path / "case", EXAM.accession, "--fault", FAULT)

    bad = replay(case, builtin, manner=Manner(defects=(DEFECT,)))
    good = replay(case, builtin, manner=Manner(), times=1, needed=1)

    assert (bad.shown, bad.exit_code) == (3, 1)
    assert good.exit_code == 0, [one.seen for one in good.runs]
    assert not bad.runs[0].played.unmatched
    first, second = (one.played.slots.values for one in bad.runs[:2])
    uids = [{pair[1] for name, pair in each.items() if name.startswith("study")}
            for each in (first, second)]  # fmt: skip
    assert uids[0].isdisjoint(uids[1]), "each replay mints UIDs of its own"


@pytest.mark.slow
def test_images_are_stored_reported_and_found_as_recorded(day, tmp_path, builtin):
    fault = "PACS C-FIND-RSP^FF00 NumberOfStudyRelatedInstances = 2"
    case = taken(day, tmp_path / "case", EXAM.accession, "--fault", fault)
    score = compose(case.lines, "PACS", specs_of(builtin))

    with stage_of(case, builtin, "PACS", Manner()) as stage:
        played = once(stage, score, faults_of(case)).played

    assert played.missing == []
    assert played.unmatched == []
    assert played.refused == []
    heard = [one.kind for one in played.heard]
    assert heard.count("C-STORE-RSP^0000") == 3
    assert "N-EVENT-REPORT-RQ" in heard  # the PACS called us, and was answered
    assert [one for one in heard if one.startswith("N-ACTION")] == [
        "N-ACTION-RSP^0000", "N-ACTION-RSP^0110"]  # fmt: skip


@pytest.mark.slow
def test_a_person_who_is_not_of_the_case_is_not_sent(screen, tmp_path, builtin):
    case = taken(screen, tmp_path / "case", EXAM.accession, "--fault", FAULT)
    score = compose(case.lines, "RIS", specs_of(builtin))
    strange = {**case.manifest, "persons": case.manifest["persons"][:1]}

    with (
        stage_of(dataclasses.replace(case, manifest=strange), builtin, "RIS", Manner()) as stage,
        pytest.raises(PermitError),
    ):
        once(stage, score, faults_of(case))


class Site:
    """A device of a site as the system under test, and the case's PACS that it calls."""

    def __init__(self, lines, replies, profile):
        self.player = Player("modality", {}, lines, replies, Slots("s"), RealClock().wall())
        spec = LinkSpec(name="modality-pacs", interface="PACS-DIMSE", frm="modality", to="PACS",
                        protocol="dicom")  # fmt: skip
        guard = CaseGuard(Permit(profile, RealClock().wall), frozenset(), "", lambda raw: raw)
        self.ends = DicomPlayer(
            self.player, {"modality-pacs": spec}, lambda _: None, guard, 5.0, lines
        )


def said(number, data, kind, **corr):
    ident, acknowledges = (f"a/{number}", "") if kind.endswith("RQ") else ("", corr.pop("to"))
    field = 0x20 if kind.endswith("RQ") else 0x8020
    elements = {command.FIELD: field, command.AFFECTED_CLASS: STUDY_FIND,
                command.DATA_SET_TYPE: 1 if data is not None else command.NO_DATA_SET}  # fmt: skip
    if field == 0x20:
        elements[command.MESSAGE_ID] = number
    else:
        elements[command.RESPONDED_TO] = 1
        elements[command.STATUS] = int(kind.partition("^")[2], 16)
    box = dicom_box.Boxed(association="a", context=1, command=elements, syntax=EXPLICIT,
                          body=b"" if data is None else payload_of(data, EXPLICIT))  # fmt: skip
    frm, to = ("modality", "PACS") if ident else ("PACS", "modality")
    keys = corr | ({"acknowledges": acknowledges} if acknowledges else {})
    return Line(number=number, at_s=float(number), frm=frm, to=to, protocol="dicom", kind=kind,
                ident=ident, corr=keys, link="modality-pacs", payload=box.encode())  # fmt: skip


@pytest.mark.slow
def test_as_a_server_it_answers_what_was_asked_then_and_tells_the_nearest_otherwise(builtin):
    asked = DataSet.of({"QueryRetrieveLevel": "STUDY", "AccessionNumber": "A1"})
    found = [DataSet.of({"AccessionNumber": "A1", "StudyID": number}) for number in ("1", "2")]
    lines = [
        said(1, asked, "C-FIND-RQ", accession="A1"),
        said(5, asked, "C-FIND-RQ", accession="A1"),
    ]
    replies = {
        1: [said(2, found[0], "C-FIND-RSP^FF00", to="a/1"), said(3, None, "C-FIND-RSP^0000", to="a/1")],
        5: [said(6, found[1], "C-FIND-RSP^FF00", to="a/5"), said(7, None, "C-FIND-RSP^0000", to="a/5")],
    }  # fmt: skip
    site = Site(lines, replies, builtin)
    _, where = site.ends.listen(None)
    answers = []

    try:
        for accession in ("A1", "A1", "A1", "B9"):
            keys = DataSet.of({"QueryRetrieveLevel": "STUDY", "AccessionNumber": accession})
            peer = Peer(address=where, called="PACS", calling="CT1")
            with Association(peer, [Offer(abstract=STUDY_FIND, syntaxes=[EXPLICIT])]) as link:
                request = Request(kind="C-FIND", sop_class=STUDY_FIND, syntax=EXPLICIT,
                                  payload=payload_of(keys, EXPLICIT))  # fmt: skip
                answers.append(list(link.ask_all(request)))
    finally:
        site.ends.close()

    first, second, again, strange = answers
    assert [one.status for one in first] == [0xFF00, 0]
    assert first[0].data().text("StudyID") == "1"
    assert second[0].data().text("StudyID") == "2"
    assert again[0].data().text("StudyID") == "2", "the last answer comes again"
    assert [one.status for one in strange] == [0x0110]
    (unmatched,) = site.player.unmatched
    assert unmatched.heard.corr["accession"] == "B9"
    assert unmatched.nearest.number == 1


# ---- made small, and by one command


def test_elements_that_go_leave_a_data_set_that_is_one():
    step = DataSet.of({"Modality": "CT", "ScheduledStationAETitle": "X"})
    payload = answer(DataSet.of({"SpecificCharacterSet": "GB18030", "PatientID": "1",
                                 "ScheduledProcedureStepSequence": [step]}))  # fmt: skip
    shallow = minimise_dicom.paths(payload, lambda raw: False, deep=False)
    deep = minimise_dicom.paths(payload, lambda raw: False, deep=True)

    made = minimise_dicom.without(payload, frozenset({shallow[0], deep[0]}))

    data = decode(dicom_box.decode(made).body, explicit=True)
    assert "PatientID" not in data
    assert "SpecificCharacterSet" in data  # it says what the others mean
    (item,) = data.items("ScheduledProcedureStepSequence")
    assert len(item.elements) == 1
    assert minimise_dicom.paths(payload, lambda raw: b"CT" in raw, deep=False) == shallow[:1]


def test_without_any_element_there_is_no_data_set():
    payload = answer(DataSet.of({"PatientID": "1"}))

    made = opened(minimise_dicom.without(payload, frozenset({(0,)}))).box

    assert made.body == b""
    assert made.command[command.DATA_SET_TYPE] == command.NO_DATA_SET


@pytest.mark.slow
def test_one_command_makes_the_least_case_of_a_fault_of_imaging(screen, tmp_path, capsys):
    out = tmp_path / "case"

    code = main(["case", "make", str(screen), "--about", EXAM.accession, "--out", str(out),
                 "--fault", FAULT, "--profile", "builtin", "--reference", "builtin", "--defect",
                 DEFECT, "--number", "2026-051", "--json"])  # fmt: skip

    assert code == 0
    told = json.loads(capsys.readouterr().out.strip().rpartition("\n")[2])
    case = load(out)
    assert kinds(case.lines)[0] == "C-FIND-RQ"
    assert {one.protocol for one in case.lines} == {"command", "dicom"}
    assert told["minimised"]["lines_after"] <= 4 < told["minimised"]["lines_before"]
    manifest = tomllib.loads((out / "manifest.toml").read_text("utf-8"))
    assert manifest["reproduced"] is True
    assert manifest["masks"]["step"] == "minted"
    assert "@接口-RIS-MWL" in (out / "case.feature").read_text("utf-8")


def test_persons_of_an_image_are_names_and_their_numbers():
    payload = answer(DataSet.of({"SpecificCharacterSet": "GB18030", "PatientName": "LI^WEI=李伟",
                                 "PatientID": "77001", "AccessionNumber": "A1"}))  # fmt: skip
    salt = "s"

    known = persons([("dicom", payload)], salt)

    assert len(known) == 3
    guard = CaseGuard(None, frozenset(known), salt, lambda raw: raw, identity())
    guard.payload(None, "dicom", payload)
    with pytest.raises(PermitError, match=r"\(0010,0010\)"):
        guard.payload(None, "dicom", answer(DataSet.of({"PatientName": "ZHANG^SAN"})))


def test_threads_of_the_ends_are_gone(builtin):
    before = threading.active_count()
    line = said(1, DataSet.of({"AccessionNumber": "A1"}), "C-FIND-RQ", accession="A1")
    site = Site([line], {}, builtin)
    site.ends.listen(Address(host="127.0.0.1", port=0))

    site.ends.close()

    assert threading.active_count() == before
    assert dicom_player.PROTOCOL == "dicom"
