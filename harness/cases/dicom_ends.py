"""The ends of a case that speak DICOM, made ready in a room where a system is tried."""

from __future__ import annotations

from harness.cases.dicom_cancel import Pace
from harness.cases.dicom_match import PROTOCOL
from harness.cases.dicom_player import DicomPlayer
from harness.cases.dicom_room import ImagingRoles
from harness.cases.guard import CaseGuard
from harness.cases.player import Player
from harness.cases.score import Score
from harness.scenario.bench import Bench


def ends_of(
    bench: Bench,
    player: Player,
    score: Score,
    guard: CaseGuard,
    wait_s: float,
    timed: float = 0.0,
) -> DicomPlayer:
    """The ends of a case that speak DICOM; a system of ours gets to know where they listen.

    Args:
        bench: of the replay.
        player: of the other protocols.
        score: of the case.
        guard: lets only persons of the case through.
        wait_s: for each answer.
        timed: recorded gaps inside of a retrieval, times this; 0 waits for nothing.
    """
    images = DicomPlayer(
        player, bench.specs, bench.address, guard, wait_s, score.lines, Pace(timed)
    )
    links = [one.name for one in bench.specs.values()
             if one.frm == player.system and one.protocol == PROTOCOL]  # fmt: skip
    listening = images.listen(next((bench.listening.get(one) for one in links), None))
    if listening is not None and isinstance(bench.systems, ImagingRoles):
        titles, where = listening
        for title in titles:
            bench.systems.room.expects(title, where)
    return images
