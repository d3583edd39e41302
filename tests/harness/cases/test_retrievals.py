"""Retrievals that the system under test asks of us: the recorded objects go to it, as then."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

import pytest

from harness.cases import retrievals
from harness.cases.dicom_about import values
from harness.cases.dicom_player import DicomPlayer
from harness.cases.guard import CaseGuard
from harness.cases.kept import Line
from harness.cases.player import Player
from harness.cases.score import compose
from harness.cases.slots import Slots
from harness.clock import RealClock
from harness.errors import InputError, PermitError
from harness.link.address import Address
from harness.link.dicom import STUDY_GET, STUDY_MOVE, Answer, Request, payload_of
from harness.link.dicom_data import EXPLICIT, DataSet
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.link.spec import LinkSpec
from harness.permit import Permit
from harness.profile import load_profile
from harness.wire import dicom_box
from harness.wire import dicom_command as command
from harness.wire.dicom_items import APPLICATION_CONTEXT, Context, Items, UserInformation
from harness.wire.dicom_pdu import Associate

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY = "2.25.123456789012"
FIELDS = {"C-MOVE": 0x21, "C-GET": 0x10, "C-STORE": 0x01}
CLASSES = {"C-MOVE": STUDY_MOVE, "C-GET": STUDY_GET, "C-STORE": CT}
INTO, BACK = "pacs-viewer", "viewer-pacs"
SPECS = {
    name: LinkSpec(name=name, interface="PACS-DIMSE", frm=frm, to=to, protocol="dicom")
    for name, frm, to in ((BACK, "viewer", "PACS"), (INTO, "PACS", "viewer"))
}


def sop(number):
    return f"2.25.99887766{number}"


def proposal(calling, called, classes):
    contexts = [Context(id=2 * number + 1, abstract_syntax=one, transfer_syntaxes=[EXPLICIT])
                for number, one in enumerate(classes)]  # fmt: skip
    items = Items(application_context=APPLICATION_CONTEXT, contexts=contexts,
                  user=UserInformation(class_uid="2.25.1"))  # fmt: skip
    return Associate(called=called.encode(), calling=calling.encode(), items=items)


def line(number, frm, kind, ident, *, data=None, asked=None, **more):
    """One message of the recording; ``ident`` is its own, or of an answer that of the question."""

    status = kind.partition("^")[2]
    service = kind.rpartition("-")[0]
    elements = {command.AFFECTED_CLASS: CLASSES[service],
                command.DATA_SET_TYPE: command.NO_DATA_SET if data is None else 1}  # fmt: skip
    message = int(ident.partition("/")[2])
    if status:
        elements |= {command.FIELD: FIELDS[service] | 0x8000, command.RESPONDED_TO: message,
                     command.STATUS: int(status, 16)}  # fmt: skip
    else:
        elements |= {command.FIELD: FIELDS[service], command.MESSAGE_ID: message}
    corr = {"acknowledges": ident} if status else {}
    if data is not None:
        corr["study"] = data.text("StudyInstanceUID")
    if service == "C-STORE":
        corr["sop"] = more.pop("sop")
        elements[command.AFFECTED_INSTANCE] = corr["sop"]
    elements |= more.pop("elements", {})
    box = dicom_box.Boxed(
        association=ident.partition("/")[0], context=1, command=elements, syntax=EXPLICIT,
        body=b"" if data is None else payload_of(data, EXPLICIT), asked=asked,
    )  # fmt: skip
    to = "viewer" if frm == "PACS" else "PACS"
    return Line(number=number, at_s=float(number), frm=frm, to=to, protocol="dicom", kind=kind,
                ident="" if status else ident, corr=corr, link="", payload=box.encode())  # fmt: skip


def image(number):
    return DataSet.of({"SOPClassUID": CT, "SOPInstanceUID": sop(number),
                       "StudyInstanceUID": STUDY, "InstanceNumber": str(number)})  # fmt: skip


def counts(remaining, completed):
    return {command.REMAINING: remaining, command.COMPLETED: completed, command.FAILED: 0}


def recording(kind="C-MOVE", *, originator=True, final=None):
    """Two images are retrieved, with a word after each."""
    over = "b" if kind == "C-MOVE" else "a"
    keys = DataSet.of({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY})
    asked = proposal("OLDVIEW", "OLDPACS", [CLASSES[kind], CT])
    stores = proposal("OLDPACS", "OLDVIEW", [CT]) if kind == "C-MOVE" else asked
    told = {command.ORIGINATOR: "OLDVIEW", command.ORIGINATOR_ID: 5} if originator else {}
    told = told if kind == "C-MOVE" else {}
    to = {command.DESTINATION: "OLDVIEW"} if kind == "C-MOVE" else {}
    return [
        line(1, "viewer", f"{kind}-RQ", "a/5", data=keys, asked=asked, elements=to),
        line(2, "PACS", "C-STORE-RQ", f"{over}/1", data=image(1), sop=sop(1), asked=stores,
             elements=told),
        line(3, "viewer", "C-STORE-RSP^0000", f"{over}/1", sop=sop(1)),
        line(4, "PACS", f"{kind}-RSP^FF00", "a/5", elements=counts(1, 1)),
        line(5, "PACS", "C-STORE-RQ", f"{over}/2", data=image(2), sop=sop(2), asked=stores,
             elements=told),
        line(6, "viewer", "C-STORE-RSP^0000", f"{over}/2", sop=sop(2)),
        line(7, "PACS", f"{kind}-RSP^0000", "a/5", elements=final or counts(0, 2)),
    ]  # fmt: skip


@dataclass
class Viewer:
    """The system under test: it asks, and takes what comes."""

    status: int = 0
    came: list = field(default_factory=list)

    def serve(self, request, session):
        self.came.append((request, session.calling, session.called))
        yield Answer(status=self.status)

    def keep(self, request):
        self.came.append((request, "", ""))
        return self.status


@dataclass
class Hospital:
    """The case's PACS, and the viewer that calls it."""

    viewer: Viewer
    ends: DicomPlayer
    player: Player
    where: Address

    def retrieve(self, kind, study=None, message_id=77):
        keys = DataSet.of({"QueryRetrieveLevel": "STUDY",
                           "StudyInstanceUID": study or self.player.slots.text(STUDY)})  # fmt: skip
        peer = Peer(address=self.where, called="OLDPACS", calling="NEWVIEW")
        offers = [Offer(abstract=CLASSES[kind], syntaxes=[EXPLICIT]),
                  Offer(abstract=CT, syntaxes=[EXPLICIT], scp=kind == "C-GET")]  # fmt: skip
        with Association(peer, offers) as link:
            link.store = self.viewer.keep
            request = Request(kind=kind, sop_class=CLASSES[kind], syntax=EXPLICIT,
                              destination="NEWVIEW", message_id=message_id,
                              payload=payload_of(keys, EXPLICIT))  # fmt: skip
            return list(link.ask_all(request))


