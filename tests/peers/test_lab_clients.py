"""The sender of PyPI ``astm`` against the built-in LIS, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from expected import Observed, differences, load, of_version
from lab_rig import LabRig, site_package
from programs_of import Program, needs, python_program, running

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PEER: Final = "astm"
VERSION: Final = site_package(PEER)
EXPECTED: Final = Path(__file__).parents[2] / "fixtures" / "expected" / f"{PEER}.toml"

HEARS_S: Final = 10.0

NAME: Final = "測試錦頭質葉"
PLAIN_NAME: Final = "测试甲"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One session: how the peer cuts it, and in which character set."""

    chunk: int | None = None
    bulk: bool = False
    encoding: str = "gb18030"
    name: str = PLAIN_NAME
    values: tuple[str, ...] = ("4.10", "5.64")
    sessions: int = 1


EXERCISES: Final = {
    "one": Exercise(),
    "several": Exercise(sessions=3),
    "bulk": Exercise(bulk=True),
    "bulk-cut": Exercise(bulk=True, chunk=240, values=tuple(f"{n}.50" for n in range(1, 31))),
    "delimiter-bytes": Exercise(name=NAME),
}


def records(plan: Exercise, session: int) -> list[Any]:
    """One session as the peer's own documentation writes records."""
    tube = f"B26010500{session}"
    results = [
        ["R", str(number), [None, None, None, f"T{number:02d}"], value, "mmol/L", None, "N", None,
         "F", None, None, None, "20260105070000"]
        for number, value in enumerate(plan.values, 1)
    ]  # fmt: skip
    head = ["H", [[None], [None, "&"]], f"M{session}", None, ["PYASTM", "1.0"], None, None, None,
            None, None, None, "P", "LIS2-A2", "20260105070000"]  # fmt: skip
    return [head, ["P", "1", None, None, None, plan.name], ["O", "1", tube, None, None, "R"],
            *results, ["L", "1", "N"]]  # fmt: skip


def meet(exercise: str, folder: Path) -> set[Observed]:
    plan = EXERCISES[exercise]
    with running(python_program("astm_client.py")) as program:
        program.port()
        with LabRig() as rig:
            port, store = rig.lis(folder)
            said = [_send(program, plan, port, session) for session in range(plan.sessions)]
            rows = store.rows("SELECT barcode, item, value, instrument FROM unmatched ORDER BY id")
    kept = [(row["barcode"], row["item"], row["value"]) for row in rows]
    wanted = [
        (f"B26010500{session}", f"T{number:02d}", value)
        for session in range(plan.sessions)
        for number, value in enumerate(plan.values, 1)
    ]
    found = list(_findings(plan, said, kept, wanted))
    return {Observed(id=f"client.{exercise}.{finding}", place=place) for finding, place in found}


def _send(program: Program, plan: Exercise, port: int, session: int) -> dict[str, Any]:
    order = {"port": port, "records": records(plan, session), "encoding": plan.encoding,
             "chunk": plan.chunk, "bulk": plan.bulk}  # fmt: skip
    program.tell(json.dumps(order))
    return program.hear(session + 1, HEARS_S)[-1]


def _findings(
    plan: Exercise,
    said: list[dict[str, Any]],
    kept: list[tuple[str, str, str]],
    wanted: list[tuple[str, str, str]],
) -> Iterator[tuple[str, str]]:
    if any("error" in one for one in said):
        yield "error", "program"
    if any(not all(one.get("accepted", [True])) for one in said):
        yield "refused", "astm link"
    if set(wanted) - set(kept):
        yield "effect-missing", "LIS-ASTM sql unmatched"
    if set(kept) - set(wanted):
        yield "effect-foreign", "LIS-ASTM sql unmatched"
    if len(kept) > len(set(kept)):
        yield "effect-repeated", "LIS-ASTM sql unmatched"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_built_in_lis_serves_it(exercise: str, tmp_path: Path) -> None:
    needs(PEER, VERSION)

    observed = meet(exercise, tmp_path)

    expected = [entry for entry in load(EXPECTED)
                if entry.observed.id.startswith(f"client.{exercise}.")]  # fmt: skip
    lines = differences(observed, expected)
    assert not lines, "\n".join(lines)


def test_every_entry_can_appear_in_this_version() -> None:
    needs(PEER, VERSION)
    entries = load(EXPECTED)

    assert of_version(entries, VERSION) == []
    mine = [one.observed.id for one in entries if one.observed.id.startswith("client.")]
    assert {one.split(".")[1] for one in mine} <= set(EXERCISES)
