"""What a driver configuration makes of results: identity, value, kind, repeats, attachments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.link import actor as act
from simulators.hospital.lis_driver import Driver, Item
from simulators.hospital.lis_values import converted
from tests.simulators.desk import Desk, adt, oml, run, specimen

Open = Callable[..., Desk]

ITEMS = [
    {"channel": "101", "item": "K", "decimals": 2, "unit": "mmol/L"},
    {"channel": "102", "item": "HGB", "factor": "10", "decimals": 0, "unit": "g/L"},
    {"channel": "103", "item": "HBsAg", "texts": {"neg": "阴性", "pos": "阳性"}},
]


@pytest.fixture
def open_lis(tmp_path: Path) -> Iterator[Open]:
    """A LIS with one patient's tubes T1 and 0042, and an analyzer SIM."""
    desks: list[Desk] = []

    def one(*defects: str, **driver: Any) -> Desk:
        desk = Desk("LIS", tmp_path, *defects)
        desk.hl7(adt("A01", "C1", "PID|1|P1|P1^^^^PatientNO||测试甲||19800229|F"))
        desk.hl7(oml("C2", "ORC|NW|O1", "OBR|1|O1|T1|K|R", "ORC|NW|O1", "OBR|2|O1|T1|HGB|R"))
        desk.hl7(oml("C3", "ORC|NW|O2", "OBR|1|O2|0042|K|R"))
        assert not user(desk, "configure_analyzer", sender="SIM", **{"items": ITEMS} | driver).error
        desks.append(desk)
        return desk

    yield one
    for desk in desks:
        desk.store.close()


def user(desk: Desk, name: str, /, **args: Any) -> act.Reply:
    """What laboratory staff do."""
    commands = desk.give(act.Commanded(name=name, args=args, ident=1))
    (reply,) = [one for one in commands if isinstance(one, act.Reply)]
    return reply


def results(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("SELECT barcode, item, value, unit, version FROM results ORDER BY id")


def aside(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("SELECT item, value, reason FROM reruns ORDER BY id")


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "strip", "sent", "known"),
    [
        ("-", "", "MH1-S1", "MH1"),
        ("-", "blank", "  MH1-S1 ", "MH1"),
        ("-", "", "MH1", "MH1"),
        ("-", "", "-S1", "-S1"),
        ("", "", "MH1-S1", "MH1-S1"),
    ],
)
def test_the_suffix_of_an_aliquot(suffix: str, strip: str, sent: str, known: str) -> None:
    assert Driver(sender="M", id_suffix=suffix, id_strip=strip).stripped(sent) == known


@pytest.mark.parametrize(
    ("sent", "row", "stored"),
    [
        ("13.35", {"factor": "10", "decimals": "0"}, "134"),
        ("<0.05", {"factor": "10", "decimals": "2"}, "<0.50"),
        ("> 15000", {"decimals": "0"}, ">15000"),
        ("-0.5", {"decimals": "0"}, "-1"),
        (".5", {"factor": "0.1", "decimals": "3"}, "0.050"),
        ("4.10", {}, "4.10"),
        ("4.10", {"factor": "100"}, "410"),
        ("12", {"factor": "0.01"}, "0.12"),
        ("neg", {"texts": (("neg", "阴性"),), "factor": "10"}, "阴性"),
        ("弱阳性", {"factor": "10", "decimals": "1"}, "弱阳性"),
        ("7,41", {"decimals": "1"}, "7,41"),
        ("1e5", {"decimals": "1"}, "1e5"),
        ("", {"decimals": "1"}, ""),
    ],
)
def test_values(sent: str, row: dict[str, Any], stored: str) -> None:
    assert converted(sent, Item(channel="1", item="X", **row), Driver(sender="S"), set()) == stored


def test_a_decimal_comma_is_a_point_where_the_driver_says_so() -> None:
    item = Item(channel="1", item="X", decimals="1")
    driver = Driver(sender="S", decimal_comma="yes")

    assert converted("<7,44", item, driver, set()) == "<7.4"
    assert converted("7,44", item, driver, {"lis-comma-as-thousands"}) == "744.0"


