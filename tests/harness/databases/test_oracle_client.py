"""The site's own Oracle client: missing, of other bits, loaded once."""

from __future__ import annotations

import struct

import pytest

from harness.databases import oracle_client
from harness.errors import InputError

URL = "oracle+oracledb://u:p@10.0.0.1/?service_name=x"


def windows(machine):
    """The head of a DLL (Microsoft PE Format, "MS-DOS Stub", "COFF File Header")."""
    return b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(64) + b"PE\0\0" + struct.pack(
        "<H", machine) + bytes(20)  # fmt: skip


def linux(bits):
    """The head of a shared object (System V ABI, "ELF Identification")."""
    return b"\x7fELF" + bytes([{32: 1, 64: 2}[bits], 1, 1]) + bytes(60)


@pytest.mark.parametrize(
    ("head", "bits"),
    [(windows(0x014C), 32), (windows(0x8664), 64), (linux(32), 32), (linux(64), 64),
     (b"", 0), (b"MZ", 0), (b"#!/bin/sh\n" * 9, 0), (windows(0x1F0), 0)],
)  # fmt: skip
def test_bits_of_a_library(tmp_path, head, bits):
    path = tmp_path / "oci.dll"
    path.write_bytes(head)
    assert oracle_client.bits_of(path) == bits


def test_a_folder_without_a_client_says_what_to_put_there(tmp_path, played):
    driver = played("oracledb")
    with pytest.raises(InputError) as caught:
        oracle_client.use(driver, str(tmp_path))
    assert caught.value.where == str(tmp_path)
    assert "Instant Client Basic" in caught.value.remedy
    assert driver.clients == []


@pytest.mark.parametrize(("name", "head"), [("oci.dll", windows(0x014C)),
                                            ("libclntsh.so.11.1", linux(32))])  # fmt: skip
def test_a_client_of_other_bits_is_told_before_it_is_loaded(tmp_path, played, name, head):
    (tmp_path / name).write_bytes(head)
    driver = played("oracledb")
    with pytest.raises(InputError, match="has 32 bits, and this Python 64") as caught:
        oracle_client.use(driver, str(tmp_path))
    assert "64 bits" in caught.value.remedy
    assert driver.clients == []


def client(folder):
    folder.mkdir(exist_ok=True)
    (folder / "libclntsh.so").write_bytes(linux(64))
    return str(folder)


def test_a_client_is_loaded_once_and_a_second_one_is_refused(tmp_path, played):
    driver = played("oracledb")
    one, two = client(tmp_path / "one"), client(tmp_path / "two")
    oracle_client.use(driver, one)
    oracle_client.use(driver, one)
    assert driver.clients == [one]
    with pytest.raises(InputError, match="another Oracle client"):
        oracle_client.use(driver, two)


# Texts of ODPI-C and python-oracledb ("Troubleshooting errors", DPI-1047): one number, three causes.
MISSING = (
    'DPI-1047: Cannot locate a 64-bit Oracle Client library: "libaio.so.1: cannot open shared'
    ' object file: No such file or directory". See https://...'
)
WINDOWS = (
    'DPI-1047: 64-bit Oracle Client library cannot be loaded: "C:\\x\\oci.dll is not the correct'
    ' architecture".'
)
LINUX = (
    'DPI-1047: Cannot locate a 64-bit Oracle Client library: "libclntsh.so: wrong ELF class:'
    ' ELFCLASS32".'
)


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        (MISSING, "DPI-1047", "libaio"),
        (WINDOWS, "has 32 bits", "64 bits"),
        (LINUX, "has 32 bits", "64 bits"),
        (
            "DPI-1072: the Oracle Client library version is unsupported",
            "DPI-1072",
            "Client Basic 19",
        ),
        ("DPY-2019: something else", "DPY-2019", "Looking into databases"),
    ],
)
def test_what_the_driver_says_becomes_a_next_action(tmp_path, played, text, says, remedy):
    driver = played("oracledb", refuses={"init_oracle_client": (text,)})
    with pytest.raises(InputError) as caught:
        oracle_client.use(driver, client(tmp_path))
    assert says in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.where == str(tmp_path)
    driver.refuses.clear()
    oracle_client.use(driver, client(tmp_path))  # what failed is not taken for loaded


def test_a_probe_loads_the_client_of_its_profile_or_of_the_environment(
    tmp_path, played, monkeypatch
):
    from harness.probes.sql import CLIENT, open_session

    driver = played("oracledb")
    folder = client(tmp_path)
    open_session(URL, timeout_s=5, client=folder, environ={}).close()
    open_session(URL, timeout_s=5, environ={CLIENT: folder}).close()
    assert driver.clients == [folder]
    open_session(URL, timeout_s=5, environ={}).close()  # thin where nobody names one


def test_the_real_driver_says_dpi_1047(tmp_path):
    """Where python-oracledb is installed: a library of our bits that is none."""
    oracledb = pytest.importorskip("oracledb")
    with pytest.raises(InputError) as caught:
        oracle_client.use(oracledb, client(tmp_path))
    assert "DPI-1047" in caught.value.message
    assert caught.value.remedy
