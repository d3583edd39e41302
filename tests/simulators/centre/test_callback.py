"""6302, and the faults of connections and files: what did nothing has not fired."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.link import tls
from harness.link.host import Host
from harness.link.threads import Address, Threads
from simulators.centre import callback, simulate, world
from simulators.centre import centre_faults as faults
from simulators.centre.provinces import load_province
from simulators.exploration.play import BILL, LINES
from simulators.exploration.town import CENTRE, Town, insured, prepared
from simulators.hospital import schema
from simulators.hospital.his_settle import whole_his
from simulators.hospital.outbox import Timing
from simulators.shell import plain
from simulators.store import open_store

SEED = 3
CERTIFICATES = Path(__file__).parents[2] / "corpus" / "tls"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    province = load_province("hunan")
    made = Town(
        folder=tmp_path,
        province=province,
        seed=SEED,
        template=prepared(tmp_path / "template", province, SEED),
        calls_back=True,
    )
    made.order("bill", bill_no=BILL, lines=LINES, **insured(SEED, "civil"))
    yield made
    made.close()


def pays(town: Town) -> list[str]:
    """A payment by mobile phone and what the centre noted of its calls."""
    rows = town.store.rows("SELECT id_card FROM yb_bill")
    town.order("scan", bill_no=BILL, shown=rows[0]["id_card"])
    assert town.rest()
    town.order("mobile-pay", bill_no=BILL)
    assert town.rest()
    assert town.passes(300)
    return [note for note in town.notes if note.startswith(("callback", "fault"))]


def calls(town: Town) -> int:
    """How often the centre called."""
    return town.centre.callbacks.made


def fired(town: Town) -> list[tuple[str, str]]:
    status = town.pump.command(CENTRE, "status", {}, 5)
    return [(one["action"], one["infno"]) for one in status["fired"]]


# -- 6302 ------------------------------------------------------------------------------------------


def test_a_payment_is_told_once_and_understood(town: Town) -> None:
    (note,) = pays(town)

    assert note.startswith("callback 6302 ")
    assert note.endswith(" understood")
    assert calls(town) == 1


@pytest.mark.parametrize(("how", "times"), [("never", 0), ("late", 1), ("twice", 2),
                                            ("disorder", 1)])  # fmt: skip
def test_a_call_goes_astray(town: Town, how: str, times: int) -> None:
    town.fault("f", "F20", ["6202"], 1, {"how": how})
    notes = pays(town)

    assert notes[0].startswith("fault f F20 6302 ")
    assert fired(town) == [("F20", "6202")]
    assert calls(town) == times
    assert [note for note in notes if note.endswith(" understood")] == notes[1:]
    assert len(town.books.rows("SELECT 1 AS n FROM settlements")) == 1
    assert len(town.store.rows("SELECT 1 AS n FROM yb_settlement")) == 1


def test_out_of_order_means_before_the_answer(town: Town) -> None:
    town.fault("f", "F20", ["6202"], 1, {"how": "disorder"})
    pays(town)
    log = town.store.rows("SELECT sent_at, answered_at FROM yb_log WHERE infno = '6202'")

    assert log[0]["answered_at"] > log[0]["sent_at"]  # a second later, and the call long before


def test_nobody_there_to_call(town: Town) -> None:
    town.pump.members[CENTRE].routes.clear()
    notes = pays(town)

    assert calls(town) == callback.TRIES
    assert notes[-1].endswith(" given up")


def test_a_centre_that_was_not_told_to_calls_nobody(town: Town) -> None:
    town.centre.calls_back = False
    assert pays(town) == []


def test_a_payment_that_was_refused_is_not_told(town: Town) -> None:
    town.fault("f", "F21", ["6202"], 1, {})
    assert not [note for note in pays(town) if note.startswith("callback")]


# -- connections -----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["F0", "F23"])
def test_a_connection_that_comes_to_nothing_is_noted(town: Town, action: str) -> None:
    town.fault("f", action, [], 1, {})
    town.order("settle", bill_no=BILL)
    assert town.rest()

    assert fired(town) == [(action, "connect")]
    assert f"fault f {action} connect" in town.notes
    log = town.store.rows("SELECT infno, state FROM yb_log ORDER BY id LIMIT 2")
    assert [row["infno"] for row in log] == ["1101", "1101"]
    assert log[0]["state"] == "UNKNOWN"


@pytest.mark.slow
def test_a_certificate_that_has_run_out(tmp_path: Path) -> None:
    """The same over TLS: no request gets through, and afterwards nothing is left over."""
    runtime = Threads()
    centre, books = simulate.make(
        load_province("hunan"), str(tmp_path / "c"), runtime.clock, seed=SEED, durable=False
    )
    member = runtime.add("centre", Host(centre, runtime.clock, plain, store=books))
    store = open_store(str(tmp_path / "h"), (*schema.HIS, *schema.HIS_SETTLE), durable=False)
    his = whole_his(store, runtime.clock, set(), Timing(answer_s=1.0, retry_s=0.01))
    ours = runtime.add("HIS", Host(his, runtime.clock, plain, store=store))
    trusted = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    who = world.person(SEED, "civil")

    def settled(name: str) -> str:
        context = tls.server_context(CERTIFICATES / f"{name}.pem", CERTIFICATES / f"{name}.key")
        at = member.listen("centre", Address(host="127.0.0.1", port=0, tls=context))
        route = Address(host=at.host, port=at.port, tls=trusted, server_name="localhost")
        ours.routes["his-centre"] = route
        bill = {"bill_no": name, "patient_id": who.patient_id, "name": who.name, "lines": LINES}
        runtime.command("HIS", "yb-bill", bill | {"id_card": who.id_card}, 60)
        runtime.command("HIS", "yb-settle", {"bill_no": name}, 60)
        assert runtime.wait(lambda: not his.cashier.pending(), runtime.clock.now() + 30)
        rows = store.rows("SELECT state FROM yb_bill WHERE bill_no = ?", (name,))
        return str(rows[0]["state"])

    try:
        assert settled("expired") == "manual"
        assert books.rows("SELECT 1 AS n FROM visits") == []
        assert settled("server") == "settled"
        assert len(books.rows("SELECT 1 AS n FROM settlements")) == 1
    finally:
        assert runtime.stop() == []
        store.close()
        books.close()


# -- what did nothing has not fired ----------------------------------------------------------------


def test_an_answer_without_a_commit_needs_something_to_commit(town: Town) -> None:
    town.fault("f", "F9", ["1101"], 1, {})
    town.order("settle", bill_no=BILL)
    assert town.rest()

    assert "fault f found nothing to change" in town.notes
    assert fired(town) == []
    assert not town.fired("f")


def test_bytes_that_are_no_text_can_be_written_otherwise_too() -> None:
    assert faults.reencoded("一".encode()) == "一".encode("utf-16-le")
    assert faults.reencoded(b"PK\x03\x04\xff\xfe") == b"P\0K\0\x03\0\x04\0\xff\0\xfe\0"


@pytest.mark.slow
def test_a_file_in_another_encoding_does_not_trip_the_centre(town: Town) -> None:
    town.fault("e", "F8", ["2207"], 1, {})
    town.fault("f", "F7", ["9102"], 1, {"how": "encoding"})
    town.order("settle", bill_no=BILL)
    assert town.rest()
    town.order("day", day=town.day())
    assert town.rest()

    assert [action for action, _ in fired(town)] == ["F8", "F7"]
    assert not [note for note in town.notes if "internal error" in note]
    town.order("day", day=town.day())
    assert town.rest()
    assert not town.books.rows("SELECT 1 AS n FROM settlements WHERE vali_flag = '1'")
