"""Release 2 of the built-in hospital: ten intended changes, and regressions found at their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from depth import some

from harness.selfcheck.upgrade import GROUPS_MAX, Check, Stage, compared
from harness.upgrade.approvals import untouchable
from harness.upgrade.differences import Difference
from harness.wire.hl7 import Hl7Message
from simulators.hospital.defects import BY_ID, IMAGING
from simulators.hospital.releases import CHANGES, switches, written
from simulators.hospital.releases_regressions import REGRESSIONS

PILLARS = ("lab", "feeds", "insurance", "imaging")


def test_release_2_holds_ten_changes_and_release_1_none() -> None:
    assert switches(1) == ()
    assert len(switches(2)) == len(CHANGES) == 10
    with pytest.raises(ValueError, match="3"):
        switches(3)


def test_there_are_thirty_regressions_over_all_pillars_each_of_a_catalogue_row() -> None:
    known = BY_ID | {one.id: one for one in IMAGING}

    assert len({one.defect for one in REGRESSIONS}) == len(REGRESSIONS) >= 30
    assert {one.folder for one in REGRESSIONS} == set(PILLARS)
    assert all(known[one.defect].source for one in REGRESSIONS)


ELSEWHERE = [
    "lis-cuts-decimals", "lis-unit-of-other-row", "lis-ignores-text-map",
    "lis-declares-other-charset", "his-yb-expired-mapping", "pacs-unknown-destination-succeeds",
]  # fmt: skip
"""Seen first in what is sent of it, or by what the whole message is written in, or as a status."""


def test_each_regression_names_a_place_that_its_defect_has() -> None:
    """Of a place such as ``LIS-ORU hl7 OBX-6`` or ``HIS-YB sql yb_settlement.fund_fen``."""
    known = BY_ID | {one.id: one for one in IMAGING}
    strays = []
    for one in REGRESSIONS:
        words = {
            word
            for place in known[one.defect].places
            for word in [*re.split(r"[ .\[\]]+", place), place.rpartition(" ")[2]]
        }
        leaves = {
            part for path in one.paths
            for part in (path, re.split(r"[./]", path)[-1], path.lstrip("@").partition("/")[0])
        }  # fmt: skip
        if not leaves & words:
            strays.append(one.defect)

    assert strays == ELSEWHERE


def test_a_message_of_release_2_is_another_one_and_nothing_is_lost() -> None:
    text = (
        "MSH|^~\\&|LIS||HIS||2026||ORU^R01|M1|P|2.4\rPID|1||P1||张三\rOBR|1|O1|S1\r"
        "OBX|1|NM|K||4.1|mmol/L\rOBX|2|NM|NA||140|mmol/L\r"
    )
    raw = text.encode("gb18030")

    assert written(raw, "LIS", set()) is raw
    assert written(raw, "HIS", set(switches(2))) is raw, "only the LIS sends it"
    new = Hl7Message.parse(written(raw, "LIS", set(switches(2))))
    assert [new.get(f"OBX[{n}]-3.3") for n in (1, 2)] == ["L", "L"]
    assert [new.get(f"OBX[{n}]-5") for n in (1, 2)] == ["4.1", "140"]
    assert new.get("OBR-24") == "CH"
    assert new.get("PID-5") == "张三"
    assert written(new.raw, "LIS", set(switches(2))) == new.raw, "sent again, the same"


@pytest.mark.slow
def test_the_changes_of_release_2_are_seen_and_all_can_be_approved(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 1)
    chosen = stage.slice_of("feeds", "REQ-FEED-001") + stage.slice_of("feeds", "REQ-FEED-012")
    before = stage.play(chosen, "memory")
    after = stage.play(chosen, "memory", release=2)
    clean = compared(before, after)
    first = {key: each.first for key, each in clean.signatures.items()}
    meant = {(one.interface, one.path) for one in CHANGES}

    assert {(one.interface, one.path) for one in first.values()} <= meant, "nothing else"
    assert len(first) >= 5
    assert not any(untouchable(one) for one in first.values())
    assert compared(before, after, first).verdict.value == "pass"


@pytest.mark.slow
@pytest.mark.parametrize(
    "defect",
    ["lis-sends-no-unit", "lis-wrong-msa-2", "lis-narrow-value-column", "his-yb-own-clock"],
)
def test_a_regression_is_first_in_few_groups(defect: str) -> None:
    check = Check(quick=False, seed=1, only=[defect], say=lambda _: None)
    expected: list[int] = []
    check.run(expected.append)

    assert expected == [1], "what is told of its progress"
    assert check.failures == []
    assert [one.right for one in check.found] == [True]
    assert 1 <= check.found[0].groups <= GROUPS_MAX


@pytest.mark.slow
@pytest.mark.parametrize("seed", some(range(2, 22), 5))
def test_equal_releases_differ_in_nothing_whatever_the_seed(
    seed: int, first_run: tuple[Stage, object]
) -> None:
    stage, before = first_run
    after = stage.play(_slice(stage), "memory", seed=seed)
    result = compared(before, after)  # type: ignore[arg-type] # of the fixture below

    assert list(result.signatures) == []
    assert result.coverage == []
    assert min(result.observations) > 50


def _slice(stage: Stage) -> list[object]:
    chosen = [one for folder in PILLARS[:3] for one in stage.slice_of(folder)]
    return chosen[3::40]  # type: ignore[return-value] # scenarios of every pillar


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, object]:
    stage = Stage(tmp_path_factory.mktemp("runs"), 1)
    return stage, stage.play(_slice(stage), "memory")  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    ("path", "never"),
    [
        ("/input/data/fund_pay_sumamt", True), ("/input/data/psn_name", True),
        ("/input/in!detail.txt.4", True), ("(0010,0010)", True), ("(0010,0020)", True),
        ("/recer_sys_code", False), ("(0040,1003)", False), ("OBX-3.3", False), ("@status", False),
    ],
)  # fmt: skip
def test_money_and_identity_can_never_be_approved_in_any_protocol(path: str, never: bool) -> None:
    one = Difference(cls="value", interface="HIS-YB", name="2207", path=path, place=path, old="1",
                     new="2", scenario="s", position=0)  # fmt: skip

    assert untouchable(one) is never
