"""A retrieval that is ended before its time is ended again, by us and by the system; gaps stay."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import pytest

from harness.cases import dicom_cancel, faults
from harness.cases.dicom_about import summary
from harness.cases.dicom_cancel import CANCEL, GAP_MAX_S, Pace
from harness.cases.dicom_player import DicomPlayer
from harness.cases.guard import CaseGuard
from harness.cases.kept import Line
from harness.cases.player import Player
from harness.cases.score import compose
from harness.cases.slots import Slots
from harness.clock import RealClock
from harness.link.dicom import STUDY_MOVE, Answer, Request, payload_of
from harness.link.dicom_data import EXPLICIT, DataSet
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Offer, Peer
from harness.permit import Permit
from harness.profile import load_profile
from harness.wire import dicom_box
from harness.wire import dicom_command as command
from tests.harness.cases.test_retrievals import BACK, SPECS, STUDY, counts, recording

LIMIT_S = 60.0


def cancel(number):
    """PS3.7 §9.3.2.3: a command set without a data set, that names what it ends."""
    elements = {command.FIELD: 0x0FFF, command.RESPONDED_TO: 5,
                command.DATA_SET_TYPE: command.NO_DATA_SET}  # fmt: skip
    box = dicom_box.Boxed(association="a", context=1, command=elements)
    payload = box.encode()
    about = summary(payload)
    return Line(number=number, at_s=float(number), frm="viewer", to="PACS", protocol="dicom",
                kind=about.type, ident=about.id, corr=about.corr, link="", payload=payload)  # fmt: skip


def ended():
    """One image came, then the viewer had enough."""
    first = recording()
    last = replace(first[6], number=6, kind="C-MOVE-RSP^FE00")
    box = dicom_box.decode(last.payload)
    box = replace(box, command={**box.command, command.STATUS: 0xFE00, **counts(1, 1)})
    return [*first[:4], cancel(5), replace(last, payload=box.encode())]


def guard():
    permit = Permit(load_profile("builtin"), RealClock().wall)
    return CaseGuard(permit, frozenset(), "", lambda raw: raw)


def player_of(system, lines):
    score = compose(lines, system, SPECS)
    said = [one.line for one in score.turns if one.move == "hear"]
    slots = Slots.of(score.lines, ["viewer" if system == "PACS" else "PACS"], "salt")
    return Player(system, {}, said, score.replies, slots, RealClock().wall()), score


# ---- read


def test_it_is_about_what_it_ends_and_answers_nobody():
    one = cancel(5)
    assert (one.kind, one.ident, one.answers) == (CANCEL, "", "a/5")
    ((after, line),) = dicom_cancel.of_request(ended()[0], ended())
    assert (after, line.number) == (1, 5)
    score = compose(ended(), "PACS", SPECS)
    assert [(one.move, one.line.kind) for one in score.turns if one.move == "send"] == [
        ("send", "C-MOVE-RQ"), ("send", CANCEL)]  # fmt: skip


# ---- we end it


@dataclass
class Archive:
    """A PACS under test that answers on and on, until it is told to stop; or does not listen."""

    listens: bool = True
    told: list = field(default_factory=list)

    def serve(self, request, session):
        yield Answer(status=0xFF00, counts=(2, 1, 0, 0))
        came = threading.Event()
        for _ in range(int(LIMIT_S / 0.01)):
            if session.cancelled(request):
                self.told.append(request.message_id)
                break
            came.wait(0.01)
        yield Answer(status=0xFE00 if self.listens else 0, counts=(1, 1, 0, 0))


@pytest.mark.slow
@pytest.mark.parametrize("listens", [True, False])
def test_it_is_ended_after_as_many_answers_as_then(listens):
    archive = Archive(listens)
    listener = Listener(archive, "OLDPACS", [(STUDY_MOVE, [EXPLICIT])])
    at = listener.start("127.0.0.1", 0)
    lines = [one for one in ended() if one.number not in {2, 3}]
    player, score = player_of("PACS", lines)
    ends = DicomPlayer(player, SPECS, lambda _: at, guard(), LIMIT_S, score.lines)
    try:
        for turn in score.turns:
            if turn.move == "send":
                ends.send(turn.line)
    finally:
        ends.close()
        listener.stop()

    last = "C-MOVE-RSP^FE00" if listens else "C-MOVE-RSP^0000"
    assert [one.kind for one in player.heard] == ["C-MOVE-RSP^FF00", last]
    assert archive.told == [5]
    assert player.sent == 2
    assert not player.refused
    fault = faults.parse("PACS C-MOVE-RSP^FE00 count = 1")
    assert faults.look(fault, player.heard, lambda _: None).shows is not listens


@pytest.mark.slow
def test_what_was_over_before_is_not_ended_and_is_told():
    class Quick:
        def serve(self, request, session):
            yield Answer(status=0, counts=(0, 0, 0, 0))

    listener = Listener(Quick(), "OLDPACS", [(STUDY_MOVE, [EXPLICIT])])
    at = listener.start("127.0.0.1", 0)
    player, score = player_of("PACS", ended())
    ends = DicomPlayer(player, SPECS, lambda _: at, guard(), LIMIT_S, score.lines)
    try:
        for number in (0, 4):
            ends.send(next(one.line for one in score.turns if one.line.number == number + 1))
    finally:
        ends.close()
        listener.stop()

    assert [one for one in player.refused if CANCEL in one]
    assert player.sent == 1


# ---- the system ends it


class Gaps:
    """Notes what would be waited for."""

    def __init__(self):
        self.seen = []
        self.ended = threading.Event()

    def wait(self, seconds):
        self.seen.append(seconds)
        return self.ended.wait(min(seconds, 0.01))

    def set(self):
        self.ended.set()


def asked(lines, *, ends_it, wait_s, pace=None):
    """The viewer under test retrieves from the case."""

    @dataclass
    class Viewer:
        came: list = field(default_factory=list)

        def serve(self, request, session):
            self.came.append(request)
            yield Answer(status=0)

    viewer = Viewer()
    listener = Listener(viewer, "NEWVIEW", [("1.2.840.10008.5.1.4.1.1.2", [EXPLICIT])])
    at = listener.start("127.0.0.1", 0)
    player, score = player_of("viewer", lines)
    ends = DicomPlayer(player, SPECS, lambda _: at, guard(), wait_s, score.lines, pace or Pace())
    _, where = ends.listen(None)
    try:
        keys = DataSet.of(
            {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": player.slots.text(STUDY)}
        )
        offers = [Offer(abstract=STUDY_MOVE, syntaxes=[EXPLICIT])]
        with Association(Peer(address=where, called="OLDPACS", calling="NEWVIEW"), offers) as link:
            request = Request(kind="C-MOVE", sop_class=STUDY_MOVE, syntax=EXPLICIT, message_id=77,
                              destination="NEWVIEW", payload=payload_of(keys, EXPLICIT))  # fmt: skip
            answers = []
            for one in link.ask_all(request):
                answers.append(one.status)
                if ends_it and one.status == 0xFF00:
                    link.cancel(request)
        came = [ends.wait(one.line) for one in score.turns if one.line.kind == CANCEL]
    finally:
        ends.close()
        listener.stop()
    return answers, player, viewer, came


@pytest.mark.slow
def test_what_the_system_ends_gets_its_recorded_end():
    answers, player, viewer, came = asked(ended(), ends_it=True, wait_s=LIMIT_S)

    assert answers == [0xFF00, 0xFE00]
    assert len(viewer.came) == 1
    assert came == [True]
    (heard,) = [one for one in player.heard if one.kind == CANCEL]
    assert heard.matched == 5
    assert not player.unmatched


@pytest.mark.slow
def test_an_end_that_does_not_come_again_is_missing():
    answers, player, _, came = asked(ended(), ends_it=False, wait_s=0.05)

    assert answers == [0xFF00, 0xFE00]
    assert came == [False]
    assert not [one for one in player.heard if one.kind == CANCEL]


@pytest.mark.slow
def test_an_end_that_nobody_asked_for_then_is_granted_and_told():
    answers, player, viewer, _ = asked(
        recording(), ends_it=True, wait_s=LIMIT_S, pace=Pace(1.0, _over=Gaps())
    )

    assert answers[0] == 0xFF00
    assert answers[-1] in {0xFE00, 0}  # it may come behind the last word
    if answers[-1] == 0xFE00:
        assert [one.heard.kind for one in player.unmatched] == [CANCEL]
    assert viewer.came


# ---- gaps


@pytest.mark.slow
def test_gaps_between_sub_operations_are_kept_where_that_is_asked_for():
    pace = Pace(2.0, _over=Gaps())
    asked(recording(), ends_it=False, wait_s=LIMIT_S, pace=pace)
    # From the request at 1 s: a store at 2, a word at 4, a store at 5, the last word at 7.
    assert [one for one in pace._over.seen if one >= 1] == [2.0, 4.0, 2.0, 4.0]

    none = Pace(0.0, _over=Gaps())
    asked(recording(), ends_it=False, wait_s=LIMIT_S, pace=none)
    assert [one for one in none._over.seen if one >= 1] == []


def test_no_gap_is_longer_than_the_longest():
    pace = Pace(1.0, _over=Gaps())
    first = cancel(1)
    pace.wait(first, replace(first, at_s=1e6))
    pace.wait(first, replace(first, at_s=0.0))
    assert pace._over.seen == [GAP_MAX_S]
    assert BACK in SPECS
