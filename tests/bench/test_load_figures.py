"""What the figures of a load count."""

import json

import load_figures as figures
import pytest


def run_folder(out, *, missing="", done="118"):
    """A finished run of one kind, as the command leaves it."""
    (out / "traces").mkdir(parents=True)
    (out / "run.json").write_text(json.dumps({"verdict": "pass"}), "utf-8")
    counts = {"planned": "120", "done": done, "p50_s": "0.008", "p95_s": "0.02", "p99_s": "0.04",
              "p100_s": "0.3"}  # fmt: skip
    book = {"confirmed": "240", "found": "238", "missing": missing, "double": "", "other": "S3",
            "unasked": ""}  # fmt: skip
    first = {"kind": "probe", "rows": [counts | {"done": "0"}, book]}
    last = {"kind": "probe", "rows": [counts, book]}
    lines = [json.dumps(one) for one in ({"kind": "open"}, first, last, {"kind": "seal"})]
    (out / "traces" / "load-settlement.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return out


def test_the_last_look_counts_and_every_id_that_is_wrong(tmp_path):
    found = figures.figures(run_folder(tmp_path, missing="S1 S2"), 60.0)

    assert found["settlement"] == {
        "planned": 120,
        "done": 118,
        "per_s": 2.0,
        "confirmed": 240,
        "found": 238,
        "wrong": 3,
        "p50_s": 0.008,
        "p95_s": 0.02,
        "p99_s": 0.04,
        "p100_s": 0.3,
    }
    assert (found["not_done"], found["wrong"], found["passed"]) == (2, 3, 1)


def test_what_nobody_looked_into_is_no_figure(tmp_path):
    out = run_folder(tmp_path)
    (out / "traces" / "load-feed.jsonl").write_text('{"kind": "open"}\n', "utf-8")

    with pytest.raises(IndexError):
        figures.figures(out, 60.0)
