"""The dictionary, against what the chapters of the standard say."""

import pytest

from harness.errors import InputError
from harness.wire.hl7 import build, header_row
from harness.wire.hl7_tables import dictionary, structure_of, validate, versions

GOOD = [
    header_row(
        type="ORU^R01",
        structure="ORU_R01",
        control_id="1",
        time="20260105080000.123+0800",
        sending_app="LIS",
        charset="UNICODE UTF-8",
    ),
    ["PID", "1", None, ["T1", None, None, "HOSP", "PI"], None, ["测", "试"], None, "19900101", "F"],
    ["OBR", "1", "P1", "F1", ["CBC", "血常规", "L"]],
    ["OBX", "1", "NM", ["718-7", "Hb", "LN"], None, "-13.5", "g/L", None, "H", None, None, "F"],
    ["OBX", "2", "ST", ["X", None, "L"], None, "阴性", None, None, None, None, None, "P"],
]


def good(*changes: tuple[int, int, object]) -> bytes:
    """The good message with field ``n`` of segment ``i`` changed."""
    rows = [list(row) for row in GOOD]
    for index, field, value in changes:
        rows[index] += [None] * (field + 1 - len(rows[index]))
        rows[index][field] = value
    return build(rows)


def shown(message: bytes, version=None) -> list[str]:
    return [f"{each.code.removeprefix('hl7.')} {each.path}" for each in validate(message, version)]


def test_versions():
    assert versions() == (
        "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2",
    )  # fmt: skip
    assert dictionary("2.4") is dictionary("2.4")
    with pytest.raises(InputError, match=r"2\.9") as caught:
        dictionary("2.9")
    assert "2.5.1" in caught.value.remedy


@pytest.mark.parametrize(
    ("version", "segment", "count", "required"),
    [
        ("2.4", "MSH", 21, {1, 2, 7, 9, 10, 11, 12}),
        ("2.4", "PID", 38, {3, 5}),
        ("2.5.1", "PID", 39, {3, 5}),
        ("2.4", "OBR", 47, {4}),
        ("2.5.1", "OBX", 25, {3, 11}),
        ("2.5.1", "ERR", 12, {3, 4}),
        ("2.4", "MSA", 6, {1, 2}),
        ("2.5.1", "FT1", 31, {4, 6, 7}),
    ],
)
def test_fields(version, segment, count, required):
    fields = dictionary(version).fields(segment)

    assert fields is not None
    assert [field.number for field in fields] == list(range(1, count + 1))
    assert {field.number for field in fields if field.required} == required


def test_one_field():
    fields = dictionary("2.5.1").fields("PID")
    assert fields is not None

    assert (fields[2].name, fields[2].data_type, fields[2].repeat_max) == (
        "PATIENT IDENTIFIER LIST",
        "CX",
        None,
    )
    assert (fields[7].data_type, fields[7].table, fields[7].repeat_max) == ("IS", "0001", 1)
    assert dictionary("2.5.1").fields("ZZZ") is None
    assert dictionary("2.5.1").fields("ANYHL7SEGMENT") is None


@pytest.mark.parametrize(
    ("version", "segment", "numbers"),
    [
        ("2.8", "EVN", [1]),
        ("2.8.2", "ERR", [1]),
        ("2.6", "DG1", [7, 8, 9, 10, 11, 12, 13, 14]),
        ("2.8", "PID", [28]),
        ("2.7", "PV1", [52]),
    ],
)
def test_withdrawn_fields_keep_their_numbers(version, segment, numbers):
    fields = dictionary(version).fields(segment)

    assert fields is not None
    assert [field.number for field in fields] == list(range(1, len(fields) + 1))
    for number in numbers:
        assert fields[number - 1].withdrawn
        assert not fields[number - 1].required
    second = dictionary("2.8").fields("EVN")
    assert second is not None
    assert second[1].name == "RECORDED DATE TIME"


def test_components():
    tables = dictionary("2.5.1")

    parts = tables.components("CX")
    assert parts is not None
    assert [part.name for part in parts][:5] == [
        "ID NUMBER", "CHECK DIGIT", "CHECK DIGIT SCHEME", "ASSIGNING AUTHORITY", "IDENTIFIER TYPE CODE",
    ]  # fmt: skip
    assert len(parts) == 10
    assert (parts[4].data_type, parts[4].table) == ("ID", "0203")
    assert tables.components("ST") == ()
    assert tables.components("NOPE") is None


def test_tables():
    tables = dictionary("2.5.1")

    assert tables.table("0008") == {"AA", "AE", "AR", "CA", "CE", "CR"}
    assert {"AD", "NM", "CWE", "DR", "NA"} <= (tables.table("0125") or set())
    assert "V" in (tables.table("0085") or set())
    assert tables.table("9999") is None
    assert dictionary("2.2").table("0008") is None


def test_every_structure_segment_and_type_can_be_read():
    for version in ("2.3", "2.5.1", "2.8.2"):
        tables = dictionary(version)
        for name in ("ACK", "ADT_A01", "ORU_R01", "SIU_S12"):
            node = tables.structure(name)
            assert node is not None
            assert node.first == {"MSH"}
        assert tables.structure("XXX_X01") is None


@pytest.mark.parametrize(
    ("event", "version", "structure"),
    [
        ("ADT A01", "2.5.1", "ADT_A01"),
        ("ADT A08", "2.4", "ADT_A01"),
        ("ADT A31", "2.5.1", "ADT_A05"),
        ("ADT A40", "2.5.1", "ADT_A39"),
        ("ORU R01", "2.4", "ORU_R01"),
        ("ORU R32", "2.5.1", "ORU_R30"),
        ("SIU S26", "2.4", "SIU_S12"),
        ("MDM T08", "2.4", "MDM_T02"),
        ("ACK R01", "2.4", "ACK"),
        ("ACK ", "2.4", "ACK"),
        ("ADT A12", "2.4", None),
        ("ADT Z99", "2.4", None),
        ("QBP Z99", "2.4", None),
        (" ", "2.4", None),
    ],
)
def test_structure_of(event, version, structure):
    assert structure_of(*event.split(" "), version) == structure


