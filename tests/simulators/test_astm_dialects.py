"""What single makers do otherwise: records typed from captures and vendors' descriptions."""

from __future__ import annotations

from pathlib import Path

from simulators.analyzer.model import load_model
from simulators.analyzer.query import Asked, query_message
from simulators.analyzer.upload import Result, message
from simulators.analyzer.upload import Tested as Specimen

TIME = "20260105070000"


def rows(name: str, *tested: Specimen) -> list[list[str]]:
    model = load_model(name)
    text = message(model, tested, control_id="M", time=TIME).decode(model.encoding)
    return [row.split("|") for row in text.split("\r") if row]


def of(table: list[list[str]], letter: str) -> list[list[str]]:
    return [row for row in table if row[0] == letter]


def one(*results: Result, barcode: str = "T1", **given: str) -> Specimen:
    return Specimen(barcode=barcode, results=results, **given)  # type: ignore[arg-type]


K = Result(item="K", value="4.1")


def test_a_blood_group_has_two_components_two_people_and_a_reaction_for_every_well() -> None:
    group = Result(item="ABORH", value="A POS", flag="")
    table = rows("bio-rad-ih500", one(group))
    main, *wells = of(table, "R")

    assert (main[2], main[3], main[10]) == ("^^^ABORH^RESULT", "A^POS", "TECH1^TECH2")
    assert [(row[2].split("^")[5], row[3]) for row in wells] == [
        ("Anti-A", "4+"), ("Anti-B", "0"), ("Anti-D", "4+"), ("Ctl", "0"), ("A1", "0"),
        ("B", "4+"),
    ]  # fmt: skip
    assert [row[1] for row in of(table, "R")] == list("1234567")


def test_a_group_that_nobody_knows_has_no_wells() -> None:
    weak = Result(item="ABORH", value="A WEAK D", flag="A")
    assert [row[3] for row in of(rows("bio-rad-ih500", one(weak)), "R")] == ["A^WEAK"]


def test_wells_without_a_reading_are_empty() -> None:
    model = load_model("bio-rad-ih500")
    short = model.model_copy(
        update={"values": model.values.model_copy(update={"parts": {"A POS": ("4+",)}})}
    )
    text = message(short, [one(Result(item="X", value="A POS"))], control_id="M", time=TIME)
    cells = [row.split("|")[3] for row in text.decode().split("\r") if "WELL" in row]
    assert cells == ["4+", "", "", "", "", ""]


def test_result_types_of_an_alinity() -> None:
    def types(*results: Result, kind: str = "patient") -> list[str]:
        table = rows("abbott-alinity", one(*results, kind=kind))
        return [row[2].split("^")[-1] for row in of(table, "R")]

    assert types(K) == ["F", "I", "P", "G"]
    assert types(Result(item="K", value="", status="X", alarm="3350")) == ["X"]
    assert types(K, kind="quality-control") == ["A", "I", "P", "G"]
    assert types(K, kind="calibration") == ["Q", "I", "P", "G"]


def test_an_alinity_names_the_exception_in_place_of_a_value() -> None:
    failed = Result(item="K", value="", status="X", alarm="3350")
    (row,) = of(rows("abbott-alinity", one(failed)), "R")
    assert (row[3], row[8]) == ("3350", "X")


def test_the_last_record_of_a_mindray_counts_with_the_patients() -> None:
    table = rows("mindray-cl-astm", one(K), one(K, barcode="T2"))
    assert [row[1] for row in of(table, "P")] == ["1", "2"]
    assert [row[1] for row in of(table, "R")] == ["1", "2"]
    assert table[-1] == ["L", "2", "N"]


def test_the_query_of_a_mindray_ends_with_one() -> None:
    model = load_model("mindray-cl-astm")
    asked = query_message(model, Asked(barcodes=("T1",)), control_id="1", time=TIME)
    assert asked.decode().split("\r")[-2] == "L|1|N"


def test_a_horiba_sends_loinc_beside_its_code() -> None:
    wbc = Result(item="WBC", value="6.1")
    assert [row[2] for row in of(rows("horiba-yumizen", one(wbc, K)), "R")] == [
        "^^^WBC^804-5", "^^^K^",
    ]  # fmt: skip


def test_probes_of_a_cartridge_follow_the_result() -> None:
    found = of(rows("cepheid-genexpert", one(Result(item="MTB", value="", flag="A"))), "R")
    assert [row[3] for row in found] == ["POSITIVE^", "^31.4", "^24.9"]
    assert [row[2].split("^")[6] for row in found] == ["MTB", "SPC", "TARGET"]
    assert [row[2].split("^")[3] for row in found] == ["MTB", "", ""]


def test_a_sysmex_xp_pads_values_and_the_person() -> None:
    (row,) = of(rows("sysmex-xp", one(K)), "R")
    assert (row[3], row[10]) == ("  4.1", " " * 15)
    (order,) = of(rows("sysmex-xp", one(K)), "O")
    assert order[3] == "^^             T1^B"


def test_an_alarm_number_follows_every_result_of_a_c311() -> None:
    table = rows("roche-cobas-c311", one(K, Result(item="GLU", value="5", alarm="26")))
    assert [row[0] for row in table] == list("HPOCRCRCL")
    assert [row[3] for row in of(table, "C")][1:] == ["0", "26"]
    assert len(of(table, "C")[0][3]) == 104
    assert [row[13] for row in of(table, "R")] == ["P1", "P1"]


def test_the_device_of_an_atellica_is_the_receiver_and_its_flags_hide_in_the_test() -> None:
    high = Result(item="K", value="9", flag="H", comment="haemolysis\nrepeat")
    table = rows("siemens-atellica", one(high))

    assert (table[0][4], table[0][9]) == ("", "HEMA580")
    (row,) = of(table, "R")
    assert row[2].split("^")[8] == "H"
    assert "H" not in row[3:8]
    assert of(table, "C")[0][3] == "haemolysis&X0A&repeat"


def test_point_of_care_names_the_tube_in_the_patient_and_its_lot_in_the_order() -> None:
    for name, field, lot in (("abbott-afinion", 3, "660"), ("siemens-dca", 2, "0660")):
        table = rows(name, one(K, number="90"))
        assert of(table, "P")[0][field] == "T1"
        assert of(table, "O")[0][2] == f"{lot}^0090"
        control = rows(name, one(K, kind="quality-control"))
        assert of(control, "O")[0][10:12] == [lot, "Q"]
    assert of(rows("siemens-dca", one(K)), "C")[0][3] == "FACTOR^1.0000"


def test_a_d10_sends_controls_and_calibrators_too() -> None:
    for kind, origin, action in (
        ("patient", "S", ""), ("quality-control", "C", "Q"), ("calibration", "CAL", "Q"),
    ):  # fmt: skip
        (order,) = of(rows("bio-rad-d10", one(K, kind=kind)), "O")
        assert (order[2], order[11]) == (f"T1^0001^01^{origin}", action)


def test_what_is_ordered_is_echoed() -> None:
    (order,) = of(rows("abbott-alinity", one(K, priority="S", specimen_type="SER")), "O")
    assert (order[5], order[15]) == ("S", "SER")


def test_no_shipped_file_names_a_part_without_readings() -> None:
    folder = Path(__file__).parents[2] / "fixtures" / "analyzers"
    for path in folder.glob("*.toml"):
        model = load_model(path.stem)
        lines = [line for line in model.records.results if line.parts]
        assert all(model.values.parts for _ in lines), path.stem
        for line in lines:
            assert {len(one) for one in model.values.parts.values()} == {len(line.parts)}
