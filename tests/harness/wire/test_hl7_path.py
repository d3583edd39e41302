"""Paths and the finder's edges."""

import pytest

from harness.errors import InputError
from harness.wire.hl7_path import Hl7Path, parse_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("OBX", Hl7Path("OBX")),
        ("ZA1[12]", Hl7Path("ZA1", 12)),
        ("OBX-5", Hl7Path("OBX", None, 5)),
        ("OBX[2]-5[3].4.1", Hl7Path("OBX", 2, 5, 3, 4, 1)),
        ("PID-3.1", Hl7Path("PID", None, 3, None, 1)),
    ],
)
def test_path_and_back(text, path):
    assert parse_path(text) == path
    assert str(path) == text


@pytest.mark.parametrize(
    "text", ["", "OB", "OBXX", "OBX-", "OBX[0]", "OBX-5[]", "1BX-5", "OBX-5.1.1.1", " OBX"]
)
def test_not_a_path(text):
    with pytest.raises(InputError, match="HL7 path") as caught:
        parse_path(text)
    assert "OBX[2]-5.1" in caught.value.remedy
