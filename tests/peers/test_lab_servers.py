"""Our analyzers against receivers of ASTM that no one here wrote, over real sockets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from expected import Expected, Observed, differences, load, of_version
from lab_rig import LabRig, name_of, results_of, site_package
from programs_of import needs, python_program, running

from harness.model import Person
from simulators.analyzer.model import load_model
from simulators.analyzer.upload import Result, message
from simulators.analyzer.upload import Tested as Specimen

pytestmark = [pytest.mark.peer, pytest.mark.slow]

EXPECTED: Final = Path(__file__).parents[2] / "fixtures" / "expected"

NAME: Final = "測試錦頭質葉"
"""Four of these end in a delimiter byte in GBK: 5C, 5E, 7C, 7E."""

HEARS_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A receiver of a peer: its name, version, and command line for an encoding."""

    name: str
    version: str
    start: Callable[[str], list[str]]


SERVERS: Final = (
    Server(name="astm", version=site_package("astm"),
           start=lambda encoding: python_program("astm_server.py", encoding)),
    Server(name="labmcp-astm-lis", version=site_package("labmcp-astm-lis"),
           start=lambda encoding: python_program("labmcp_server.py", encoding)),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One meeting: which model uploads what, and how the link behaves."""

    model: str = "chemistry"
    messages: int = 1
    items: tuple[str, ...] = ("K", "GLU", "ALT")
    unit: str = "mmol/L"
    name: str = ""
    damage: bytes = b""


LONG: Final = Exercise(unit="u" * 300)
"""A record that takes two frames: 240 bytes of text in one (LIS01-A2 §6.3)."""

EXERCISES: Final = {
    "one": Exercise(),
    "several": Exercise(messages=3),
    "long-record": LONG,
    "whole-cut": Exercise(model="roche-cobas-e411", items=("K", "GLU", "ALT", "K", "GLU")),
    "damaged": Exercise(damage=b"R|2|"),
    "utf-8": Exercise(name=NAME),
    "gbk": Exercise(name=NAME),
}

WHEN: Final = "20260105070000"


def sent_by(plan: Exercise, encoding: str) -> list[bytes]:
    """The messages of one meeting."""
    model = load_model(plan.model).model_copy(update={"encoding": encoding})
    person = Person(patient_id="TEST0001", name=plan.name, sex="F", birth="19700101")
    results = [
        Result(item=item, value=f"{number}.50", unit=plan.unit)
        for number, item in enumerate(plan.items, 1)
    ]
    return [
        message(
            model,
            [Specimen(barcode=f"B26010500{number}", results=results,
                      person=person if plan.name else None)],
            control_id=f"M{number}", time=WHEN,
        )
        for number in range(1, plan.messages + 1)
    ]  # fmt: skip


def understood(server: Server, said: dict[str, Any]) -> list[list[str]]:
    """The records of one message as the peer has them, fields as text."""
    if server.name == "astm":
        return [[_flat(field) for field in record] for record in said["records"]]
    return [record.split("|") for record in said["records"]]


def _flat(field: Any) -> str:
    """``astm`` gives components as lists, and repeats as lists of lists."""
    if isinstance(field, list):
        sign = "\\" if field and all(isinstance(one, list) for one in field) else "^"
        return sign.join(_flat(one) for one in field)
    return "" if field is None else str(field)


def by_hand(payload: bytes, encoding: str) -> list[list[str]]:
    """What we sent, split without any codec of ours."""
    return [record.split("|") for record in re.split("\r+", payload.decode(encoding)) if record]


def meet(server: Server, exercise: str) -> set[Observed]:
    plan = EXERCISES[exercise]
    encoding = exercise if exercise in {"utf-8", "gbk"} else "utf-8"
    sent = sent_by(plan, encoding)
    with running(server.start(encoding)) as program:
        port = program.port()
        with LabRig() as rig:
            answers = rig.upload(port, plan.model, sent, plan.damage)
            program.hear(len(sent), HEARS_S)
        said = program.rest()
    found = list(_findings(server, [by_hand(one, encoding) for one in sent], answers, said))
    return {Observed(id=f"server.{exercise}.{finding}", place=place) for finding, place in found}


def _findings(
    server: Server,
    sent: Sequence[Sequence[Sequence[str]]],
    answers: Sequence[dict[str, Any]],
    said: Sequence[dict[str, Any]],
) -> Any:
    if any(one["outcome"] != "ok" for one in answers):
        yield "refused", "astm link"
    got = [understood(server, one) for one in said]
    if len(got) < len(sent):
        yield "effect-missing", "program"
    if len(got) > len(sent):
        yield "effect-repeated", "program"
    for ours, theirs in zip(sent, got, strict=False):
        if results_of(theirs) != results_of(ours):
            yield "results-altered", "astm R"
        if name_of(theirs) != name_of(ours):
            yield "name-altered", "astm P.6"


MEETINGS: Final = [
    pytest.param(server, exercise, id=f"{server.name}-{exercise}")
    for server in SERVERS
    for exercise in EXERCISES
]


def known(server: Server) -> list[Expected]:
    return [
        entry
        for entry in load(EXPECTED / f"{server.name}.toml")
        if entry.observed.id.startswith("server.")
    ]


@pytest.mark.parametrize(("server", "exercise"), MEETINGS)
def test_a_receiver_does_what_is_known_of_it(server: Server, exercise: str) -> None:
    needs(server.name, server.version)

    observed = meet(server, exercise)

    expected = [entry for entry in known(server) if entry.observed.id.split(".")[1] == exercise]
    lines = differences(observed, expected)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_every_entry_can_appear_in_this_version(server: Server) -> None:
    needs(server.name, server.version)

    entries = known(server)

    assert of_version(entries, server.version) == []
    assert {entry.observed.id.split(".")[1] for entry in entries} <= set(EXERCISES)
