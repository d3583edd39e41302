"""Ways of writing: read back with a reader of our own."""

from __future__ import annotations

import re

import pytest

from harness import people
from harness.errors import InputError
from simulators.analyzer.upload import Result
from simulators.feed import variants

PERSON = people.generate(7, 0)
FIELDS = {"ward": "W01", "bed": "02", "phone": "12345"}


def written(name: str) -> bytes:
    return variants.registration(
        PERSON, FIELDS, variants.way(name), control_id="C1", time="20260105080000"
    )


def rows(data: bytes, codec: str, sign: str = "|") -> dict[str, list[str]]:
    text = data.decode(codec).lstrip("\ufeff")
    return {row[:3]: row.split(sign) for row in re.split(r"[\r\n]+", text) if row}


CODECS = {"GBK编码": "gbk", "UTF-8编码": "utf-8", "字节顺序标记": "utf-8"}


@pytest.mark.parametrize("name", sorted(variants.WAYS))
def test_every_way_says_the_same(name: str) -> None:
    sign = "$" if name == "自定义分隔符" else "|"
    component = "%" if name == "自定义分隔符" else "^"
    found = rows(written(name), CODECS.get(name, "gb18030"), sign)

    pid = found["PID"]
    assert pid[5] == PERSON.name
    assert (pid[7][:8], pid[8], pid[13]) == (PERSON.birth, PERSON.sex, "12345")
    identifiers = [one.split(component) for one in pid[3].split("~")]
    assert [PERSON.patient_id] == [one[0] for one in identifiers if one[4] == "PatientNO"]
    assert found["PV1"][3].split(component) == ["W01", "", "02"]
    assert found["MSH"][9] == "C1"


@pytest.mark.parametrize(
    ("name", "end", "born"),
    [
        ("标准", r"\d{14}", ""),
        ("时间写作24时", r"\d{8}240000", ""),
        ("时间为协调世界时", r"\d{14}Z", ""),
        ("时间带夏令时时区", r"\d{14}\+0900", ""),
        ("出生时刻带夏令时", r"\d{14}", "000000+0900"),
    ],
)
def test_times_are_written_as_the_way_says(name: str, end: str, born: str) -> None:
    found = rows(written(name), "gb18030", "|")

    assert re.fullmatch(end, found["MSH"][6])
    assert re.fullmatch(end, found["EVN"][2])
    assert found["PID"][7] == PERSON.birth + born


@pytest.mark.parametrize("name", ["声明与编码不符", "未声明字符集"])
def test_text_of_unknown_set_cannot_be_taken_for_another_one(name: str) -> None:
    with pytest.raises(UnicodeDecodeError):
        written(name).decode("utf-8")


def test_each_way_is_another_way() -> None:
    made = {name: written(name) for name in variants.WAYS}

    assert len(set(made.values())) == len(made)
    assert made["字节顺序标记"].startswith(b"\xef\xbb\xbfMSH")
    assert made["自定义分隔符"].startswith(b"MSH$%~\\&$")
    assert made["第五个分隔符"].startswith(b"MSH|^~\\&#|")
    assert b"\r" not in made["换行"]
    assert made["回车换行"].endswith(b"\r\n")
    assert b"\r\rPID" in made["空行"]
    assert not made["缺末尾回车"].endswith(b"\r")
    assert b"\rZPI|1|A\r" in made["自定义段"]


def test_an_unknown_way_is_said() -> None:
    with pytest.raises(InputError, match="摩尔斯"):
        variants.way("摩尔斯")


@pytest.mark.parametrize(
    ("fields", "end"), [({"phone": '""'}, '|""'), ({"phone": ""}, "|"), ({}, PERSON.sex)]
)
def test_null_empty_and_absent(fields: dict[str, str], end: str) -> None:
    data = variants.registration(
        PERSON, fields, variants.WAYS["标准"], control_id="C1", time="20260105", event="A08"
    )
    pid = rows(data, "gb18030")["PID"]

    assert "|".join(pid).endswith(end)
    assert len(pid) == (14 if "phone" in fields else 9)
    assert variants.event_of(data) == "A08"


def test_a_merge_names_both() -> None:
    other = people.generate(7, 1)
    found = rows(variants.merge(PERSON, other, control_id="C1", time="20260105"), "gb18030")

    assert found["PID"][3].split("^")[0] == PERSON.patient_id
    assert found["MRG"][1].split("^")[0] == other.patient_id


def test_a_report_has_types_and_raw_values() -> None:
    results = [Result(item="K", value="a\\.br\\b", unit="", flag="N", status="F")]

    def obx(**more: bool) -> list[str]:
        data = variants.report(
            PERSON, "B1", results, control_id="C1", time="20260105", types=["FT"], **more
        )
        return rows(data, "gb18030")["OBX"]

    assert obx(raw=True)[2] == "FT"
    assert obx(raw=True)[5] == "a\\.br\\b"