@contextlib.contextmanager
def hospital(lines, *, status=0, specs=SPECS, guard=None):
    score = compose(lines, "viewer", specs)
    said = [one.line for one in score.turns if one.move == "hear"]
    slots = Slots.of(score.lines, ["PACS"], "salt")
    player = Player("viewer", {}, said, score.replies, slots, RealClock().wall())
    viewer = Viewer(status)
    listener = Listener(viewer, "NEWVIEW", [(CT, [EXPLICIT])])
    at = listener.start("127.0.0.1", 0)
    permit = Permit(load_profile("builtin"), RealClock().wall)
    mine = guard or CaseGuard(permit, frozenset(), "", lambda raw: raw)
    ends = DicomPlayer(player, specs, lambda _spec: at, mine, 5.0, score.lines)
    _, where = ends.listen(None)
    try:
        yield Hospital(viewer, ends, player, where), score
    finally:
        ends.close()
        listener.stop()


@pytest.mark.parametrize("kind", ["C-MOVE", "C-GET"])
@pytest.mark.slow
def test_a_retrieval_brings_the_recorded_objects_with_new_uids(kind):
    with hospital(recording(kind)) as (site, score):
        answers = site.retrieve(kind)
        came = [all(site.ends.wait(one.line) for one in score.turns)]
        site.ends.settle()

    assert [(one.status, one.counts[:3]) for one in answers] == [
        (0xFF00, (1, 1, 0)), (0, (0, 2, 0))]  # fmt: skip
    assert came == [True]
    stored = [one[0] for one in site.viewer.came]
    text = site.player.slots.text
    assert [one.sop_instance for one in stored] == [text(sop(1)), text(sop(2))]
    assert text(sop(1)) != sop(1)
    for one in stored:
        assert one.data().text("StudyInstanceUID") == text(STUDY) != STUDY
        assert one.data().text("SOPInstanceUID") == one.sop_instance
    assert not site.player.refused
    assert not site.player.unmatched
    assert [one.kind for one in site.player.heard] == [
        f"{kind}-RQ", "C-STORE-RSP^0000", "C-STORE-RSP^0000"]  # fmt: skip
    assert [one.matched for one in site.player.heard] == [1, 3, 6]


