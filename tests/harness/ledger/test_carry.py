"""Day after day: what is open is carried, what is closed stays closed, and nobody edits the chain."""

from __future__ import annotations

import json
import shutil

import pytest

from harness.ledger import carry
from tests.harness.ledger.desk import Desk, row, rows

pytestmark = pytest.mark.slow

LATE = row(7, setl_time="2026-03-02 23:59:58")
CAME = row(7, setl_time="2026-03-03 00:00:02")


@pytest.fixture
def desk(tmp_path, capsys):
    return Desk(tmp_path, capsys)


def third(*numbers):
    return [row(n, setl_time="2026-03-03 09:00:00") for n in numbers]


def chain(desk):
    return json.loads((desk.folder / "state" / "chain.json").read_text(encoding="utf-8"))


def test_three_days_with_a_bill_over_midnight(desk):
    state = ("--state", desk.folder / "state")

    assert desk.run([*rows(0, 1), LATE], rows(0, 1), *state) == 1
    assert desk.classes("his") == ["matched", "matched", "carried"]
    first = (desk.out / "verdicts.csv").read_bytes()

    assert desk.run(third(11, 12), [*third(11, 12), CAME], *state) == 0
    assert desk.classes("centre") == ["matched", "matched", "cross_day"]
    assert desk.verdicts("centre")[2]["cause"] == "day_cut"

    # The first day again, while the second is known: the same answer to the byte, no new link.
    assert desk.run([*rows(0, 1), LATE], rows(0, 1), *state) == 1
    assert (desk.out / "verdicts.csv").read_bytes() == first
    links = chain(desk)
    assert len(links) == 2
    assert links[0]["hash"] != links[1]["hash"]
    assert desk.totals["state"] == {"run": 1, "hash": links[0]["hash"], "repeated": True}


def test_a_closed_day_stays_closed(desk):
    state = ("--state", desk.folder / "state")
    assert desk.run(rows(0, 1), rows(0, 1), *state) == 0

    assert desk.run(rows(0), rows(0, 1), *state) == 2
    assert "2026-03-02" in desk.said["error"]
    assert len(chain(desk)) == 1


def test_a_closed_key_that_comes_again_is_a_double(desk):
    state = ("--state", desk.folder / "state")
    assert desk.run(rows(0, 1), rows(0, 1), *state) == 0
    again = row(1, setl_time="2026-03-03 08:00:00")

    assert desk.run([*third(11), again], third(11), *state) == 1
    assert desk.classes("his") == ["matched", "duplicate_his"]


def test_an_open_row_is_carried_for_its_days_and_then_a_difference(desk):
    state = ("--state", desk.folder / "state", "--grace-days", "1")
    assert desk.run([*rows(0), LATE], rows(0), *state) == 1
    assert desk.classes("his")[1] == "carried"
    old = row(8, setl_time="2026-03-01 09:00:00")

    assert desk.run([*third(11), old], third(11), *state) == 1
    assert desk.classes("his") == ["matched", "his_only"]


def test_a_double_of_a_carried_bill_is_a_double(desk):
    state = ("--state", desk.folder / "state")
    assert desk.run([*rows(0), LATE], rows(0), *state) == 1
    assert desk.run(third(11), [*third(11), CAME], *state) == 0
    again = row(7, setl_time="2026-03-04 08:00:00")

    assert desk.run([row(21, setl_time="2026-03-04 09:00:00")],
                    [row(21, setl_time="2026-03-04 09:00:00"), again], *state) == 1  # fmt: skip
    assert desk.classes("centre") == ["matched", "duplicate_centre"]


def test_a_row_that_never_finds_its_partner_is_told_every_day_until_it_does(desk):
    state = ("--state", desk.folder / "state", "--grace-days", "2")
    assert desk.run([*rows(0), LATE], rows(0), *state) == 1
    codes, left = [], []
    for day in (3, 4, 5):
        same = [row(10 * day, setl_time=f"2026-03-0{day} 09:00:00")]
        codes.append(desk.run(same, same, *state))
        left.append(desk.totals["still_open"])
    assert codes == [0, 1, 1], "within its days of grace, and then a difference"
    assert [(one["rows"], one["overdue"]) for one in left] == [(1, 0), (1, 1), (1, 1)]
    (told,) = left[1]["listed"]
    assert (told["side"], told["setl_id"], told["since"]) == ("his", "S00007", "2026-03-02")
    assert "S00007" in (desk.out / "report.html").read_text(encoding="utf-8")

    last = [row(60, setl_time="2026-03-06 09:00:00")]
    assert desk.run(last, [*last, row(7, setl_time="2026-03-06 09:30:00")], *state) == 0
    assert desk.totals["still_open"]["rows"] == 0


def test_what_was_told_as_a_difference_is_listed_and_told_no_second_time(desk):
    state = ("--state", desk.folder / "state", "--grace-days", "1")
    old = row(8, setl_time="2026-02-20 09:00:00")
    assert desk.run([*rows(0), old], rows(0), *state) == 1
    assert desk.classes("his") == ["matched", "his_only"]

    assert desk.run(third(11), third(11), *state) == 0
    assert (desk.totals["still_open"]["rows"], desk.totals["still_open"]["overdue"]) == (1, 0)


