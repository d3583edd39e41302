"""What a person sees of a comparison: few groups, with every signature folded beneath one."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.evidence.verdict import Verdict
from harness.report.model import Profile, Run
from harness.selfcheck.upgrade import GROUPS_MAX, found_of
from harness.upgrade import report
from harness.upgrade.approvals import Approval, apply
from harness.upgrade.command import show
from harness.upgrade.compare import Comparison
from harness.upgrade.differences import Difference, signatures
from harness.upgrade.observe import RunFolder
from harness.upgrade.roots import chain
from simulators.hospital.releases_regressions import Regression


def one(path: str, at: int, interface: str = "LIS-ORU", scenario: str = "s1") -> Difference:
    return Difference(cls="value", interface=interface, name="ORU^R01", path=path, place=path,
                      old="mmol/L", new="mg/dL", scenario=scenario, position=at)  # fmt: skip


UNIT = one("OBX-6", 3)
FOLLOWING = [one(f"row.c{n}", 9, "sql HIS") for n in range(12)]
OTHER = one("OBX-8", 3, scenario="s2")


def comparison(*scenarios: list[Difference], approved: Difference | None = None) -> Comparison:
    told = signatures(iter(each for found in scenarios for each in found))
    first = {key: each.first for key, each in told.items()}
    given = [] if approved is None else [
        Approval(signature=approved.signature, expires=date.max, reason="meant", ticket="CHG-1",
                 approver="x", where="a.toml"),
    ]  # fmt: skip
    return Comparison(
        signatures=told, coverage=[], applied=apply(given, first, date(2026, 1, 1)),
        compared=len(scenarios), observations=(9, 9), learned=0,
        chains=[chain(found) for found in scenarios],
    )  # fmt: skip


def written(found: Comparison, out: Path) -> tuple[dict[str, Any], str]:
    run = Run(
        format=1, harness_version="0.1.0", started="2026-01-01T08:00:00", seconds=1.0, seed=1,
        label="a run", profile=Profile(name="p"), verdict=Verdict.PASS, counts={}, systems=(),
        scenarios=(), requirements=(), interfaces=(),
    )  # fmt: skip
    side = RunFolder(path=out, run=run)
    report.write(found, side, side, out)
    return (
        json.loads((out / "compare.json").read_text("utf-8")),
        (out / "compare.html").read_text("utf-8"),
    )


def folded(page: str) -> list[list[str]]:
    """Signatures of each group, read off the page."""
    groups = re.findall(r'<details class="group".*?</details>', page, re.DOTALL)
    return [re.findall(r"<td><code>([0-9a-f]{12})</code>", each) for each in groups]


def test_what_follows_is_folded_beneath_the_difference_that_came_first(tmp_path: Path) -> None:
    found = comparison([UNIT, *FOLLOWING], [OTHER])

    data, page = written(found, tmp_path)

    groups = data["groups"]
    assert [(each["number"], each["path"], len(each["signatures"])) for each in groups] == [
        (1, "OBX-6", 13), (2, "OBX-8", 1),
    ]  # fmt: skip
    assert folded(page) == [each["signatures"] for each in groups]
    assert {each["signature"] for each in data["signatures"]} == set(found.signatures)
    assert [each["group"] for each in data["signatures"]] == [1] * 13 + [2]


def test_what_is_approved_is_in_no_group_and_still_on_the_page(tmp_path: Path) -> None:
    data, page = written(comparison([OTHER, UNIT], approved=OTHER), tmp_path)

    assert [each["path"] for each in data["groups"]] == ["OBX-6"]
    last = data["signatures"][-1]
    assert (last["signature"], last["group"], last["approved"]) == (
        OTHER.signature, None, "CHG-1",
    )  # fmt: skip
    assert OTHER.signature in page
    assert OTHER.signature not in str(folded(page))


def test_a_difference_of_no_chain_is_a_group_by_itself(tmp_path: Path) -> None:
    found = comparison([UNIT])
    found.signatures[OTHER.signature] = signatures(iter([OTHER]))[OTHER.signature]  # type: ignore[index] # a dict

    data, page = written(found, tmp_path)

    assert [each["path"] for each in data["groups"]] == ["OBX-6", "OBX-8"]
    assert len(folded(page)) == 2


def test_the_terminal_shows_a_line_a_group_and_one_for_what_follows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = comparison([UNIT, *FOLLOWING], [OTHER])
    data, _ = written(found, tmp_path)

    show(data, found.verdict, tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert [line[:2].strip() for line in lines[1:4]] == ["1", "", "2"]
    assert "12" in lines[2]
    assert "sql HIS ORU^R01 row.c0" in lines[2]


REGRESSION = Regression(defect="x", interface="LIS-ORU", paths=("OBX-6",), folder="lab")


def _of(out: Path, *scenarios: list[Difference]) -> Any:
    written(comparison(*scenarios), out)
    return found_of(REGRESSION, "lab-64", out)


def test_the_self_check_counts_what_the_report_shows(tmp_path: Path) -> None:
    found = _of(tmp_path, [UNIT, *FOLLOWING], [OTHER])

    assert (found.groups, found.folds, found.signatures) == (2, 2, 14)
    assert found.right


def test_the_self_check_fails_above_its_limit_and_at_another_place(tmp_path: Path) -> None:
    many = [[one(f"OBX-{n + 10}", 3, scenario=f"t{n}")] for n in range(GROUPS_MAX)]

    assert not _of(tmp_path / "many", [UNIT], [UNIT], *many).right
    assert _of(tmp_path / "three", [UNIT], [UNIT], *many[1:]).right
    assert not _of(tmp_path / "elsewhere", [OTHER]).right
    assert not _of(tmp_path / "nothing").right


def test_the_self_check_fails_where_the_page_shows_other_groups(tmp_path: Path) -> None:
    written(comparison([UNIT]), tmp_path)
    path = tmp_path / "compare.html"
    text = path.read_text("utf-8")
    path.write_text(text + '<details class="group" data-group="2"></details>', "utf-8")

    assert not found_of(REGRESSION, "lab-64", tmp_path).right
