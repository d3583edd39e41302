"""Province files: all that ship can be read, wrong ones are told with their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import i18n, resources
from harness.errors import InputError, InputErrors
from simulators.centre import provinces


@pytest.mark.parametrize("name", ["hunan", "guangdong", "foshan", "chongqing", "jilin", "hubei"])
def test_each_province_ships_and_marks_what_is_uncertain(name: str) -> None:
    province = provinces.load_province(name)
    assert province.name == name
    assert province.books_policy().region
    assert province.spec().transactions["2207"].name

    text = resources.fixture("centre", "provinces", f"{name}.toml").read_text("utf-8")
    body, _, _ = text.partition("[confidence]")
    keys = {key.rpartition(".")[2] for key in province.confidence}
    for line in body.splitlines():
        found = re.match(r"(\w+) = .*# (guess|single source)", line)
        if found and found[1] not in {"12", "21", "99", "mdtrtinfo", "clr_optins"}:
            assert found[1] in keys, line


def test_code_lists_of_a_province() -> None:
    assert "99" in provinces.load_province("guangdong").spec().code_lists["mdtrt_cert_type"]
    assert "99" not in provinces.load_province("hunan").spec().code_lists["mdtrt_cert_type"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('format = 1\nname = "x"\ntitle = "x"\nodd = 1\n', 4, "odd"),
        ('format = 1\nname = "x"\ntitle = "x"\n[gateway]\nfamily = "x"\n', 5, "gateway.family"),
        ('format = 1\nname = "x"\ntitle = "x"\n[policy]\npair_count = 7\n', 4, "pair_count"),
        ('format = 1\nname = "x"\ntitle = "x"\n[policy]\nodd = 7\n', 4, "odd"),
        ('format = 1\nname = "x"\ntitle = "x"\n[confidence]\n"a.b" = "guess"\n', 5, "a.b"),
    ],
)
def test_problems_have_their_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputErrors) as caught:
        provinces.load_province(str(path))
    assert caught.value.problems[0].where == f"{path}:{line}"
    assert said in str(caught.value)


def test_another_version_of_the_interface_than_the_provinces_own(tmp_path: Path) -> None:
    assert provinces.load_province("hunan").spec().version == "V1.1.27"
    assert provinces.load_province("hunan", "V1.1.18").spec().version == "V1.1.18"
    shipped = resources.fixture("centre", "schema", "V9.0.0.json")
    mine = tmp_path / "mine.json"
    mine.write_text(shipped.read_text("utf-8").replace("V9.0.0", "V9.0.1"), "utf-8")
    assert provinces.load_province("jilin", str(mine)).spec().version == "V9.0.1"
    with pytest.raises(InputError):
        provinces.load_province("hunan", "V7")


def test_what_is_not_there_or_no_toml(tmp_path: Path) -> None:
    i18n.use("en")
    with pytest.raises(InputError) as caught:
        provinces.load_province("atlantis")
    assert "hunan" in caught.value.remedy
    broken = tmp_path / "b.toml"
    broken.write_bytes(b"= \xff")
    for path in (broken, tmp_path / "none.toml"):
        with pytest.raises(InputError):
            provinces.load_province(str(path))
