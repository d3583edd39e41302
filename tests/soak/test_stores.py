"""The soak of stores: a lost answer is counted and fails it, and its figure has a place."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "bench")]

import render  # noqa: E402
import run  # noqa: E402
import stores  # noqa: E402
from imaging_ends import HOST  # noqa: E402
from pynetdicom.sop_class import CTImageStorage  # noqa: E402
from targets import GROUPS  # noqa: E402

from harness.link.dicom import Request  # noqa: E402
from harness.link.dicom_data import EXPLICIT  # noqa: E402
from harness.link.dicom_scp import Listener  # noqa: E402
from simulators.modality.modality import Receiver  # noqa: E402

pytestmark = pytest.mark.slow

SILENT = "2.25.7000005"


class Mute(Receiver):
    """Takes everything, and never answers one store until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def serve(self, request: Request, *rest: object) -> object:
        if request.sop_instance == SILENT:
            self.go.wait(30)
        return super().serve(request, *rest)


@pytest.mark.parametrize("quiet", [False, True])
def test_an_answer_that_does_not_come_is_lost_and_the_rest_is_not(quiet, monkeypatch):
    monkeypatch.setattr(stores, "LIMIT_S", 1.0)
    receiver = Mute() if quiet else Receiver()
    listener = Listener(receiver, "ANY", [(CTImageStorage, (EXPLICIT,))])
    address = listener.start(HOST, 0)
    try:
        found = stores.play("ours", stores.ours(address.port), 40, 4)
    finally:
        if quiet:
            receiver.go.set()
        assert listener.stop() == []
    assert (found["sent"], found["refused"]) == (40, 0)
    assert (found["answered"], found["lost"]) == ((39, 1) if quiet else (40, 0))


def played(monkeypatch, folder, figures, *words):
    """The command with these figures in place of a play; its exit code."""
    for name, end in (("FIGURES", "json"), ("PAGE", "md"), ("PICTURE", "svg")):
        monkeypatch.setattr(render, name, folder / f"it.{end}")
    monkeypatch.setattr(stores, "measure", lambda *_: figures)
    monkeypatch.setattr(sys, "argv", ["stores.py", *words])
    return stores.main()


def figures_of(answered, lost=0, sent=100_000):
    ours = {"sent": sent, "threads": 8, "answered": answered, "lost": lost, "refused": 0,
            "seconds": 150.0, "per_s": 666.0}  # fmt: skip
    return {"peer": "storescp", "ours": ours, "plain": ours | {"sent": 20_000, "lost": 9}}


def test_what_was_taken_stands_in_the_file_and_on_the_page(tmp_path, monkeypatch):
    there = tmp_path / "there.json"
    words = ("--record", "--json", str(there))
    assert played(monkeypatch, tmp_path, figures_of(100_000), *words) == 0
    taken = json.loads(render.FIGURES.read_text("utf-8"))["groups"]["soak"]
    assert taken == json.loads(there.read_text("utf-8"))
    assert {"commit", "command", "date", "machine", "rounds", "seconds", "figures"} <= set(taken)
    assert taken["command"].startswith("python tests/soak/stores.py --stores 100000 --threads 8")
    page = render.PAGE.read_text("utf-8")
    assert "| stores whose answer was lost, 8 threads | 0 | ≤ 0 | kept |" in page
    assert "| plain pynetdicom: stores whose answer was lost | 9 |" in page


def test_a_lost_answer_is_no_kept_figure_and_ends_with_1(tmp_path, monkeypatch):
    assert played(monkeypatch, tmp_path, figures_of(99_999, 1), "--record") == 1
    page = render.PAGE.read_text("utf-8")
    assert "| stores whose answer was lost, 8 threads | 1 | ≤ 0 | **not kept** |" in page


def test_a_soak_of_a_few_is_not_judged(tmp_path, monkeypatch):
    few = figures_of(300, sent=300)
    assert played(monkeypatch, tmp_path, few, "--stores", "300", "--record") == 0
    rows = [one for one in render.PAGE.read_text("utf-8").splitlines() if "stores that" in one]
    assert len(rows) == 2
    assert all("not judged: too few, 100,000 wanted" in one for one in rows)


def test_the_bench_takes_it_by_its_name(monkeypatch):
    monkeypatch.setattr(stores, "measure", lambda *_: figures_of(100_000))
    taken = run.MEASURES["soak"](1, 1.0)
    named = {one.name for one in (*GROUPS["soak"].targets, *GROUPS["soak"].shown)}
    assert named <= taken.keys()
    assert (taken["stores"], taken["lost"], taken["plain_lost"]) == (100_000, 0, 9)


def test_without_record_nothing_is_written(tmp_path, monkeypatch):
    assert played(monkeypatch, tmp_path, figures_of(100_000)) == 0
    assert list(tmp_path.iterdir()) == []