@pytest.mark.slow
def test_a_move_goes_to_the_destination_and_names_who_asked_now():
    with hospital(recording()) as (site, _):
        site.retrieve("C-MOVE")

    assert [(calling, called) for _, calling, called in site.viewer.came] == [
        ("OLDPACS", "OLDVIEW")] * 2  # fmt: skip
    assert {one[0].originator for one in site.viewer.came} == {"NEWVIEW"}

    titled = {**SPECS, INTO: replace(SPECS[INTO], ae_title="SITEVIEW")}
    with hospital(recording(), specs=titled) as (site, _):
        site.retrieve("C-MOVE")

    assert {called for _, _, called in site.viewer.came} == {"SITEVIEW"}


@pytest.mark.slow
def test_wrong_counts_of_the_recording_are_told_again():
    with hospital(recording(final=counts(3, 9))) as (site, _):
        answers = site.retrieve("C-MOVE")

    assert answers[-1].counts[:2] == (3, 9)
    assert len(site.viewer.came) == 2


@pytest.mark.parametrize("kind", ["C-MOVE", "C-GET"])
@pytest.mark.slow
def test_what_is_not_in_the_recording_is_told_with_the_nearest(kind):
    with hospital(recording(kind)) as (site, _):
        (answer,) = site.retrieve(kind, study="2.25.4444444444")

    assert answer.status == 0x0110
    assert not site.viewer.came
    (unmatched,) = site.player.unmatched
    assert unmatched.nearest.number == 1


@pytest.mark.parametrize("kind", ["C-MOVE", "C-GET"])
@pytest.mark.slow
def test_a_store_that_is_refused_now_is_heard_and_is_no_clean_replay(kind):
    with hospital(recording(kind), status=0xA700) as (site, _):
        site.retrieve(kind)

    refusals = [one for one in site.player.heard if one.kind == "C-STORE-RSP^A700"]
    assert len(refusals) == 2
    assert all(values(one.payload, "status") == ["A700"] for one in refusals)
    assert len(site.player.refused) == 2


@pytest.mark.slow
def test_without_an_endpoint_to_the_destination_nothing_is_told_as_clean():
    specs = {BACK: SPECS[BACK]}
    with hospital(recording(), specs=specs) as (site, _):
        site.retrieve("C-MOVE")

    assert not site.viewer.came
    assert len(site.player.refused) == 2
    assert "PACS" in site.player.refused[0]
    assert "viewer" in site.player.refused[0]


@pytest.mark.slow
def test_somebody_who_is_not_of_the_case_is_not_sent_and_the_replay_ends():
    class Strict(CaseGuard):
        def payload(self, connection, protocol, payload):
            if values(payload, "InstanceNumber") == ["2"]:
                raise PermitError("not of this case")

    permit = Permit(load_profile("builtin"), RealClock().wall)
    guard = Strict(permit, frozenset(), "", lambda raw: raw)
    with hospital(recording(), guard=guard) as (site, score):
        answers = site.retrieve("C-MOVE")
        with pytest.raises(PermitError):
            site.ends.wait(score.turns[-1].line)
        with pytest.raises(PermitError):
            site.ends.settle()

    assert answers[-1].status == 0x0110
    assert len(site.viewer.came) == 1


