"""The message of an upload, compared with one typed from LIS02-A2."""

from __future__ import annotations

from harness.model import Person
from simulators.analyzer import upload
from simulators.analyzer.model import load_model
from simulators.analyzer.upload import Result, message

MODEL = load_model("haematology")
SOMEONE = Person(patient_id="MH1", name="测^试|人", sex="F", birth="19800229")
TIME = "20260105070000"


def sent(*tested: upload.Tested) -> list[str]:
    payload = message(MODEL, tested, control_id="M7", time=TIME)
    assert payload.endswith(b"\r")
    return payload.decode("gb18030").split("\r")[:-1]


def test_header_and_terminator_stand_around_everything() -> None:
    """LIS02-A2 §6 and §12."""
    assert sent() == ["H|\\^&|M7||SIM-HEMA^1.0|||||||P|LIS02-A2|20260105070000", "L|1|N"]


def test_a_specimen_has_patient_order_and_results() -> None:
    """LIS02-A2 §7 to §9; text is escaped, and a component separator of ours is not."""
    rows = [
        Result(item="WBC", value="<0.50", unit="10*9/L", flag="LL"),
        Result(item="RH", value="阳|性", flag="A", status="P"),
    ]
    tested = upload.Tested(barcode="00123", results=rows, person=SOMEONE)

    assert sent(tested)[1:-1] == [
        "P|1|MH1|||测&S&试&F&人||19800229|F",
        f"O|1|00123||^^^WBC\\^^^RH|R|{TIME}" + "|" * 19 + "F",
        "R|1|^^^WBC|<0.50|10*9/L||LL||F||||20260105070000",
        "R|2|^^^RH|阳&F&性|||A||P||||20260105070000",
    ]


def test_quality_control_is_marked_in_field_12() -> None:
    """LIS02-A2 §8.12: Q. Without a person the instrument knows the tube alone."""
    tested = upload.Tested(
        barcode="LOT1", results=[Result(item="K", value="4")], quality_control=True
    )
    patient, order, _ = sent(tested)[1:-1]

    assert patient == "P|1"
    fields = order.split("|")
    assert (fields[0], fields[2], fields[11], fields[25]) == ("O", "LOT1", "Q", "F")
    assert len(fields) == 26


def test_specimens_are_counted() -> None:
    """LIS02-A2 §5.6: sequence numbers begin again below each record."""
    one = upload.Tested(
        barcode="1", results=[Result(item="K", value="4"), Result(item="NA", value="140")]
    )
    other = upload.Tested(barcode="2", results=[Result(item="K", value="5")])

    assert [record[:3] for record in sent(one, other)[1:-1]] == [
        "P|1", "O|1", "R|1", "R|2", "P|2", "O|1", "R|1",
    ]  # fmt: skip


def test_the_encoding_is_that_of_the_model() -> None:
    tested = upload.Tested(barcode="1", results=[], person=SOMEONE)

    assert "测".encode("gb18030") in message(MODEL, [tested], control_id="M", time=TIME)


def test_every_delimiter_is_escaped_once() -> None:
    """LIS02-A2 §5.4.7."""
    tested = upload.Tested(barcode="a|b\\c^d&e", results=[])

    assert sent(tested)[2].startswith("O|1|a&F&b&R&c&S&d&E&e|")