# ---- validating


def test_a_good_message_has_no_findings():
    assert shown(good()) == []
    assert shown(good(), "2.5") == ["table MSH[1]-12[1].1"]  # 2.5 does not know of 2.5.1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((1, 3, None), ["field-missing PID[1]-3"]),
        ((1, 1, ["1", "2"]), ["component-unknown PID[1]-1[1].2", "data-type PID[1]-1[1]"]),
        ((1, 3, list("abcdefghijk")), None),
        ((1, 5, [["a", "b", "c", "d", "e", "f"]]), ["component-unknown PID[1]-5[1].1.6"]),
        ((1, 7, "1990-01-01"), ["data-type PID[1]-7[1].1"]),
        ((1, 7, "199013"), ["data-type PID[1]-7[1].1"]),
        ((1, 7, '""'), []),
        ((1, 8, "W"), ["user-table PID[1]-8[1]"]),
        ((1, 40, "x"), ["field-unknown PID[1]-40"]),
        ((3, 1, "x"), ["data-type OBX[1]-1[1]"]),
        ((3, 2, "ZZ"), ["table OBX[1]-2[1]"]),
        ((3, 2, None), ["field-missing OBX[1]-2"]),
        ((3, 5, "阴性"), ["data-type OBX[1]-5[1]"]),
        ((3, 5, "<0.5"), ["data-type OBX[1]-5[1]"]),
        ((3, 5, "1,000"), ["data-type OBX[1]-5[1]"]),
        ((3, 5, "１"), ["data-type OBX[1]-5[1]"]),
        ((3, 5, None), []),
        ((3, 11, "Q"), ["table OBX[1]-11[1]"]),
        ((3, 11, "V"), []),
        ((3, 20, "x"), ["field-unknown OBX[1]-20"]),
        ((3, 30, ""), []),
        ((1, 3, ["a", None, None, "d", "PI", *[None] * 9]), []),
        ((4, 5, ["a", "b"]), ["component-unknown OBX[2]-5[1].2"]),
        ((0, 9, ["ORU", "R01", "ORU_R30"]), ["structure-differs MSH-9.3"]),
        ((0, 9, ["ORU", "Z01"]), ["structure-unknown MSH-9", "table MSH[1]-9[1].2"]),
    ],
)
def test_one_change(change, expected):
    found = shown(good(change))

    if expected is None:
        assert "component-unknown PID[1]-3[1].11" in found
    else:
        assert found == expected


def test_formatted_text_may_hold_separators():
    message = good((4, 2, "FT")).replace(b"OBX|2|FT|X^^L||", b"OBX|2|FT|X^^L||a&b^c")

    assert shown(message) == []


def test_repetitions():
    message = good().replace(b"|19900101|", b"|19900101~19900102|")

    assert shown(message) == ["field-repeated PID[1]-7"]


def test_segments():
    lines = good().split(b"\r")

    assert shown(b"\r".join([*lines[:2], b"ZPI|x^y", *lines[2:]])) == []
    assert shown(b"\r".join([*lines[:2], b"QQQ|1", *lines[2:]])) == [
        "structure-segment QQQ[1]",
        "segment-unknown QQQ[1]",
    ]
    assert shown(b"\r".join([lines[0], *lines[2:]])) == []  # the patient group is optional
    assert shown(b"\r".join([*lines[:2], *lines[3:]])) == ["structure-missing OBX[1]"]
    assert shown(lines[0] + b"\r") == ["structure-missing "]


def test_required_components_of_2_8():
    message = good((0, 12, "2.8"), (1, 3, [None, "x"]))

    assert "component-missing PID[1]-3[1].1" in shown(message)


def test_unknown_version():
    (found,) = validate(good((0, 12, "2.51")))

    assert (found.code, found.path, found.actual) == ("hl7.version-unsupported", "MSH-12", "2.51")
    assert shown(good((0, 12, "2.51")), "2.5.1") == ["table MSH[1]-12[1].1"]


def test_withdrawn_fields_are_reported_and_shift_nothing():
    message = b"MSH|^~\\&|||||20260105||ADT^A08^ADT_A01|1|P|2.8\rEVN|A08|20260105\rPID|||1^^^X^PI||A^B^^^^^L\rPV1||I\r"

    assert shown(message) == ["field-unknown EVN[1]-1"]


def test_findings_are_limited_for_each_code():
    message = good() + b"OBX|1|NM|X||x||||||F\r" * 120

    counts: dict[str, int] = {}
    for each in validate(message):
        counts[each.code] = counts.get(each.code, 0) + 1
    assert counts == {"hl7.data-type": 100}


def test_validate_takes_any_bytes():
    assert shown(b"") == ["version-unsupported MSH-12"]
    assert "structure-unknown MSH-9" in shown(b"\xff\x00", "2.4")
    assert "structure-segment PID[1]" in shown(b"MSH|^~\\&|||||||ACK|1|P|2.4\rPID|\xff\r")


def test_hl7apy_agrees_about_the_good_message():
    """The reference validator with its own parser, on a message that it does not damage."""
    from hl7apy.parser import parse_message
    from hl7apy.validation import Validator

    parsed = parse_message(good().decode("utf-8"))

    assert Validator.validate(parsed)
