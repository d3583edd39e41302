"""The fast path over segments says what whole trees say."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from harness.evidence.line import pack
from harness.upgrade import fields
from harness.upgrade.observe import Observation
from harness.upgrade.placeholders import Volatile

VALUES = ("", "K", "4.1", "<5", "A^B", "A^B^C", "x~y", "a&b", "张三", "\\F\\", '""', "丂|", "M1")
SEGMENTS = ("PID", "OBR", "OBX", "NTE", "ZZZ")


def observation(text: str, encoding: str = "gb18030") -> Observation:
    record = {"protocol": "hl7", "raw": pack(text.encode(encoding))}
    return Observation("message", "LIS-ORU", "lis-his", "LIS", "ORU^R01", 0.0, record)


def segment(draw: random.Random) -> str:
    name = draw.choice(SEGMENTS)
    return "|".join([name, *(draw.choice(VALUES) for _ in range(draw.randrange(1, 7)))])


def messages(draw: random.Random) -> tuple[str, str]:
    head = "MSH|^~\\&|LIS||HIS||20260105||ORU^R01|M1|P|2.4||||||GB 18030-2000"
    lines = [head, *(segment(draw) for _ in range(draw.randrange(1, 6)))]
    other = list(lines)
    for _ in range(draw.randrange(0, 3)):
        match draw.randrange(5):
            case 0:
                other[0] = other[0].replace("|M1|", f"|M{draw.randrange(9)}|")
            case 1 if len(other) > 2:
                other.pop(draw.randrange(1, len(other)))
            case 2:
                other.insert(draw.randrange(1, len(other) + 1), segment(draw))
            case _:
                at = draw.randrange(1, len(other)) if len(other) > 1 else 0
                words = other[at].split("|")
                if at:
                    words[draw.randrange(1, len(words))] = draw.choice(VALUES)
                other[at] = "|".join(words)
    return "\r".join(lines) + "\r", "\r".join(other) + "\r"


def differing(pairs: Iterator[fields.Pair]) -> set[tuple[str, str, str]]:
    return {(path, old or "", new or "") for path, old, new in pairs if (old or "") != (new or "")}


@pytest.mark.parametrize("seed", range(40))
def test_the_fast_path_finds_what_whole_trees_find(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(10):
        old, new = (observation(text) for text in messages(draw))
        quick = differing(iter(fields.pairs(old, new, Volatile().segments)))
        whole = differing(fields.of_values(old.values, new.values))

        assert quick == whole, (old.raw, new.raw)


def test_open_segments_are_looked_into_though_they_are_equal() -> None:
    text = "MSH|^~\\&|LIS||HIS||20260105||ORU^R01|M1|P|2.4\rPID|1||P1\r"
    found = list(fields.pairs(observation(text), observation(text), frozenset({"PID"})))

    assert ("PID[1]-3[1]", "P1", "P1") in found
    assert list(fields.pairs(observation(text), observation(text), frozenset())) == []


def test_another_character_set_is_seen_though_the_text_is_the_same() -> None:
    text = "MSH|^~\\&|LIS||HIS||20260105||ORU^R01|M1|P|2.4\rPID|1||P1||张三\r"
    found = differing(
        iter(fields.pairs(observation(text), observation(text, "utf-8"), frozenset()))
    )

    assert [path for path, _, _ in found] == ["@charset"]


def test_a_part_that_is_added_takes_nothing_away() -> None:
    old, new = {"OBX[1]-3[1]": "K"}, {"OBX[1]-3[1].1": "K", "OBX[1]-3[1].3": "L"}

    assert differing(fields.of_values(old, new)) == {("OBX[1]-3[1].3", "", "L")}
    assert differing(fields.of_values(new, old)) == {("OBX[1]-3[1].3", "L", "")}


def test_the_fast_path_is_taken_where_only_values_differ() -> None:
    text = "MSH|^~\\&|LIS||HIS||20260105||ORU^R01|M1|P|2.4\rOBX|1|NM|K||4.1|mmol/L\r"
    old, new = observation(text), observation(text.replace("4.1", "4.2"))

    quick = fields._segments(old, new, frozenset())

    assert quick is not None
    assert [one for one in quick if one[1] != one[2]] == [("OBX[1]-5[1]", "4.1", "4.2")]
    assert "values" not in old.__dict__, "no tree was built"
