"""Every model that ships uploads one generated specimen, and the built-in LIS has it.

The LIS is set up as the staff would do it: orders by HL7, an item map, a port. What must be stored
comes from the generated specimen and the catalogue; nothing here reads a message.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import resources
from harness.link import actor as act
from harness.link.pump import Pump
from harness.wire.core import Message
from simulators.analyzer import families, generate, lis_side
from simulators.analyzer.analyzer import LINK as ASTM
from simulators.analyzer.analyzer import Analyzer
from simulators.analyzer.model import AnalyzerModel, known_models, load_model
from simulators.analyzer.upload import Tested as Specimen
from simulators.analyzer.upload import message
from simulators.hospital.built_in import BuiltInHospital
from tests.harness.link.parties import host
from tests.simulators.desk import adt, oml

ITEMS = tomllib.loads(resources.fixture("catalogues", "lab_items.toml").read_text("utf-8"))


class Lab:
    """A LIS in the pump, and one analyzer beside it."""

    def __init__(self, folder: Path, *defects: str) -> None:
        self.pump = Pump()
        config = {
            "role": "LIS", "store": str(folder / "lis.sqlite"), "durable": False,
            "defects": defects,
        }  # fmt: skip
        actor, self.store = BuiltInHospital().make(config, self.pump.clock)
        self.lis: Any = actor
        self.member = self.pump.add("LIS", host(actor, self.pump.clock, store=self.store))

    def order(self, one: Specimen, *, nth: int = 1) -> None:
        """Admit and order, as messages of the HIS; ``nth`` tells orders of one test apart."""
        items = [
            part
            for number, result in enumerate(one.results, 1)
            for part in (f"ORC|NW|O{nth}", f"OBR|{number}|O{nth}|{one.barcode}|{result.item}|R")
        ]
        person = "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F"
        texts = adt("A01", f"A{nth}", person, "PV1|1|I|W03^^12")
        for payload in (texts, oml(f"B{nth}", *items)):
            event = Message(payload=payload)
            for command in self.lis.on_event(
                act.Received(conn="his#1", link="his-lis", event=event), self.pump.clock.now()
            ):
                if isinstance(command, act.Commit):
                    self.store.commit(command.statements)

    def set_up(self, model: AnalyzerModel, tested: Specimen) -> None:
        """The item map, and the port of an instrument with a framing of its own."""
        if model.family == "framed":
            self.command("configure_port", **lis_side.port(model))
        tests = lis_side.tests_of(model, [one.item for one in tested.results])
        order = lis_side.settings(model, tests, ITEMS)
        if order["sender"]:
            self.command("configure_analyzer", **order)

    def command(self, name: str, **args: Any) -> Any:
        return self.pump.command("LIS", name, args, 5)

    def play(self, model: AnalyzerModel, tested: Specimen) -> dict[str, Any]:
        """One upload, to its end."""
        now = self.pump.clock.wall()
        order: dict[str, Any]
        if model.family == "astm":
            time = now.strftime("%Y%m%d%H%M%S")
            payload = message(model, [tested], control_id="1", time=time)
            actor: Any = Analyzer(link_config=model.link_config(), repeats=model.repeats)
            link, order = ASTM, {"payload": payload.hex()}
        else:
            sent = families.payloads(model, [tested], first_id=1, time=now)
            actor = families.actor(model, self.pump.clock)
            link, order = families.LINKS[model.family], {"payloads": [one.hex() for one in sent]}
        analyzer = self.pump.add("analyzer", host(actor, self.pump.clock))
        analyzer.routes[link] = self.member.listen(link)
        answer: dict[str, Any] = self.pump.command("analyzer", "upload", order, 600)
        return answer

    def stored(self, barcode: str) -> list[tuple[str, ...]]:
        rows = self.store.rows(
            "SELECT item, value, unit, patient_id FROM results WHERE barcode = ? ORDER BY item",
            (barcode,),
        )
        return [tuple(row.values()) for row in rows]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    one = Lab(tmp_path)
    yield one
    one.store.close()


UNENDED = "accre8"
"""Its blocks have no FS, so a LIS that keeps to the standard never gets a message from it."""

NEVER_STORED = {UNENDED, "getein-magicl"}
"""What a LIS that keeps to the standard cannot read; for each, a test of its own says so. The second
is in ``test_odd_instruments.py``."""


@pytest.mark.parametrize("name", [name for name in known_models() if name not in NEVER_STORED])
def test_its_results_are_stored(lab: Lab, name: str) -> None:
    model = load_model(name)
    tested = generate.run(11, model)
    lab.order(tested)
    lab.set_up(model, tested)

    answer = lab.play(model, tested)

    count = len(tested.results)
    lab.pump.wait(lambda: len(lab.stored(tested.barcode)) >= count, lab.pump.clock.now() + 60)
    lab.pump.wait(lambda: False, lab.pump.clock.now() + 60)  # nothing more comes after it
    stored = lab.stored(tested.barcode)
    assert [row[:2] for row in stored] == sorted((one.item, one.value) for one in tested.results)
    assert [row[2] for row in stored if ITEMS[row[0]]["unit"]] == [
        unit for unit in (ITEMS[row[0]]["unit"] for row in stored) if unit
    ]
    assert {row[3] for row in stored} == {"P1"}
    assert answer["outcome"] in {"ok", "unknown"}
    kept_aside = lab.store.rows("SELECT item FROM unmatched")
    assert not {row["item"] for row in kept_aside} & {one.item for one in tested.results}


def test_a_block_without_its_end_is_never_stored_and_never_acknowledged(lab: Lab) -> None:
    """HL7 2.5.1 §C.4.3: only FS CR ends a block; the instrument sees that nobody answered."""
    model = load_model(UNENDED)
    tested = generate.run(11, model)
    lab.order(tested)
    lab.set_up(model, tested)

    answer = lab.play(model, tested)

    assert answer["outcome"] != "ok"
    assert lab.stored(tested.barcode) == []
