"""``fingerprint`` and ``dialect`` as they are typed."""

import argparse
import json

import pytest

from harness.commands import feeds
from harness.errors import InputError


def run(*words):
    parser = argparse.ArgumentParser()
    feeds.add(parser.add_subparsers())
    args = parser.parse_args([str(word) for word in words])
    return args.run(args)


@pytest.mark.slow
def test_a_fingerprint_from_the_first_to_the_last_command(tmp_path, capsys):
    one = tmp_path / "one"
    code = run("fingerprint", "make", "ORU^R01", "--repeat", "OBX=3", "--set", "PID-3=P=1",
               "--leave", "PV2", "--seed", "4", "--receiver", "LIS", "--out", one)  # fmt: skip
    assert code == 0
    message = (tmp_path / "one.hl7").read_bytes()
    assert message.count(b"\rOBX|") == 3
    assert b"|P=1~" in message
    assert b"\rPV2|" not in message
    shown = tmp_path / "shown.csv"
    sheet = json.loads((tmp_path / "one.json").read_bytes())
    name = next(one["text"] for one in sheet["tokens"] if one["path"] == "PID[1]-5[1].1.1")
    shown.write_text(f"name\n{name}\n", encoding="utf-8")
    assert run("fingerprint", "search", f"{one}.json", shown, "--out", tmp_path / "a") == 0
    shown.write_text(f"name\n{name[:6]}\n", encoding="utf-8")
    assert run("fingerprint", "search", f"{one}.json", shown, "--out", tmp_path / "b") == 0
    assert run("fingerprint", "compare", tmp_path / "a", tmp_path / "b") == 1
    assert "shown name" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [("--repeat", "OBX"), ("--repeat", "OBX=x"), ("--repeat", "OBX=0"), ("--set", "=1")]
)
def test_an_option_without_a_value_is_refused(tmp_path, words):
    with pytest.raises(InputError):
        run("fingerprint", "make", "ORU^R01", *words, "--out", tmp_path / "one")


def test_a_dialect_is_learned_and_checked(tmp_path):
    traffic = tmp_path / "a.hl7"
    traffic.write_bytes(b"MSH|^~\\&|HIS|A|LIS||20260105||ADT^A01|C1|P|2.4\rPID|1||P1\r")

    assert run("dialect", "learn", traffic, "--out", tmp_path / "site.toml") == 0
    assert run("dialect", "check", tmp_path / "site.toml", traffic) == 0