@settings(max_examples=60)
@given(
    number=st.decimals(-99999, 99999, places=4),
    factor=st.decimals("0.001", 1000, places=3),
    places=st.integers(0, 5),
)
def test_rounding_is_that_of_decimal_arithmetic(
    number: Decimal, factor: Decimal, places: int
) -> None:
    item = Item(channel="1", item="X", factor=str(factor), decimals=str(places))
    step = Decimal(1).scaleb(-places)

    def right(rounding: str) -> str:
        return format((number * factor).quantize(step, rounding=rounding), "f")

    driver = Driver(sender="S")
    got = converted(format(number, "f"), item, driver, set())
    if factor != 1:
        assert Decimal(got) == Decimal(right(ROUND_HALF_UP))
        assert len(got.partition(".")[2]) == places
        cut = converted(format(number, "f"), item, driver, {"lis-cuts-decimals"})
        assert Decimal(cut) == Decimal(right(ROUND_DOWN))


# -- the map ---------------------------------------------------------------------------------------


def test_channels_become_items_and_what_was_sent_is_kept(open_lis: Open) -> None:
    lis = open_lis()
    lis.astm(run(*specimen("T1", "102|13.35|g/dL|N|F", "103|neg|||F")))

    columns = "item, value, unit, channel, sent_value, sent_unit"
    assert lis.rows(f"SELECT {columns} FROM results ORDER BY id") == [
        ("HGB", "134", "g/L", "102", "13.35", "g/dL"),
        ("HBsAg", "阴性", "", "103", "neg", ""),
    ]
    assert "|NM|HGB||134|g/L|" in lis.outgoing()[0].decode("gb18030")


def test_an_unknown_channel_is_kept_apart_and_the_rest_is_stored(open_lis: Open) -> None:
    lis = open_lis()
    lis.astm(run(*specimen("T1", "999|1|||F", "101|4.1|||F")))

    assert lis.rows("SELECT barcode, item, value, reason FROM unmatched") == [
        ("T1", "999", "1", "unknown channel")
    ]
    assert [row[1] for row in results(lis)] == ["K"]


def test_another_analyzer_is_taken_at_its_word(open_lis: Open) -> None:
    lis = open_lis()
    lis.astm(run(*specimen("T1", "999|1.00|||F")).replace(b"||SIM^", b"||XYZ^"))

    assert results(lis)[0][1:3] == ("999", "1.00")


@pytest.mark.parametrize("sent", ["-----", "*0000"])
def test_what_stands_for_no_value_is_none(open_lis: Open, sent: str) -> None:
    lis = open_lis(no_value="-----,*0000")
    lis.astm(run(*specimen("T1", f"101|{sent}|||F")))

    assert results(lis) == []
    assert lis.rows("SELECT value, reason FROM unmatched") == [(sent, "no value")]


def test_padding_is_stripped_as_configured(open_lis: Open) -> None:
    lis = open_lis(id_strip="blank")
    lis.astm(run(*specimen("     0042", "101|4.1|||F")))

    assert [row[0] for row in results(lis)] == ["0042"]


def test_the_specimen_id_may_stand_elsewhere(open_lis: Open) -> None:
    lis = open_lis(id_place="4.3", id_strip="blank")
    lis.astm(run("P|1", "O|1||1^2^   T1^M|^^^X", "R|1|^^^101|4.1|||N||F"))

    assert [row[0] for row in results(lis)] == ["T1"]


@pytest.mark.parametrize(
    ("barcode", "head", "kind"),
    [("QC-1", "P", "control"), ("CAL1", "P", "calibration"), ("BLANK", "P", "background"),
     ("T1", "Q", "control"), ("T1", "T", "training"), ("T1", "CR", "calibration")],
)  # fmt: skip
def test_what_is_no_patient_s_is_kept_by_kind(
    open_lis: Open, barcode: str, head: str, kind: str
) -> None:
    lis = open_lis(qc_prefix="QC-,CTRL", calibration_prefix="CAL", background_prefix="BLANK")
    payload = run(*specimen(barcode, "101|4.1|||F"))
    lis.astm(payload.replace(b"|P|LIS02", f"|{head}|LIS02".encode()))

    assert lis.rows("SELECT lot, item, value, kind FROM quality_control") == [
        (barcode, "K", "4.1", kind)
    ]
    assert results(lis) == []


