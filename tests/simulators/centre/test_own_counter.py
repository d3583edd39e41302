"""A refund at the centre's own counter: in its books like any other, and asked for by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.clock import VirtualClock
from harness.link import actor as act
from simulators.centre import provinces
from simulators.centre.centre import Centre
from simulators.centre.centre_commands import obey
from tests.simulators.centre.counter import SEED, Counter, Visit


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.close()


@pytest.fixture
def centre(counter: Counter) -> Centre:
    return Centre(
        province=provinces.load_province("hunan"),
        handlers=counter.handlers,
        store=counter.store,
        clock=VirtualClock(),
        seed=SEED,
    )


def told(centre: Centre, name: str, **args: Any) -> act.Reply:
    found = obey(centre, act.Commanded(name=name, args=args, ident=1))
    assert isinstance(found, act.Reply)
    return found


def settled(visit: Visit) -> dict[str, Any]:
    visit.charge(("MHD0000000001", "50", "10"))
    info: dict[str, Any] = visit.settle()["setlinfo"]
    return info


def test_it_is_in_the_books_as_if_the_hospital_had_asked(counter: Counter, centre: Centre) -> None:
    visit = counter.register()
    accounts = counter.books("accounts")
    info = settled(visit)
    found = told(centre, "refund", psn_no=visit.psn_no)
    assert found.error == ""
    assert counter.books("accounts") == accounts
    rows = {row["setl_id"]: row for row in counter.books("settlements")["settlements"]}
    back = rows[found.value]
    assert (back["refd_setl_flag"], back["init_setl_id"]) == ("1", info["setl_id"])
    assert back["medfee_sumamt"] == -rows[info["setl_id"]]["medfee_sumamt"] == -50_000
    # Under a message that the hospital never sent, and that it can look up all the same.
    assert counter.last is not None
    assert back["medins_setl_id"] not in {"", counter.last.msgid}
    said = counter.ok("5203", data=visit.keys() | {"setl_id": found.value})
    assert said["setlinfo"]["setl_id"] == found.value
    assert "已撤销" in counter.no("2208", data=visit.keys() | {"setl_id": info["setl_id"]})


def test_of_several_settlements_the_latest_one_goes_back(counter: Counter, centre: Centre) -> None:
    first, second = settled(counter.register()), settled(counter.register())
    psn_no = str(first["psn_no"])
    assert second["psn_no"] == psn_no
    for wanted in (second, first):
        found = told(centre, "refund", psn_no=psn_no)
        rows = {row["setl_id"]: row for row in counter.books("settlements")["settlements"]}
        assert rows[found.value]["init_setl_id"] == wanted["setl_id"]
    assert "no settlement" in told(centre, "refund", psn_no=psn_no).error


def test_a_stay_goes_back_as_2305(counter: Counter, centre: Centre) -> None:
    stay = counter.admit()
    stay.charge(("MHS0000000011", "100", "120"))
    stay.discharge()
    stay.settle()
    found = told(centre, "refund", psn_no=stay.psn_no)
    assert found.error == ""
    rows = {row["setl_id"]: row for row in counter.books("settlements")["settlements"]}
    assert rows[found.value]["infno"] == "2305"


def test_nothing_to_take_back_changes_nothing(counter: Counter, centre: Centre) -> None:
    visit = counter.register()
    before = counter.books()
    assert "no settlement" in told(centre, "refund", psn_no=visit.psn_no).error
    assert "KeyError" in told(centre, "refund").error
    assert counter.books() == before


def test_what_the_centre_refuses_a_hospital_it_refuses_its_own(
    counter: Counter, centre: Centre
) -> None:
    visit = counter.register()
    info = settled(visit)
    month = str(info["setl_time"])[:7].replace("-", "")
    assert told(centre, "cleared", month=month).error == ""
    before = counter.books()
    assert "refuses" in told(centre, "refund", psn_no=visit.psn_no).error
    assert counter.books() == before


def test_an_account_is_spent_elsewhere_after_the_trial_and_not_before(
    counter: Counter, centre: Centre
) -> None:
    visit = counter.register()
    visit.charge(("MHD0000000001", "50", "10"))
    assert told(centre, "spend", psn_no=visit.psn_no, infno="2206").error == ""

    def asked(infno: str, **data: Any) -> tuple[Any, list[str]]:
        counter.handle(infno, data=data)
        call = counter.last
        assert call is not None
        handled = centre.handle(call)
        assert handled.answer.infcode == 0, handled.answer.err_msg
        done = centre._committed(call, handled, 0.0)
        for one in done:
            if isinstance(one, act.Commit):
                counter.store.commit(one.statements)
        return handled.answer.output, [one.text for one in done if isinstance(one, act.Note)]

    trial, notes = asked("2206", **visit.asked())
    assert trial["setlinfo"]["acct_pay"] > 0
    assert [note.split()[0] for note in notes] == ["spent"]
    settlement, notes = asked("2207", **visit.asked())
    assert notes == []
    assert settlement["setlinfo"]["acct_pay"] == 0
    said = [one["setlinfo"] for one in (trial, settlement)]
    assert said[0]["psn_part_amt"] == said[1]["psn_part_amt"] == said[1]["psn_cash_pay"]
    assert "nothing can be spent" in told(centre, "spend", psn_no=visit.psn_no, infno="2206").error
