"""What the figures of a functional run count, and as whose work."""

import shutil

import functional_figures as figures
import pytest


def process(proc, pid, parent, ticks, words, *, waited=0):
    """One process as /proc shows it; its name may hold anything (proc(5))."""
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    stat = f"{pid} (a ) b) S {parent} 0 0 0 -1 0 0 0 0 0 {ticks - 1} 1 {waited} 0 20 0 1 0"
    (folder / "stat").write_text(stat, "utf-8")
    (folder / "cmdline").write_bytes(b"\0".join([*words, b""]))


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        ([b"python", b"-m", b"simulators.hospital"], True),
        ([b"python", b"-u", b"-m", b"simulators.modality.systems"], True),
        ([b"python", b"-m", b"harness.link.nursery", b"4"], True),
        ([b"python", b"-m", b"harness", b"run", b"simulators.hospital"], False),
        ([b"python", b"-c", b"simulators.hospital"], False),
        ([b""], False),
    ],
)
def test_a_system_is_told_by_the_module_that_it_is_started_with(words, is_one):
    assert figures.is_system(words) is is_one


def test_systems_below_the_command_are_counted_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "PROC", tmp_path)
    monkeypatch.setattr(figures, "TICKS", 100)
    monkeypatch.setattr(figures, "LOOK_S", 3600)
    system = (b"python", b"-m", b"simulators.hospital")
    process(tmp_path, 10, 1, 500, (b"python", b"-m", b"harness"))
    process(tmp_path, 11, 10, 400, (b"python", b"-c", b"worker"))
    process(tmp_path, 12, 11, 30, system)
    process(tmp_path, 13, 11, 20, system)
    process(tmp_path, 99, 1, 9000, system)
    looks = figures.Looks(10)

    looks.look()
    process(tmp_path, 12, 11, 150, system)
    looks.look()
    looks.stop()

    assert looks.systems == {12: 150, 13: 20}
    assert looks.seconds == pytest.approx(1.7)


def test_what_a_system_used_that_is_over_stands_where_it_came_out_of(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "PROC", tmp_path)
    monkeypatch.setattr(figures, "TICKS", 100)
    monkeypatch.setattr(figures, "LOOK_S", 3600)
    nursery = (b"python", b"-m", b"harness.link.nursery", b"4")
    process(tmp_path, 10, 1, 500, (b"python", b"-m", b"harness"))
    process(tmp_path, 12, 10, 50, nursery)
    process(tmp_path, 13, 12, 20, nursery)
    process(tmp_path, 14, 12, 30, nursery)
    looks = figures.Looks(10)

    looks.look()
    assert looks.seconds == pytest.approx(1.0)
    shutil.rmtree(tmp_path / "13")
    process(tmp_path, 12, 10, 50, nursery, waited=80)  # 60 more since the last look
    looks.look()
    shutil.rmtree(tmp_path / "14")
    shutil.rmtree(tmp_path / "12")
    looks.look()
    looks.stop()

    assert looks.seconds == pytest.approx(1.6)


def test_the_time_of_the_cores_is_shared_out_whole():
    found = figures.shares(wall=100.0, total=60.0, systems=20.0, cores=2)

    assert found == {"own_percent": 20.0, "systems_percent": 10.0, "waiting_percent": 70.0}


def test_the_median_round_stands_for_all_and_the_worst_of_time_and_failures():
    def run(own, wall, failed, cpu):
        return {"own_percent": own, "wall_s": wall, "not_passed": failed, "own_cpu_s": cpu}

    found = figures.middle(
        [run(22.0, 150.0, 0, 70), run(17.0, 181.0, 0, 50), run(19.0, 9.0, 1, 60)]
    )

    assert found == {
        "own_percent": 19.0,
        "own_cpu_s": 60,
        "wall_s": 181.0,
        "not_passed": 1,
        "own_percent_least": 17.0,
        "own_percent_most": 22.0,
    }
    assert figures.middle([run(17.0, 1.0, 0, 1), run(19.0, 1.0, 0, 1)])["own_percent"] == 19.0


def test_what_did_not_pass_is_counted():
    run = {
        "counts": {"pass": 3, "fail": 1, "blocked": 1, "not-applicable": 0},
        "scenarios": [{"seconds": 1.25}, {"seconds": 2.5}],
    }

    assert figures.of_run(run) == {"scenarios": 5, "not_passed": 2, "scenario_s": 3.8}