def test_carry_from_is_only_read(desk):
    state = desk.folder / "state"
    assert desk.run([*rows(0), LATE], rows(0), "--state", state) == 1
    before = {one.name: one.read_bytes() for one in state.iterdir()}

    assert desk.run(third(11), [*third(11), CAME], "--carry-from", state) == 0
    assert {one.name: one.read_bytes() for one in state.iterdir()} == before


@pytest.mark.parametrize("what", ["link", "file", "missing", "order"])
def test_a_chain_that_was_touched_stops_everything(desk, what):
    state = desk.folder / "state"
    assert desk.run([*rows(0, 1), LATE], rows(0, 1), "--state", state) == 1
    assert desk.run(third(11), [*third(11), CAME], "--state", state) == 0
    links = chain(desk)
    if what == "link":
        links[0]["days"] = ["2026-02-01", "2026-02-01"]
    elif what == "order":
        links.reverse()
    elif what == "file":
        shutil.copy(state / "00002.open.parquet", state / "00001.open.parquet")
    else:
        (state / "00002.closed.parquet").unlink()
    (state / "chain.json").write_text(json.dumps(links), encoding="utf-8")

    assert desk.run([row(20, setl_time="2026-03-04 09:00:00")],
                    [row(20, setl_time="2026-03-04 09:00:00")], "--state", state) == 3  # fmt: skip
    assert not (desk.out / "verdicts.csv").exists()


def test_pairs_that_are_closed_do_not_come_again_in_a_wider_window(desk):
    state = ("--state", desk.folder / "state")
    assert desk.run(rows(0, 1), rows(0, 1), *state) == 0
    wider = [*rows(0, 1), *third(11)]

    assert desk.run(wider, wider, *state) == 2
    assert "2 settlements are closed already" in desk.said["error"]
    assert "S00000, S00001" in desk.said["error"]
    assert len(chain(desk)) == 1
    assert desk.run(third(11), third(11), *state) == 0


WEAK = row(7, setl_id="8001234567")
BACK = {"setl_time": "2026-03-03 08:00:00"}


def test_a_weak_pair_gives_way_to_the_key_of_a_later_day(desk):
    state = ("--state", desk.folder / "state")
    other = row(7, setl_id="8001234566", setl_time="2026-03-02 10:00:02")
    assert desk.run([*rows(0), WEAK], [*rows(0), other], *state) == 1
    assert desk.classes("his") == ["matched", "id_suspect"]

    # The centre's row comes a day late: what was taken for it is nobody's again.
    assert desk.run(third(11), [*third(11), WEAK | BACK], *state) == 1
    assert desk.classes("centre") == ["matched", "cross_day"]
    (told,) = desk.totals["still_open"]["listed"]
    assert (told["side"], told["setl_id"], told["overdue"]) == ("centre", "8001234566", True)

    # From then on it is listed like every row that nobody has closed, and told no second time.
    last = [row(21, setl_time="2026-03-04 09:00:00")]
    assert desk.run(last, last, *state) == 0
    assert [one["setl_id"] for one in desk.totals["still_open"]["listed"]] == ["8001234566"]
    his = row(7, setl_id="8001234566", setl_time="2026-03-05 09:30:00")
    last = [row(22, setl_time="2026-03-05 09:00:00")]
    assert desk.run([*last, his], last, *state) == 0
    assert desk.classes("his") == ["matched", "cross_day"]
    assert desk.totals["still_open"]["rows"] == 0


def test_a_pair_on_a_repeated_key_is_not_closed(desk):
    state = ("--state", desk.folder / "state")
    assert desk.run([*rows(0, 7), row(7, msgid="G2")], rows(0, 7), *state) == 1
    assert desk.classes("his").count("duplicate_his") == 1

    # The centre's second row: with a closed key it would be a double, and two wrongs told.
    assert desk.run(third(11), [*third(11), row(7, msgid="G2") | BACK], *state) == 0
    assert desk.classes("centre") == ["matched", "cross_day"]

    # Now as many stand on either side, and the key is closed.
    day = {"setl_time": "2026-03-04 09:00:00"}
    assert desk.run([row(21, **day)], [row(21, **day), row(7, msgid="G3") | day], *state) == 1
    assert desk.classes("centre") == ["matched", "duplicate_centre"]


def test_one_row_more_of_a_repeated_key_is_no_partner_of_a_pair(desk):
    state = ("--state", desk.folder / "state")
    twice = [row(0), row(7), row(7, msgid="G2")]
    assert desk.run(twice, twice, *state) == 0

    assert desk.run([*third(11), row(7, msgid="G3") | BACK], third(11), *state) == 1
    assert desk.classes("his") == ["matched", "carried"]


def test_a_state_of_an_earlier_version_is_read(desk):
    state = desk.folder / "state"
    assert desk.run([*rows(0), LATE], rows(0), "--state", state) == 1
    links = chain(desk)
    del links[0]["files"]["loose"]
    (state / "00001.loose.parquet").unlink()
    links[0]["hash"] = carry._seal("", links[0])
    (state / "chain.json").write_text(json.dumps(links), encoding="utf-8")

    assert desk.run(third(11), [*third(11), CAME], "--state", state) == 0
