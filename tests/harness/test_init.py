"""The template: it loads as it is, and is never written over a profile."""

from pathlib import Path

import pytest

from harness.errors import InputError
from harness.init import write_template
from harness.profile import load_profile


def test_the_template_is_written_and_loads(tmp_path):
    path = write_template(tmp_path / "new" / "site.toml")

    profile = load_profile(path, resolve=lambda host: ())
    assert profile.path == path
    assert profile.systems["LIS"].version_after == "5.3.0"
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.startswith("# medharness 现场配置\n")


def test_every_table_of_the_model_is_explained_in_the_template(tmp_path):
    from harness.profile_model import Profile

    text = write_template(tmp_path / "site.toml").read_text(encoding="utf-8")

    missing = [name for name in Profile.model_fields if f"{name}" not in text]
    assert missing == []


def test_the_commented_parts_load_as_well(tmp_path):
    """Whoever takes the marks away gets a profile that works."""
    import tomllib

    lines = write_template(tmp_path / "site.toml").read_text(encoding="utf-8").splitlines()
    parts: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line.startswith("# [endpoints."):
            name = line[2:]
            parts[name] = []
        elif not line.startswith("# ") or "=" not in line:
            name = ""
        elif name:
            parts[name].append(line[2:])
    bare = "\n".join(line for line in lines if not line.startswith("#"))
    added = "\n".join("\n".join([head, *keys]) for head, keys in parts.items())
    path = tmp_path / "whole.toml"
    path.write_text(f"{bare}\n{added}\n", encoding="utf-8")
    tomllib.loads(path.read_text(encoding="utf-8"))

    profile = load_profile(path, resolve=lambda host: ())
    assert {"serial-lis", "secure-lis"} <= profile.endpoints.keys()


def test_a_file_that_exists_is_left_alone(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write_template(path)

    assert caught.value.where == str(path)
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (Path(tmp_path / "file" / "site.toml"), tmp_path / f"{'a' * 300}.toml"):
        with pytest.raises(InputError):
            write_template(path)
