"""``medharness spec compare``: the difference of two versions, and a version made for rehearsal."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from harness.errors import InputError
from simulators.centre import schema, spec_report
from simulators.centre.spec_diff import difference


def report(capsys: pytest.CaptureFixture[str], *versions: str, **more: object) -> tuple[int, str]:
    given = {"transaction": [], "breaking": False, "json": False} | more
    code = spec_report.compare(Namespace(before=versions[0], after=versions[1], **given))
    return code, capsys.readouterr().out


def test_every_kind_of_change_is_named_and_the_dangerous_ones_are_marked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, text = report(capsys, "V1.1.27", "V9.0.0", json=True)
    whole = json.loads(text.splitlines()[-1])

    assert code == 1
    kinds = {(one["kind"], one["breaks_senders"]) for one in whole["changes"]}
    assert kinds == {
        ("lengthened", False),
        ("field-added", True),
        ("made-required", True),
        ("field-renamed", True),
        ("shortened", True),
        ("code-removed", True),
        ("code-added", False),
    }
    assert whole["breaking"] == sum(one["breaks_senders"] for one in whole["changes"])


def test_nothing_differs_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = report(capsys, "V1.1.27", "V1.1.27")

    assert code == 0
    assert len(text.splitlines()) == 2


def test_only_one_transaction_and_only_what_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = report(capsys, "V1.1.27", "V9.0.0", transaction=["2207"], breaking=True, json=True)
    whole = json.loads(text.splitlines()[-1])

    assert {one["infno"] for one in whole["changes"]} == {"2207", ""}
    assert all(one["breaks_senders"] for one in whole["changes"])


def test_a_version_may_be_a_file_and_a_broken_one_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "next.json"
    change = {"infno": "2207", "side": "in", "node": "data", "field": "new_one", "was": "C3!"}
    raw = {"version": "next", "base": "V1.1.27", "changes": [change]}
    path.write_text(json.dumps(raw), encoding="utf-8")
    code, text = report(capsys, "V1.1.27", str(path))
    assert (code, "2207.in.data.new_one" in text) == (1, True)

    path.write_text(json.dumps(raw | {"changes": [change | {"node": "none"}]}), encoding="utf-8")
    with pytest.raises(InputError):
        report(capsys, "V1.1.27", str(path))
    with pytest.raises(InputError, match=r"V0\.0"):
        report(capsys, "V0.0", "V1.1.27")


def test_changes_on_the_spot_are_those_that_were_named() -> None:
    before = schema.load()
    change = {"infno": "2203", "side": "in", "node": "mdtrtinfo", "field": "mode", "was": "C3!"}

    after = schema.changed(
        before, [change], version="x", added={"med_type": {"99": "x"}}, removed={"rx_flag": ("1",)}
    )

    assert [one.kind for one in difference(before, after)] == [
        "field-added",
        "code-added",
        "code-removed",
    ]
    with pytest.raises(InputError):
        schema.changed(before, [{**change, "field": "nothing", "was": ""}], version="x")
