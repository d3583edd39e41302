"""The door to the families: each shipped model has an actor, a link and messages."""

from __future__ import annotations

from datetime import datetime

import pytest

from harness.clock import CHINA, VirtualClock
from harness.errors import InputError
from simulators.analyzer import families
from simulators.analyzer.model import known_models, load_model
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen

TIME = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)
OTHERS = [name for name in known_models() if load_model(name).family != "astm"]


@pytest.mark.parametrize("name", OTHERS)
def test_actor_and_messages(name: str) -> None:
    model = load_model(name)
    actor = families.actor(model, VirtualClock())
    section = getattr(model, model.family)
    items = list(section.analytes if model.family == "poct1a" else section.channels)
    tested = Specimen(barcode="24000001", results=[Result(item=items[0], value="5.6")])

    assert actor.link == families.LINKS[model.family]
    sent = families.payloads(model, [tested], first_id=1, time=TIME)
    assert any(b"24000001" in payload for payload in sent)


def test_there_are_enough_of_each() -> None:
    found = [load_model(name).family for name in OTHERS]

    assert (found.count("hl7") >= 5, found.count("framed") >= 9, found.count("poct1a")) == (
        True,
        True,
        1,
    )


def test_astm_has_its_own() -> None:
    model = load_model("chemistry")
    with pytest.raises(InputError, match="chemistry"):
        families.actor(model, VirtualClock())
    with pytest.raises(InputError, match="chemistry"):
        families.payloads(model, [], first_id=1, time=TIME)
