"""The walk over a structure, on small trees drawn by hand."""

import pytest

from harness.wire.hl7_structure import ANY, Node, match


def seg(name, least=1, most=1):
    return Node(name=name, required=least, repeat_max=most)


def group(name, *children, least=1, most=1, choice=False):
    return Node(name=name, required=least, repeat_max=most, children=children, choice=choice)


# MSH [{NTE}] { [PID [PV1]] { [ORC] OBR [{NTE}] [{ OBX [{NTE}] }] } } [DSC], as ORU^R01 of 2.4
ORU = group(
    "ORU",
    seg("MSH"),
    seg("NTE", 0, None),
    group(
        "RESULT",
        group("PATIENT", seg("PID"), seg("PV1", 0, 1), least=0),
        group(
            "ORDER",
            seg("ORC", 0, 1),
            seg("OBR"),
            seg("NTE", 0, None),
            group("OBSERVATION", seg("OBX"), seg("NTE", 0, None), least=0, most=None),
            most=None,
        ),
        most=None,
    ),
    seg("DSC", 0, 1),
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("MSH OBR", []),
        ("MSH PID PV1 ORC OBR OBX OBX DSC", []),
        ("MSH NTE NTE PID OBR NTE OBX NTE NTE OBX OBR OBX ORC OBR", []),
        ("MSH PID OBR PID OBR OBX PID ORC OBR", []),
        ("MSH PID", [("missing", 2, "ORDER")]),
        ("MSH", [("missing", 1, "RESULT")]),
        ("", [("missing", 0, "MSH"), ("missing", 0, "RESULT")]),
        ("PID OBR", [("missing", 0, "MSH")]),
        ("MSH PID ORC OBX", [("missing", 3, "OBR")]),
        ("MSH PID QQQ OBR", [("segment", 2, "QQQ")]),
        ("MSH PID OBR QQQ RRR OBX", [("segment", 3, "QQQ"), ("segment", 4, "RRR")]),
        ("MSH PID OBR OBX QQQ OBX", [("segment", 4, "QQQ")]),
        ("MSH PID OBR DSC OBX", [("segment", 4, "OBX")]),
        ("MSH PV1 PID OBR", [("missing", 1, "PID"), ("missing", 2, "ORDER")]),
        ("MSH PID PV1 PV1 OBR", [("repeated", 3, "PV1")]),
        ("MSH PID OBR DSC DSC", [("repeated", 4, "DSC")]),
        ("MSH MSH PID OBR", [("repeated", 1, "MSH")]),
        ("QQQ MSH PID OBR", [("segment", 0, "QQQ")]),
    ],
)
def test_oru(names, expected):
    found = match(ORU, names.split())

    assert [
        (each.code.removeprefix("hl7.structure-"), each.index, each.name) for each in found
    ] == expected


def test_choice():
    tree = group(
        "M", seg("MSH"), group("DETAIL", seg("OBR"), seg("RXO"), choice=True), seg("NTE", 0)
    )

    assert match(tree, ["MSH", "OBR", "NTE"]) == []
    assert match(tree, ["MSH", "RXO"]) == []
    assert [each.name for each in match(tree, ["MSH", "OBR", "RXO"])] == ["DETAIL"]
    assert [each.code for each in match(tree, ["MSH", "NTE"])] == ["hl7.structure-missing"]


def test_choice_of_what_may_be_empty():
    tree = group("M", group("DETAIL", group("A", seg("OBR", 0)), seg("RXO"), choice=True))

    assert match(tree, []) == []
    assert match(tree, ["RXO"]) == []


def test_any_segment():
    tree = group("M", seg("MSH"), seg("QAK"), seg(ANY, 0, None))

    assert match(tree, ["MSH", "QAK", "A01", "B02"]) == []


def test_the_same_segment_in_two_places():
    tree = group("M", seg("PID"), seg("ROL", 0, 1), seg("PV1", 0), seg("ROL", 0, 1))

    assert match(tree, ["PID", "ROL", "ROL"]) == []
    assert match(tree, ["PID", "PV1", "ROL"]) == []
    assert [each.index for each in match(tree, ["PID", "ROL", "ROL", "ROL"])] == [3]


def test_group_whose_parts_may_all_be_absent():
    tree = group("M", group("EMPTY", seg("A", 0), seg("B", 0), most=None), seg("C"))

    assert match(tree, ["C"]) == []
    assert match(tree, ["A", "B", "A", "C"]) == []
