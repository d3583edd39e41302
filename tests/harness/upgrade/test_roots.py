"""Where scenarios diverged first, and what follows."""

from __future__ import annotations

from harness.upgrade.differences import Difference
from harness.upgrade.roots import Chain, Group, chain
from harness.upgrade.roots import groups as gathered


def one(
    path: str, at: int, *, interface: str = "LIS-ORU", name: str = "ORU^R01", cls: str = "value"
) -> Difference:
    return Difference(
        cls=cls, interface=interface, name=name, path=path, place=path, old="1", new="2",
        scenario="s", position=at, sender="LIS",
    )  # fmt: skip


def roots(chains: list[Chain], approved: set[str] | None = None) -> list[Group]:
    told = dict.fromkeys(link.signature for each in chains for link in each)
    return gathered(chains, [key for key in told if key not in (approved or ())])


UNIT, FLAG, STORED = one("OBX-6", 3), one("OBX-8", 5), one("row.unit", 9, interface="sql HIS")
VERDICT = one("", -1, cls="verdict", name="")


def test_the_first_divergence_is_the_root_and_the_rest_follows() -> None:
    found = roots([chain([VERDICT, UNIT, STORED])])

    assert [each.signature for each in found] == [UNIT.signature]
    assert found[0].follows == [STORED.signature, VERDICT.signature]
    assert found[0].scenarios == 1


def test_two_defects_are_two_roots_the_one_of_more_scenarios_first() -> None:
    chains = [chain([FLAG]), chain([UNIT]), chain([FLAG, one("OBX-9", 7)])]

    assert [each.signature for each in roots(chains)] == [FLAG.signature, UNIT.signature]


def test_what_is_approved_is_no_root_and_hides_nothing() -> None:
    found = roots([chain([UNIT, FLAG])], {UNIT.signature})

    assert [each.signature for each in found] == [FLAG.signature]
    assert roots([chain([UNIT])], {UNIT.signature}) == []


def test_what_a_system_keeps_may_have_been_first_though_it_is_seen_last() -> None:
    total = one("/input/total", 4, interface="HIS-YB", name="3201")
    fund = one("row.fund", 9, interface="sql HIS", name="ledger")

    found = roots([chain([total, fund]), chain([fund])])

    assert [each.signature for each in found] == [fund.signature]
    assert found[0].follows == [total.signature]


def test_the_type_of_a_value_follows_from_the_value() -> None:
    kind, value = one("OBX-2", 3), one("OBX-5", 3)

    assert [each.signature for each in roots([chain([kind, value])])] == [value.signature]
    assert [each.signature for each in roots([chain([kind])])] == [kind.signature]


def test_a_header_is_one_thing_whatever_the_type_of_the_message() -> None:
    order, result = one("MSH-12", 1, name="OML^O21"), one("MSH-12", 1)
    body, other = one("OBX-6", 1), one("OBX-6", 1, name="ORU^R40")

    assert order.signature == result.signature
    assert body.signature != other.signature