def test_only_the_final_aspect_is_a_result(open_lis: Open) -> None:
    lis = open_lis(aspect_place="11")
    rows = [f"R|{at}|^^^101^^^^^^^{aspect}|{value}|||N||F"
            for at, (aspect, value) in enumerate([("F", "1.5"), ("I", "REACTIVE"), ("P", "9")], 1)]  # fmt: skip
    lis.astm(run("P|1", "O|1|T1||^^^101", *rows))

    assert [row[2] for row in results(lis)] == ["1.50"]
    assert aside(lis) == [("K", "REACTIVE", "aspect I"), ("K", "9.00", "aspect P")]


# -- repeats, review, correction -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repeats", "versions", "kept"),
    [
        ("replace-unreviewed", [("4.10", 1), ("4.30", 2)], []),
        ("keep-first", [("4.10", 1)], [("K", "4.30", "first kept")]),
        ("add-rerun", [("4.10", 1)], [("K", "4.30", "re-run")]),
    ],
)
def test_policies_for_a_second_result(
    open_lis: Open, repeats: str, versions: list[Any], kept: list[Any]
) -> None:
    lis = open_lis(repeats=repeats)
    for value in ("4.1", "4.3"):
        lis.astm(run(*specimen("T1", f"101|{value}|||F")))

    assert [row[2:5:2] for row in results(lis)] == versions
    assert aside(lis) == kept


def test_a_reviewed_result_is_not_replaced_but_corrected(open_lis: Open) -> None:
    lis = open_lis()
    lis.astm(run(*specimen("T1", "101|4.1|||F", "102|13|||F")))
    user(lis, "review", barcode="T1", item="K", by="李主管")
    lis.astm(run(*specimen("T1", "101|4.3|||F", "102|14|||F")))

    assert lis.rows("SELECT item, value, reviewed_by FROM results ORDER BY id") == [
        ("K", "4.10", "李主管"), ("HGB", "130", ""), ("HGB", "140", ""),
    ]  # fmt: skip
    assert aside(lis) == [("K", "4.30", "reviewed")]
    lis.astm(run(*specimen("T1", "101|4.5|||C")))
    assert results(lis)[-1] == ("T1", "K", "4.50", "mmol/L", 2)


def test_a_person_chooses_and_corrects(open_lis: Open) -> None:
    lis = open_lis(repeats="add-rerun")
    for value in ("4.1", "4.3"):
        lis.astm(run(*specimen("T1", f"101|{value}|||F")))
    assert not user(lis, "choose", barcode="T1", item="K", by="李主管").error
    assert not user(lis, "correct", barcode="T1", item="K", value="4.4", by="李主管").error

    assert lis.rows("SELECT value, status, version, reviewed_by FROM results ORDER BY id") == [
        ("4.10", "F", 1, ""), ("4.30", "F", 2, "李主管"), ("4.4", "C", 3, "李主管"),
    ]  # fmt: skip
    assert len(lis.outgoing()) == 3
    assert aside(lis) == [("K", "4.30", "chosen")]
    assert "no result" in user(lis, "correct", barcode="T9", item="K", value="1", by="x").error
    assert "nothing to choose" in user(lis, "choose", barcode="T9", item="K", by="x").error


def test_comments_and_attachments_stay_with_their_result(open_lis: Open) -> None:
    lis = open_lis()
    curve = "FLOATLE^" + "A" * 300
    payload = run(
        *specimen("T1", "101|4.1|||F"), "C|1|I|34^溶血|I", "C|2|I|复查^|I", f"M|1|CURVE|{curve}"
    )
    lis.astm(payload)
    lis.astm(payload)

    assert lis.rows("SELECT comment FROM results") == [("34^溶血; 复查",)]
    data = f"CURVE|{curve}".encode()
    assert lis.rows("SELECT barcode, patient_id, kind, name, size, sha256 FROM attachments") == [
        ("T1", "P1", "M", "CURVE", len(data), hashlib.sha256(data).hexdigest())
    ]


# -- configuration ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "sender"),
        ({"sender": "S", "speed": "9600"}, "speed"),
        ({"sender": "S", "repeats": "last"}, "repeats"),
        ({"sender": "S", "items": "{}"}, "items"),
        ({"sender": "S", "items": "["}, "Expecting"),
        ({"sender": "S", "items": [{"item": "K"}]}, "items"),
    ],
)
def test_what_cannot_be_configured(open_lis: Open, args: dict[str, Any], said: str) -> None:
    assert said in user(open_lis(), "configure_analyzer", **args).error


