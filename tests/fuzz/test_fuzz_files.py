"""A file that is nearly right is read, or refused with its name and no more than ``InputError``."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from depth import examples, nightly
from edits import DEEP, edited
from file_readers import READERS, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import input_files
from harness.errors import InputError
from harness.input_files import json_of, shaped, toml_of


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_is_read(name: str) -> None:
    """Else all that follows would look at one refusal again and again."""
    reader = READERS[name]
    refused = [why for path in reader.good() if (why := refusal(reader, path, path.read_bytes()))]
    assert len(refused) < len(reader.good()), refused


@pytest.mark.untraced
@pytest.mark.parametrize("name", READERS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=examples(40), deadline=None, derandomize=not nightly())
def test_an_edited_file_is_read_or_refused(name: str, seed: int) -> None:
    """With every commit the same edits; others are looked for at night."""
    random, reader = Random(seed), READERS[name]
    path = random.choice(reader.good())
    refusal(reader, path, edited(path.read_bytes(), path.suffix, random))


@pytest.mark.untraced
@pytest.mark.parametrize("name", READERS)
def test_edits_are_refused_at_all(name: str) -> None:
    """A reader that takes whatever comes would pass everything above."""
    random, reader = Random(1), READERS[name]
    outcomes = set()
    for _ in range(60):
        path = random.choice(reader.good())
        outcomes.add(bool(refusal(reader, path, edited(path.read_bytes(), path.suffix, random))))
    assert outcomes == ({False} if name in LENIENT else {True} if name in STRICT else {True, False})


LENIENT = {"definitions", "dicom", "traffic", "workstation"}
"""What a file holds is looked for, or judged: nothing is refused."""

STRICT = {"evidence"}
"""A hash is over all of it."""


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_what_is_no_text_says_where_and_what_to_do(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes("a = 1\nb = '甲'\n".encode("gb18030"))
    with pytest.raises(InputError, match=rf"any\{suffix}:2") as caught:
        (toml_of if suffix == ".toml" else json_of)(path)
    assert caught.value.remedy

    path.write_bytes((b"a = " if suffix == ".toml" else b"") + b"[" * DEEP)
    with pytest.raises(InputError, match=rf"any\{suffix}"):
        (toml_of if suffix == ".toml" else json_of)(path)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(input_files, "BYTES_MAX", 9)
    path = tmp_path / "any.toml"
    path.write_bytes(b"a = 12345")
    assert toml_of(path) == {"a": 12345}
    path.write_bytes(b"a = 123456")
    with pytest.raises(InputError, match=r"any\.toml"):
        toml_of(path)


def test_a_line_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    path.write_text("a = 1\nb = \n", "utf-8")
    with pytest.raises(InputError, match=r"any\.toml:2"):
        toml_of(path)
    with pytest.raises(InputError, match="no-such"):
        toml_of(tmp_path / "no-such.toml")


def test_each_key_of_the_wrong_kind_is_named() -> None:
    with pytest.raises(InputError) as caught:
        shaped(dict[str, int], {"a": 1, "b": "x", "c": []}, "file")
    assert "file: b" in str(caught.value)
    assert "file: c" in str(caught.value)
    assert "file: a" not in str(caught.value)
