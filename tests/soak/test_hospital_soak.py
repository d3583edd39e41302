"""The soak's own judgement: what it calls wrong, what it leaves open, and that its relay cuts."""

import contextlib
import socket
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import cutter
import hospital

from harness.link.address import Address

BOOK = {"kind": "feed", "name": "LIS orders", "confirmed": 9, "found": 9, "missing": (), "double": (),
        "other": (), "unasked": ()}  # fmt: skip
GOOD = {
    "books": [BOOK],
    "memory_kib": {"LIS": (50_000, 60_000)},
    "settled": True,
    "gone": [],
    "cuts": {"LIS his-lis": 3},
    "power_cuts": 1,
    "done": {"feed": [9, 1]},
}


def test_a_good_hour_is_neither_wrong_nor_open():
    assert hospital.judged(GOOD) == ([], [])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"books": [BOOK | {"missing": ("O1",)}]}, "missing O1"),
        ({"books": [BOOK | {"double": ("O1",)}]}, "double O1"),
        ({"books": [BOOK | {"other": ("O1",)}]}, "other O1"),
        ({"books": [BOOK | {"unasked": ("O1",)}]}, "unasked O1"),
        ({"memory_kib": {"LIS": (50_000, 90_000)}}, "grows from 50000 to 90000"),
        ({"settled": False}, "the HIS does not have"),
        ({"gone": ["HIS"]}, "HIS ended by itself"),
    ],
)
def test_what_is_lost_twice_other_or_grows_is_wrong(changes, said):
    (wrong,), open_ = hospital.judged(GOOD | changes)

    assert said in wrong
    assert open_ == []


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_kib": {"LIS": None}},
        {"cuts": {"LIS his-lis": 0}},
        {"power_cuts": 0},
        {"done": {"feed": [0, 4]}},
    ],
)
def test_a_fault_that_never_fired_or_nothing_to_judge_is_open(changes):
    wrong, open_ = hospital.judged(GOOD | changes)

    assert wrong == []
    assert len(open_) == 1


def test_memory_is_compared_from_the_first_third_to_the_last():
    assert hospital.growth([1] * (hospital.LOOKS_MIN - 1)) is None
    assert hospital.growth([100] * 8 + [500] * 8 + [300] * 8) == (100, 300)
    assert hospital.flat((1_000_000, 1_100_000))
    assert not hospital.flat((1_000_000, 1_200_000))


def test_cuts_come_by_key():
    drawn = [cutter.bytes_until_cut(1, "LIS", number, 1000.0) for number in range(200)]

    assert drawn == [cutter.bytes_until_cut(1, "LIS", number, 1000.0) for number in range(200)]
    assert 700 < sum(drawn) / len(drawn) < 1400
    assert min(drawn) >= 1


@pytest.fixture
def echo():
    """A server that says everything again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                with near, contextlib.suppress(OSError):
                    while data := near.recv(1000):
                        near.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield Address(host="127.0.0.1", port=listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_connection_is_handed_on_until_it_is_cut(echo):
    relay = cutter.Cutter("LIS", echo, seed=1, mean_bytes=50.0)
    try:
        with socket.create_connection((relay.address.host, relay.address.port), 30) as sock:
            sock.sendall(b"x" * 500)
            heard = 0
            while heard < 500:
                heard += len(sock.recv(1000))
            assert relay.cuts == 0  # not yet
            relay.cutting = True
            with pytest.raises(OSError, match=r".*"):
                while True:
                    sock.sendall(b"y")
                    if not sock.recv(1000):
                        raise ConnectionError
        assert relay.cuts == 1
        assert relay.connections == 1
    finally:
        relay.close()