def test_a_configuration_replaces_the_one_before(open_lis: Open) -> None:
    lis = open_lis()
    items = '[{"channel": "7", "item": "K"}]'
    assert not user(lis, "configure_analyzer", sender="SIM", items=items).error
    lis.astm(run(*specimen("T1", "7|4.1|||F", "101|4.2|||F")))

    assert [row[2] for row in results(lis)] == ["4.1"]


# -- defects ---------------------------------------------------------------------------------------


def everything(lis: Desk) -> list[Any]:
    """A day on which each defect of the intake has something to spoil."""
    user(lis, "configure_analyzer", sender="SIM", items=ITEMS, id_strip="blank", no_value="-----",
         calibration_prefix="CAL", background_prefix="BLANK", aspect_place="11",
         repeats="keep-first", decimal_comma="yes")  # fmt: skip
    lis.astm(run(*specimen("  T1", "101|4,156|||F", "102|13.5|g/dL|N|F", "103|neg|||F"),
                 "C|1|I|瑋x|I", f"M|1|CURVE|{'A' * 99}"))  # fmt: skip
    lis.astm(run(*specimen("T1", "101|4.3|||F", "999|1|||F", "102|-----|||F")))
    lis.astm(run(*specimen("CAL1", "101|1|||F"), *specimen("BLANK", "101|2|||F")))
    lis.astm(run(*specimen("T1", "101|3|||F")).replace(b"|P|LIS02", b"|T|LIS02"))
    lis.astm(run("P|1", "O|1|T1||^^^101", "R|1|^^^101^^^^^^^I|9|||N||F"))
    user(lis, "review", barcode="T1", item="HGB", by="李主管")
    lis.astm(run(*specimen("T1", "102|14.5|||F")))
    user(lis, "rerun", barcode="0042", item="K")
    lis.astm(run(*specimen("0042", "101|5.5|||F")))
    user(lis, "configure_analyzer", sender="SIM", items=ITEMS)
    lis.astm(run(*specimen("T1", "103|pos|||F")))
    lis.astm(run(*specimen("0042-LONG-ID-2", "101|6|||F")))
    tables = ("results", "unmatched", "quality_control", "reruns", "attachments")
    return [lis.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]


@pytest.mark.parametrize(
    "defect",
    [
        "lis-loses-last-result", "lis-keeps-padding", "lis-cuts-barcode", "lis-ignores-factor",
        "lis-cuts-decimals", "lis-ignores-decimals", "lis-unit-of-other-row",
        "lis-ignores-text-map", "lis-comma-as-thousands", "lis-drops-unknown-channel",
        "lis-sentinel-as-value", "lis-takes-every-aspect", "lis-calibration-as-patient",
        "lis-background-as-patient", "lis-training-as-patient", "lis-second-overwrites",
        "lis-ignores-repeat-policy", "lis-rerun-on-other-tube", "lis-overwrites-reviewed",
        "lis-cuts-attachments", "lis-drops-comments", "lis-splits-bytes",
    ],
)  # fmt: skip
def test_each_defect_of_the_intake_can_be_seen(open_lis: Open, defect: str) -> None:
    right = everything(_with_long_id(open_lis()))
    assert right == everything(_with_long_id(_emptied(open_lis())))

    assert everything(_with_long_id(_emptied(open_lis(defect)))) != right


def _with_long_id(lis: Desk) -> Desk:
    lis.hl7(oml("C8", "ORC|NW|O8", "OBR|1|O8|0042-LONG-ID-1|K|R").replace(b"P1", b"P2"))
    return lis


def _emptied(lis: Desk) -> Desk:
    """As on the first day; ids begin at 1 again."""
    tables = ("results", "unmatched", "quality_control", "reruns", "attachments", "worklist")
    sequence = ("DELETE FROM sqlite_sequence", ())
    lis.store.commit([(f"DELETE FROM {table}", ()) for table in tables] + [sequence])
    return lis


def test_a_factor_as_a_whole_number() -> None:
    item = Item(channel="1", item="X", factor="2.5", decimals="1")

    assert converted("2", item, Driver(sender="S"), {"lis-integer-factor"}) == "4.0"
