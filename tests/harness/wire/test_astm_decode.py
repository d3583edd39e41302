"""The second reader: it must agree with the standard, not with our own encoder."""

import ast
from pathlib import Path

import harness.wire.astm_decode as module
from harness.wire.astm_decode import decode_stream


def shown(data):
    return [(unit.kind, unit.offset, unit.data) for unit in decode_stream(data)]


def test_controls_frames_and_noise():
    data = b"\x05\x06\x15\x04??\x027L|1|N\r\x030A\r\n\x02x"

    assert shown(data) == [
        ("ENQ", 0, b"\x05"),
        ("ACK", 1, b"\x06"),
        ("NAK", 2, b"\x15"),
        ("EOT", 3, b"\x04"),
        ("NOISE", 4, b"??"),
        ("FRAME", 6, b"\x027L|1|N\r\x030A\r\n"),
        ("NOISE", 19, b"\x02x"),
    ]


def test_parts_of_a_frame():
    (unit,) = decode_stream(b"\x023R|1|^^^GLU|5.\x17A6\r\n")

    assert (unit.number, unit.text, unit.end) == ("3", b"R|1|^^^GLU|5.", "ETB")
    assert (unit.stated, unit.actual, unit.trailer) == ("A6", "A6", b"\r\n")
    assert unit.sound


def test_unsound_frames_are_frames_all_the_same():
    cases = {
        b"\x027L|1|N\r\x030B\r\n": ("0B", "0A", b"\r\n"),
        b"\x027L|1|N\r\x030a\r\n": ("0a", "0A", b"\r\n"),
        b"\x027L|1|N\r\x030A\r": ("0A", "0A", b"\r"),
        b"\x027L|1|N\r\x030A": ("0A", "0A", b""),
        b"\x027L|1|N\r\x03\r\n": ("", "0A", b"\r\n"),
        b"\x028L|1|N\r\x030B\r\n": ("0B", "0B", b"\r\n"),
    }
    for data, expected in cases.items():
        (unit,) = decode_stream(data)
        assert (unit.stated, unit.actual, unit.trailer) == expected
        assert not unit.sound


def test_a_frame_cut_by_a_new_one_is_noise():
    assert [kind for kind, _, _ in shown(b"\x022P|\x022P|1\r\x033F\r\n")] == ["NOISE", "FRAME"]
    assert [kind for kind, _, _ in shown(b"\x02\x02\x04")] == ["NOISE", "EOT"]


def test_soundness_of_what_is_no_frame():
    assert [unit.sound for unit in decode_stream(b"\x05?")] == [True, False]


def test_it_shares_nothing_with_the_rest():
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names
    }

    assert not [name for name in imported if name.startswith("harness")]
