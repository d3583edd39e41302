"""Input that once broke a target never does so again; and every target can be fed at all."""

import pytest
from fuzz_targets import CRASHES, TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_broke_once(name):
    for path in sorted((CRASHES / name).glob("*.bin")):
        TARGETS[name](path.read_bytes())


def test_what_is_kept_belongs_to_a_target():
    assert {path.parent.name for path in CRASHES.glob("*/*.bin")} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\x03ABC\r\n", bytes(range(256))])
def test_a_few_bytes(name, data):
    TARGETS[name](data)
