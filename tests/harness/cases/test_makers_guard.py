"""Who is not of the case does not leave on an instrument's own line either."""

from __future__ import annotations

import dataclasses

import pytest

from harness.captures.command import layout_of
from harness.cases import identity
from harness.cases.framing_maker import WIRE
from harness.cases.guard import CaseGuard, persons
from harness.cases.slots import Slots
from harness.clock import RealClock
from harness.errors import PermitError
from harness.link.tap import Connection
from harness.permit import Permit
from harness.profile import load_profile
from tests.harness.cases.test_makers import BARCODE, au, au_text

LINE = Connection(id="c", link="analyzer-lis-framed", interface="", local="case", peer="LIS",
                  client=True)  # fmt: skip


def test_a_minted_number_beside_another_column_is_of_the_case_and_a_strange_one_is_not():
    places = dataclasses.replace(identity.load(), layout=layout_of("beckman-au"))
    known = frozenset(persons([(WIRE, au(au_text()))], "s", places))
    slots = Slots("x")
    slots._bind("barcode", BARCODE.encode(), b"B7777777777")
    permit = Permit(load_profile("memory"), RealClock().wall)
    guard = CaseGuard(permit, known, "s", slots.recorded, places)

    assert known
    guard.payload(LINE, WIRE, au(au_text()))
    guard.payload(LINE, WIRE, au(au_text("B7777777777")))
    with pytest.raises(PermitError):
        guard.payload(LINE, WIRE, au(au_text("B1234567890")))
