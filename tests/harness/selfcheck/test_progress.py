"""How far a self-check is: when a line is due, what it says, where it goes, and who can tell."""

import io
from types import SimpleNamespace

import pytest

from harness.clock import VirtualClock
from harness.evidence.verdict import Verdict
from harness.i18n import use
from harness.selfcheck import command, imaging, imaging_shares, progress, runs, settlement
from harness.selfcheck.progress import Progress, fitting


class Terminal(io.StringIO):
    """Says that a person looks at it."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _english():
    use("en")


def begun(out):
    clock = VirtualClock()
    far = Progress(out, clock, io.StringIO())
    far.expect("defects", "defects", 8)
    return far, clock


def after(far, clock, now):
    """What is printed at a moment."""
    before = far._out.tell()
    clock.advance_to(now)
    far.tick()
    return far._out.getvalue()[before:]


# -- what a line says ------------------------------------------------------------------------------


def test_a_line_has_what_is_done_of_how_much_the_time_gone_an_estimate_and_what_is_under_way():
    far, clock = begun(io.StringIO())
    clock.advance_to(60)
    far.tell("defects", what="lis-drops-unmatched")
    clock.advance_to(120)
    far.tell("defects", 2)  # two in a minute: six more take three

    said = far.line(120)

    assert said == "[0:02:00] defects 2/8, about 0:03:00 left (lis-drops-unmatched)"


def test_what_no_process_has_begun_waits_and_has_no_estimate():
    far, _ = begun(io.StringIO())
    far.expect("seeds", "seeds", 13_660)
    far.tell("defects", 1, "d1")

    said = far.line(3725)

    assert said.startswith("[1:02:05] defects 1/8, about ")
    assert said.endswith("; seeds 0/13,660: not begun")


def test_a_part_of_unknown_size_is_told_without_numbers_and_a_finished_one_not_at_all():
    far, _ = begun(io.StringIO())
    far.expect("fault_classes", "fault classes")
    far.tell("fault_classes")
    far.finish("defects")
    far.tell("defects", 1, "late")  # nobody expects it any more

    assert far.line(1) == "[0:00:01] fault classes"


def test_what_comes_later_is_added_to_what_was_expected():
    far, _ = begun(io.StringIO())
    far.expect("defects", "", 4)
    far.tell("defects", 12)

    assert far.line(5) == "[0:00:05] defects 12/12"


def test_what_other_processes_are_done_with_is_left_out_while_something_is_left():
    far, _ = begun(io.StringIO())
    far.expect("seeds", "seeds", 2)
    far.tell("defects", 8)
    far.tell("seeds", 1)
    left = far.line(10)
    far.tell("seeds", 1)

    assert left == "[0:00:10] seeds 1/2, about 0:00:10 left"
    assert far.line(10) == "[0:00:10] defects 8/8; seeds 2/2"


# -- when it is said, and where --------------------------------------------------------------------


def test_in_a_log_there_is_one_plain_line_every_ten_seconds_at_most():
    far, clock = begun(io.StringIO())
    far.tell("defects", 1, "d1")

    said = {now: after(far, clock, now) for now in (0.5, 9.9, 10.0, 10.1, 19.9, 20.0)}

    assert [now for now, text in said.items() if text] == [10.0, 20.0]
    assert said[10.0] == "[0:00:10] defects 1/8, about 0:01:10 left (d1)\n"


def test_where_nothing_is_expected_nothing_is_said():
    far, clock = begun(io.StringIO())
    far.finish("defects")

    assert after(far, clock, 100) == ""


def test_on_a_terminal_one_line_is_written_again_and_wiped_before_a_result():
    far, clock = begun(Terminal())
    far.tell("defects", 1, "d1")
    first = after(far, clock, 1.0)
    far.say("seeds: fine")
    second = after(far, clock, 2.0)
    far.close()

    line = first.removeprefix("\r")
    assert first.startswith("\r[0:00:01] defects 1/8")
    assert "\n" not in far._out.getvalue()
    assert far._result.getvalue() == "seeds: fine\n"
    wiped = "\r" + " " * len(line) + "\r"
    assert far._out.getvalue().startswith(f"{first}{wiped}\r[0:00:02]")
    assert far._out.getvalue().endswith(" " * (len(second) - 1) + "\r")


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abc", 3, ("abc", 3)), ("abcd", 3, ("abc", 3)), ("缺陷 1", 4, ("缺陷", 4)),
     ("缺陷", 3, ("缺", 2))],
)  # fmt: skip
def test_a_line_fits_into_the_terminal(text, columns, shown):
    assert fitting(text, columns) == shown


def test_nothing_of_it_goes_to_standard_output(capsys):
    clock = VirtualClock()
    far = Progress(clock=clock)
    far.expect("defects", "defects", 8)
    clock.advance_to(10)
    far.tick()

    said = capsys.readouterr()
    assert said.out == ""
    assert "defects 0/8" in said.err


# -- who tells -------------------------------------------------------------------------------------


def test_what_is_played_is_told_only_while_somebody_listens(monkeypatch):
    heard = []
    monkeypatch.setattr(Progress, "tell", lambda _, *what: heard.append(what))
    items = progress.tracked("seeds", ["a", "b"], str)
    with progress.shown(Progress(io.StringIO())):
        assert list(items) == ["a", "b"]
    assert list(progress.tracked("seeds", ["c"], str)) == ["c"]

    assert heard == [
        ("seeds", 0, "a"), ("seeds", 1, ""), ("seeds", 0, "b"), ("seeds", 1, ""),
    ]  # fmt: skip
    assert progress.line() is None


@pytest.mark.slow
def test_a_process_that_plays_tells_the_one_that_asked(monkeypatch):
    heard = []
    monkeypatch.setattr(Progress, "tell", lambda _, *what: heard.append(what))
    with progress.shown(Progress(io.StringIO())), command.pool_of(1) as pool:
        for what in ("d1", "d2"):
            pool.submit(progress.told, "defects", 1, what).result()

    assert heard == [("defects", 1, "d1"), ("defects", 1, "d2")]


def test_who_listened_may_be_gone():
    reader, writer = progress.get_context("spawn").Pipe(duplex=False)
    kept = list(progress._tell)
    try:
        progress.join((writer, progress.threading.Lock()))
        progress.told("defects", 1, "d1")
        assert reader.recv() == ("defects", 1, "d1")
        reader.close()
        progress.told("defects", 1, "d2")
        progress.told("defects", 1, "d3")
        assert progress._tell == []
    finally:
        progress._tell[:] = kept
        writer.close()


# -- the parts -------------------------------------------------------------------------------------


def test_an_exploration_of_settlement_is_told_as_it_counts():
    far = Progress(io.StringIO(), VirtualClock())
    tell = settlement.telling(far)
    tell(0, 50, "")
    tell(25, 50, "outpatient | 2207#1")
    tell(50, 50, "outpatient | 2208#1")

    assert far.line(7) == "[0:00:07] points of settlement 50/50 (outpatient | 2208#1)"


def test_imaging_tells_as_much_as_it_expects(monkeypatch):
    bound = [
        SimpleNamespace(scenario=SimpleNamespace(id=f"s{number}", requirement=one.requirement,
                                                 interface="PACS-DIMSE"))
        for number, one in enumerate(imaging.DEFECTS[:3])
    ]  # fmt: skip
    passed = SimpleNamespace(conclusion=SimpleNamespace(verdict=Verdict.PASS), records=[])
    rig = SimpleNamespace(play=lambda _: passed, stop=list)
    caught = SimpleNamespace(placed=["s0"], caught=True)
    monkeypatch.setattr(imaging, "scenarios", lambda: bound)
    monkeypatch.setattr(imaging, "Rig", lambda *_: rig)
    monkeypatch.setattr(imaging, "catch", lambda *_: caught)
    monkeypatch.setattr(imaging, "provoked_in", lambda _: {})
    expected, heard = [], []
    monkeypatch.setattr(progress, "_tell", [lambda *what: heard.append(what)])
    check = imaging.Check(quick=False, seed=1, only=(), say=lambda _: None, slice_of=(0, 40))
    check.run(expected.append)

    assert expected == [imaging_shares.plays(bound, [(0, 40)])]
    assert expected[0] > len(imaging.DEFECTS[::40])
    assert {part for part, *_ in heard} == {imaging.PART}
    assert sum(done for _, done, _ in heard) == expected[0]


@pytest.mark.parametrize("part", ["", "clean"])
def test_scenarios_that_are_played_are_told_under_their_part(monkeypatch, part):
    heard = []
    monkeypatch.setattr(progress, "_tell", [lambda *what: heard.append(what)])
    monkeypatch.setattr(runs, "RunSession", lambda *_, **__: SimpleNamespace(run=lambda _: None))
    runs.play([SimpleNamespace(scenario=SimpleNamespace(id="s1"))], seed=1, verdict_only=True,
              part=part)  # fmt: skip

    assert heard == ([(part, 0, "s1"), (part, 1, "")] if part else [])
