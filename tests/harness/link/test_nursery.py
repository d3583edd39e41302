"""Systems out of one process that has read their modules: each is a process as any other."""

import os
import subprocess
import sys

import pytest

from harness.link import nursery

pytestmark = pytest.mark.skipif(not nursery.possible(), reason="there is no SIGKILL on Windows")

WAIT_S = 60.0

MODULE = """
import random, sys

if __name__ == "__main__":
    print(random.random(), sys.argv[1:], flush=True)
    for line in sys.stdin:
        print("heard", line.strip(), flush=True)
        print("aside", line.strip(), file=sys.stderr, flush=True)
    sys.exit("that was all")
"""


@pytest.fixture
def kept(tmp_path, monkeypatch):
    (tmp_path / "small_system.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "broken_system.py").write_text("raise ValueError('not today')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with nursery.kept():
        yield


def small():
    child = nursery.launched(nursery.python("small_system"))
    assert child is not None
    return child


def closed(child):
    for pipe in (child.stdin, child.stdout, child.stderr):
        pipe.close()


def test_it_is_a_process_with_pipes_of_its_own(kept):
    one, two = small(), small()

    said = [child.stdout.readline().split(maxsplit=1) for child in (one, two)]
    one.stdin.write("病人\n")
    one.stdin.flush()

    assert one.stdout.readline() == "heard 病人\n"
    assert one.stderr.readline() == "aside 病人\n"
    assert len({one.pid, two.pid, os.getpid()}) == 3
    assert said[0][0] != said[1][0], "both would draw the same"
    assert [words[1] for words in said] == ["[]\n", "[]\n"]
    assert os.getsid(one.pid) != os.getsid(0), "Ctrl-C would reach it"
    for child in (one, two):
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(WAIT_S) == 0
        assert child.poll() == 0
        assert child.stderr.read() == "that was all\n"
        closed(child)


def test_a_power_cut_ends_one_alone(kept):
    one, two = small(), small()
    assert one.stdout.readline()
    assert two.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        one.wait(0.0)

    one.kill()
    one.wait(WAIT_S)
    one.kill()

    assert one.stdout.read() == ""
    assert two.poll() is None
    two.stdin.write("still here\n")
    two.stdin.flush()
    assert two.stdout.readline() == "heard still here\n"
    for child in (one, two):
        child.kill()
        child.wait(WAIT_S)
        closed(child)


@pytest.mark.parametrize(
    ("module", "why"), [("no_such_system", "No module named"), ("broken_system", "not today")]
)
def test_what_cannot_be_read_is_told_as_without_it(kept, module, why):
    child = nursery.launched(nursery.python(module))

    assert why in child.stderr.read()
    assert child.stdout.read() == ""
    child.wait(WAIT_S)
    closed(child)


def test_a_nursery_that_is_gone_leaves_the_old_way(kept):
    nursery._kept[0]._process.kill()
    nursery._kept[0]._process.wait()

    assert nursery.launched(nursery.python("small_system")) is None


def test_it_takes_modules_only_and_only_while_it_is_kept(kept):
    assert nursery.launched([sys.executable, "-c", "print()"]) is None
    assert nursery.launched(["/bin/true"]) is None


def test_without_one_nothing_comes_out_of_it():
    assert nursery.launched(nursery.python("small_system")) is None


def test_it_ends_with_those_that_could_ask(tmp_path, monkeypatch):
    (tmp_path / "small_system.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with nursery.kept():
        process = nursery._kept[0]._process
        child = small()
        closed(child)

    assert process.returncode == 0
    assert child.poll() == 0
    with nursery.kept():
        again = small()
        again.kill()
        again.wait(WAIT_S)
        closed(again)