@pytest.mark.slow
def test_the_same_retrieval_again_gets_its_answers_again():
    with hospital(recording()) as (site, _):
        first, second = site.retrieve("C-MOVE"), site.retrieve("C-MOVE", message_id=78)

    assert [one.status for one in first] == [one.status for one in second] == [0xFF00, 0]
    assert len(site.viewer.came) == 4


# ---- whose store it is


def test_a_store_belongs_to_whoever_asked_for_it_by_its_word_or_by_its_time():
    for lines in (recording(), recording(originator=False), recording("C-GET")):
        assert retrievals.sub_operations(lines, "viewer") == {2: 1, 5: 1}
        assert retrievals.sub_operations(lines, "PACS") == {}


def test_a_store_that_comes_late_belongs_by_its_word_alone():
    late = [one for number in (1, 2, 3, 4, 7, 5, 6)
            for one in recording() if one.number == number]  # fmt: skip
    silent = [one for number in (1, 2, 3, 4, 7, 5, 6)
              for one in recording(originator=False) if one.number == number]  # fmt: skip

    assert retrievals.sub_operations(late, "viewer") == {2: 1, 5: 1}
    assert retrievals.sub_operations(silent, "viewer") == {2: 1}


def test_an_image_that_nobody_asked_for_is_sent_as_before():
    other = line(8, "PACS", "C-STORE-RQ", "c/1", data=image(3), sop=sop(3),
                 asked=proposal("OLDPACS", "OLDVIEW", [CT]))  # fmt: skip
    score = compose([*recording(), other], "viewer", SPECS)

    assert [one.line.number for one in score.turns if one.move == "send"] == [8]
    assert [one.number for one in score.replies[1]] == [2, 4, 5, 7]


def test_of_two_retrievals_at_a_time_each_gets_its_own():
    more = [replace(one, number=one.number + 10) for one in recording()]
    keys = DataSet.of({"StudyInstanceUID": STUDY})
    more[0] = line(11, "viewer", "C-MOVE-RQ", "d/6", data=keys,
                   asked=proposal("OLDVIEW", "OLDPACS", [STUDY_MOVE]),
                   elements={command.DESTINATION: "OLDVIEW"})  # fmt: skip
    told = {command.ORIGINATOR: "OLDVIEW", command.ORIGINATOR_ID: 6}
    more[1] = line(12, "PACS", "C-STORE-RQ", "e/1", data=image(3), sop=sop(3), elements=told)
    first = recording()
    mixed = [first[0], more[0], first[1], more[1], *first[2:]]

    assert retrievals.sub_operations(mixed, "viewer") == {2: 1, 12: 11, 5: 1}


def test_a_message_id_that_was_wrong_stays_wrong():
    store = recording()[1]
    asked = dicom_box.decode(recording()[0].payload)
    box = dicom_box.decode(store.payload)

    right = retrievals.renamed(box, asked, ("NEW", 9))
    wrong = retrievals.renamed(
        replace(box, command={**box.command, command.ORIGINATOR_ID: 3}), asked, ("NEW", 9)
    )

    assert right.command[command.ORIGINATOR_ID] == 9
    assert right.command[command.ORIGINATOR] == "NEW"
    assert wrong.command[command.ORIGINATOR_ID] == 3
    plain = dicom_box.decode(recording(originator=False)[1].payload)
    assert retrievals.renamed(plain, asked, ("NEW", 9)) is plain


def test_a_system_that_only_asks_can_be_tried_and_one_that_only_talks_cannot():
    assert compose(recording(), "viewer", SPECS).replies
    with pytest.raises(InputError):
        compose([one for one in recording() if one.frm == "viewer"], "viewer", SPECS)


@pytest.mark.slow
def test_what_a_system_asks_by_itself_is_waited_for():
    with hospital(recording()) as (site, score):
        site.ends.wait_s = 0.01
        assert site.ends.wait(score.turns[0].line) is False
        assert site.ends._patience(score.turns[0].line) == 0.01
        site.ends.wait_s = 60.0
        assert site.ends._patience(score.turns[0].line) == 60.0
        assert site.ends._patience(score.turns[1].line) == 0.0
