"""The list of what peers do otherwise: exact both ways, and closed to money and identity."""

from pathlib import Path

import pytest
from expected import Observed, differences, load, of_version

from harness.errors import InputError

GOOD = {
    "id": "server.large.answer-missing",
    "finding": "answer-missing",
    "category": "limits",
    "place": "hl7 MSA-2",
    "reason": "a limit of 64 KiB",
    "version": "1.0",
}


def written(folder: Path, *rows: dict[str, str], more: str = "") -> Path:
    path = folder / "peer.toml"
    lines = [
        "\n".join(["[[expected]]", *(f'{name} = "{value}"' for name, value in row.items())])
        for row in rows
    ]
    path.write_text(more + "\n".join(lines) + "\n", "utf-8")
    return path


def test_reads_what_is_there(tmp_path: Path) -> None:
    (entry,) = load(written(tmp_path, GOOD))

    assert Observed(id="server.large.answer-missing", place="hl7 MSA-2") == entry.observed
    assert (entry.category, entry.reason, entry.version) == ("limits", "a limit of 64 KiB", "1.0")
    assert load(written(tmp_path)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"category": "money"},
        {"category": "identity"},
        {"finding": "patient-altered", "id": "server.gbk.patient-altered"},
        {"finding": "amount-altered", "id": "server.gbk.amount-altered"},
        {"place": "hl7 PID-3"},
        {"place": "hl7 PID[1]-5.1"},
        {"place": "hl7 FT1-11"},
        {"place": "hl7 MRG-1"},
        {"place": "hl7 PV1-19"},
        {"place": "hl7 PV1-47"},
        {"place": "hl7 ZFY-3"},
    ],
)
def test_money_and_identity_are_never_expected(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(InputError, match="can never be expected"):
        load(written(tmp_path, GOOD | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"category": "weather"}, "category must be one of"),
        ({"reason": " "}, "reason must be text"),
        ({"id": "answer-missing"}, "role.exercise.finding"),
        ({"id": "server.large.other"}, "role.exercise.finding"),
        ({"colour": "red"}, "wants exactly"),
    ],
)
def test_what_is_incomplete_is_refused(tmp_path: Path, change: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(written(tmp_path, GOOD | change))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="at most"):
        load(written(tmp_path, GOOD, more="peer = 1\n"))
    with pytest.raises(InputError, match="twice"):
        load(written(tmp_path, GOOD, GOOD))
    with pytest.raises(InputError, match="at most"):
        load(written(tmp_path, *([GOOD] * 101)))
    (tmp_path / "peer.toml").write_text("expected = [1]\n", "utf-8")
    with pytest.raises(InputError, match="wants exactly"):
        load(tmp_path / "peer.toml")


def test_both_directions_fail(tmp_path: Path) -> None:
    expected = load(written(tmp_path, GOOD))
    other = Observed(id="server.gbk.closed", place="link")

    assert differences([entry.observed for entry in expected], expected) == []
    assert differences([], expected) == ["did not appear: server.large.answer-missing at hl7 MSA-2"]
    assert differences([expected[0].observed, other], expected) == [
        "unexpected: server.gbk.closed at link"
    ]
    elsewhere = Observed(id="server.large.answer-missing", place="hl7 MSA-1")
    assert len(differences([elsewhere], expected)) == 2


def test_another_version_is_told(tmp_path: Path) -> None:
    expected = load(written(tmp_path, GOOD))

    assert of_version(expected, "1.0") == []
    assert of_version(expected, "1.1") == [
        "server.large.answer-missing was seen in 1.0, here is 1.1"
    ]
