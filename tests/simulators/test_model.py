"""Analyzer models as data, and the run that is generated for one."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from harness import i18n, people, resources
from harness.errors import InputError
from harness.wire.astm_link import AstmLinkConfig, CutPolicy
from simulators.analyzer import generate
from simulators.analyzer.model import AnalyzerModel, load_model

GOOD = """
name = "own"
sender = "OWN"
version = "2"
encoding = "utf-8"
repeats = 5
[link]
cut = "cut-at-240"
[records]
version = "1394-97"
"""


@pytest.fixture(autouse=True)
def _english() -> None:
    i18n.use("en")


def test_every_model_that_ships_can_be_used() -> None:
    names = {path.stem for path in resources.fixture("analyzers").glob("*.toml")}

    assert {load_model(name).name for name in names} == names
    assert names >= {"haematology", "chemistry"}


def test_a_model_is_read_once_and_a_changed_file_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD, encoding="utf-8")
    first = load_model(str(path))

    assert load_model(str(path)) is first
    path.write_text(GOOD.replace("OWN", "OTHER"), encoding="utf-8")
    assert load_model(str(path)).sender == "OTHER"


def test_a_model_by_path(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD, encoding="utf-8")
    model = load_model(str(path))

    assert isinstance(model, AnalyzerModel)
    assert (model.name, model.sender, model.version) == ("own", "OWN", "2")
    assert (model.encoding, model.repeats) == ("utf-8", 5)
    assert (model.cut, model.records_version) == (CutPolicy("cut-at-240"), "1394-97")
    assert model.link_config() == AstmLinkConfig(side="instrument", cut=CutPolicy("cut-at-240"))


@pytest.mark.parametrize("name", ["none", "../people/names", "", "haematology/"])
def test_an_unknown_model_names_those_that_are(name: str) -> None:
    with pytest.raises(InputError, match="no analyzer model") as caught:
        load_model(name)
    assert {"chemistry", "haematology"} <= set(
        caught.value.remedy.removeprefix("use one of: ").split(", ")
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "own"', ""),
        ('"cut-at-240"', '"in-half"'),
        ("[link]\ncut", "link"),
        ("utf-8", "klingon"),
        ("repeats = 5", 'repeats = "often"'),
        ("repeats = 5", "repeats = [5]"),
        ("[records]", "[records"),
    ],
)
def test_a_file_that_is_no_model_says_why(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "own.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match="not an analyzer model: ") as caught:
        load_model(str(path))
    assert caught.value.where.startswith(str(path))


@pytest.mark.parametrize(
    ("more", "said", "remedy"),
    [
        ("sirial = 1", "records.sirial: no such key", "use one of: "),
        ("recordend = 'cr'", "records.recordend: no such key", "did you mean “record_end”?"),
        ("delimiters = '|||'", "four different delimiters", ""),
        ("header = { x = '1' }", "no field “x”", ""),
        ("header = { 3 = '{barcod}' }", "nothing fills “barcod”: did you mean “barcode”?", ""),
        ("header = { 3 = '{barcode' }", "not a hole", ""),
        ("header = { 3 = '{barcode:>999}' }", "padded to more than", ""),
        ("record_end = 'bell'", "it cannot be “bell”", "use one of: "),
    ],
)
def test_a_wrong_key_is_named_with_its_line_and_what_to_do(
    tmp_path: Path, more: str, said: str, remedy: str
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD + more + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_model(str(path))
    assert said in caught.value.message
    assert caught.value.remedy.startswith(remedy)
    assert caught.value.where.startswith(f"{path}:")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_model(str(tmp_path / "none.toml"))
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not an analyzer model"):
        load_model(str(path))


def test_a_generated_run_lies_in_the_reserved_namespace_and_in_range() -> None:
    catalogue = tomllib.loads(
        resources.fixture("catalogues", "lab_items.toml").read_text(encoding="utf-8")
    )
    for seed in range(50):
        tested = generate.run(seed)
        assert people.is_barcode(tested.barcode)
        assert tested.person is not None
        assert people.is_generated(tested.person)
        assert 0 < len(tested.results) <= generate.ITEMS_MAX
        for one in tested.results:
            item = catalogue[one.item]
            assert Decimal(item["low"]) <= Decimal(one.value) <= Decimal(item["high"])
            assert len(one.value.partition(".")[2]) == item["decimals"]
            assert one.unit == item["unit"]
            assert one.flag == "N"


def test_a_seed_means_the_same_run() -> None:
    assert generate.run(7) == generate.run(7)
    assert generate.run(7) != generate.run(8)
