"""Links to serial lines as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.link.address import Address, read_address
from harness.link.serial_address import SerialAddress, is_serial, serial_address
from harness.link.serial_line import FLOWS, PARITIES, LineSettings


@pytest.mark.parametrize(
    ("link", "url", "line", "place"),
    [
        ("serial://COM3?baud=9600", "COM3", "9600 8N1", None),
        ("serial://COM12", "COM12", "9600 8N1", None),
        ("serial:///dev/ttyUSB0?baud=300&data_bits=7&parity=e&stop_bits=2", "/dev/ttyUSB0",
         "300 7E2", None),
        ("serial:///dev/pts/4?parity=ODD", "/dev/pts/4", "9600 8O1", None),
        ("socket://192.0.2.20:4001", "socket://192.0.2.20:4001", "9600 8N1", ("192.0.2.20", 4001)),
        ("rfc2217://[::1]:2217?baud=19200", "rfc2217://[::1]:2217", "19200 8N1", ("::1", 2217)),
    ],
)  # fmt: skip
def test_links(link: str, url: str, line: str, place: tuple[str, int] | None) -> None:
    address = serial_address(link)

    assert is_serial(link)
    assert (address.url, str(address.line), address.place) == (url, line, place)
    assert address.host == (place[0] if place else "127.0.0.1")


@pytest.mark.parametrize(
    "link",
    [
        "serial://",
        "serial://COM3?baud=fast",
        "serial://COM3?baud=0",
        "serial://COM3?bauds=9600",
        "serial://COM3?parity=perhaps",
        "serial://COM3?flow=dtr",
        "serial://COM3?ready=rts",
        "serial://COM3?baud",
        "serial://me@COM3",
        "serial://COM3#1",
        "socket://192.0.2.20",
        "socket://:4001",
        "socket://192.0.2.20:99999",
        "socket://192.0.2.20:4001/x",
        "socket://me:secret@192.0.2.20:4001",
        "spy://COM3",
    ],
)
def test_what_is_no_link(link: str) -> None:
    with pytest.raises(InputError) as caught:
        serial_address(link)

    assert "serial://COM3" in caught.value.remedy


def test_how_addresses_are_shown() -> None:
    assert str(serial_address("serial://COM3")) == "serial:COM3"
    assert str(serial_address("socket://127.0.0.1:5")) == "socket://127.0.0.1:5"
    assert not is_serial("tcp://127.0.0.1:5")


@given(
    baud=st.integers(300, 921_600),
    bits=st.sampled_from([7, 8]),
    parity=st.sampled_from(PARITIES),
    stops=st.sampled_from([1, 2]),
    flow=st.sampled_from(FLOWS),
    ready=st.sampled_from(["none", "cts", "dsr"]),
)
def test_a_process_reads_what_it_is_told(**drawn: object) -> None:
    ready = drawn.pop("ready")
    names = {"bits": "data_bits", "stops": "stop_bits"}
    line = LineSettings(**{names.get(key, key): value for key, value in drawn.items()})  # type: ignore[arg-type]
    address = SerialAddress(url="COM7", line=line, ready=ready)  # type: ignore[arg-type]

    assert read_address(address.data()) == address


def test_a_process_reads_tcp_addresses_too() -> None:
    assert read_address(Address(host="127.0.0.1", port=9).data()) == Address(
        host="127.0.0.1", port=9
    )
