"""Network captures, typed by their layers: what was said is read once, what is missing is named."""

from __future__ import annotations

import io
import json
import random

import pytest

from harness.captures import conversations as captures
from harness.captures.conversations import Gap, conversations
from harness.captures.network import is_network, talks
from harness.captures.packets import PACKET_BYTES_MAX, Packets
from harness.cli import main
from harness.errors import InputError
from tests.harness.captures import wires
from tests.harness.captures.wires import ACK, CLIENT, FIN, RST, SERVER, SYN

HL7 = b"\x0bMSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.4\rPID|1\r\x1c\r"


def read(data: bytes, port: int = 0):
    packets = Packets(io.BytesIO(data))
    return conversations(packets.segments(), port), packets


def said(packets) -> bytes:
    (found,), _ = read(wires.pcap([wires.ethernet(one) for one in packets]))
    return found.client.data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_each_form_of_pcap_gives_the_same(order, nanoseconds):
    packets = [wires.ethernet(one) for one in wires.talk(b"ab", b"cd")]

    (found,), file = read(wires.pcap(packets, order=order, nanoseconds=nanoseconds))

    assert found.client.data == b"abcd"
    assert [one.at_s for one in found.client.chunks] == [1_700_000_001, 1_700_000_002]
    assert file.damage == ""


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", [3, 6, 9])
def test_each_form_of_pcapng_gives_the_same(order, resolution):
    packets = [wires.ethernet(one) for one in wires.talk(b"ab", b"cd")]

    (found,), _ = read(wires.pcapng(packets, order=order, resolution=resolution))

    assert found.client.data == b"abcd"
    assert [round(one.at_s) for one in found.client.chunks] == [1_700_000_001, 1_700_000_002]


@pytest.mark.parametrize(
    ("link", "before"),
    [(0, b"\x02\0\0\0"), (101, b""), (113, bytes(14) + b"\x08\0"), (276, b"\x08\0" + bytes(18))],
)
def test_link_layers(link, before):
    (found,), _ = read(wires.pcap([before + one for one in wires.talk(b"x")], link=link))

    assert found.client.data == b"x"


def test_vlan_tags_and_ipv6():
    tagged = [wires.ethernet(one, vlan=True) for one in wires.talk(b"x")]
    six = [wires.ethernet(wires.tcp6(5, 6, 1, ACK, b"six"))]

    found, _ = read(wires.pcap(tagged + six))

    assert [one.client.data for one in found] == [b"x", b"six"]
    assert found[1].client.source == ("0:0:0:0:0:0:0:1", 5)


def test_what_is_no_tcp_is_counted():
    udp = bytearray(wires.tcp(CLIENT, SERVER, 1, 0, b"x"))
    udp[9] = 17
    piece = bytearray(wires.tcp(CLIENT, SERVER, 1, 0, b"x"))
    piece[6] = 0x20
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    short = wires.ethernet(wires.tcp(CLIENT, SERVER, 1, 0))[:40]

    found, file = read(
        wires.pcap([wires.ethernet(bytes(udp)), wires.ethernet(bytes(piece)), arp, short])
    )

    assert found == []
    assert dict(file.skipped) == {
        "not TCP": 1,
        "a piece of a fragmented packet": 1,
        "no IP, or a link layer that is not read": 1,
        "cut off inside its headers": 1,
    }


def test_repeats_early_segments_and_overlaps_come_to_the_same():
    opening, one, two, three = wires.talk(b"aaa", b"bbb", b"ccc")
    overlap = wires.tcp(CLIENT, SERVER, 1003, ACK, b"abbbc")
    fill = wires.tcp(CLIENT, SERVER, 1001, ACK, b"aaabb")

    assert said([opening, one, two, three]) == b"aaabbbccc"
    assert said([opening, three, two, one]) == b"aaabbbccc"
    assert said([opening, one, two, two, one, three]) == b"aaabbbccc"
    assert said([opening, one, overlap, three]) == b"aaabbbccc"
    assert said([opening, three, fill, two]) == b"aaabbbccc"


def test_any_order_with_repeats_and_any_cuts_comes_to_the_same():
    chance = random.Random(7)
    text = bytes(range(256)) * 4
    for _ in range(150):
        start = chance.choice([5, 2**32 - 300])
        pieces = []
        for _ in range(40):
            at = chance.randrange(len(text))
            pieces.append((at, text[at : at + chance.randrange(1, 90)]))
        pieces += [(at, text[at : at + 64]) for at in range(0, len(text), 64)]
        chance.shuffle(pieces)
        packets = [wires.tcp(CLIENT, SERVER, start, SYN)]
        packets += [wires.tcp(CLIENT, SERVER, start + 1 + at, ACK, data) for at, data in pieces]

        (found,), _ = read(wires.pcap([wires.ethernet(one) for one in packets]))

        assert found.client.data == text
        assert found.client.gaps == []
        assert found.client.changed == 0


def test_what_is_missing_is_a_gap_of_that_length():
    packets = wires.talk(b"aaa", b"bbbb", b"cc")
    del packets[2]

    (found,), _ = read(wires.pcap([wires.ethernet(one) for one in packets]))

    assert found.client.data == b"aaacc"
    assert found.client.gaps == [Gap(offset=3, size=4)]


def test_what_the_snapshot_length_cut_away_is_a_gap():
    packets = [wires.ethernet(one) for one in wires.talk(b"a" * 50, b"b" * 10)]

    (found,), _ = read(wires.pcap(packets, cut=14 + 40 + 20))

    assert found.client.data == b"a" * 20 + b"b" * 10
    assert found.client.gaps == [Gap(offset=20, size=30)]


def test_a_start_in_the_middle_is_said_and_a_changed_repeat_too():
    packets = wires.talk(b"aaa", opening=False)
    packets.append(wires.tcp(CLIENT, SERVER, 1001, ACK, b"axa"))

    (found,), _ = read(wires.pcap([wires.ethernet(one) for one in packets]))

    assert not found.client.whole_start
    assert found.client.changed == 1


def test_an_address_that_is_used_again_is_another_conversation():
    first = [*wires.talk(b"one"), wires.tcp(CLIENT, SERVER, 1004, FIN | ACK)]
    second = [*wires.talk(b"two", start=9000), wires.tcp(CLIENT, SERVER, 9004, RST)]

    found, _ = read(wires.pcap([wires.ethernet(one) for one in first + second]))

    assert [(one.client.data, one.ended) for one in found] == [
        (b"one", "closed"),
        (b"two", "reset"),
    ]


def test_who_opened_is_the_client_even_where_the_answer_comes_first():
    packets = [wires.tcp(SERVER, CLIENT, 7, SYN | ACK), *wires.talk(b"hi", opening=False)]

    (found,), _ = read(wires.pcap([wires.ethernet(one) for one in packets]))

    assert found.client.source == CLIENT
    assert found.client.data == b"hi"


@pytest.mark.parametrize(("limit", "value"), [("EARLY_BYTES_MAX", 5000), ("EARLY_SEGMENTS_MAX", 9)])
def test_what_waits_for_a_segment_that_never_comes_is_bounded(monkeypatch, limit, value):
    monkeypatch.setattr(captures, limit, value)
    packets = [wires.tcp(CLIENT, SERVER, 1, SYN)]
    packets += [wires.tcp(CLIENT, SERVER, 100 + n * 600, ACK, b"x" * 600) for n in range(12)]
    side = captures.Side(CLIENT, SERVER)

    for one in Packets(io.BytesIO(wires.pcap(packets, link=101))).segments():
        (side.begin(one.sequence) if one.flags & SYN else side.take(one))
        assert side._waiting_bytes <= 5400

    assert side.data == b"x" * 7200
    assert side.gaps == [Gap(offset=0, size=98)]


@pytest.mark.parametrize("make", [wires.pcap, wires.pcapng])
def test_a_file_that_breaks_off_keeps_what_was_whole(make):
    whole = make([wires.ethernet(one) for one in wires.talk(b"aa", b"bb")])

    for size in range(len(whole) - 1, len(whole) - 60, -7):
        found, file = read(whole[:size])
        assert found[0].client.data == b"aa"
        assert "breaks off" in file.damage


def test_lengths_without_sense_end_the_reading():
    head = wires.pcap(wires.talk(b"aa"), link=101)
    huge = b"\0" * 8 + (PACKET_BYTES_MAX + 1).to_bytes(4, "little") * 2

    found, file = read(head + huge + b"more")

    assert found[0].client.data == b"aa"
    assert str(PACKET_BYTES_MAX + 1) in file.damage


# -- the command ---------------------------------------------------------------------------------


def capture(tmp_path, packets):
    path = tmp_path / "any.pcap"
    path.write_bytes(wires.pcap([wires.ethernet(one) for one in packets]))
    return path


def decode(path, capsys, *words):
    code = main(["decode", str(path), "--json", "--lang", "en", *words])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_both_sides_of_a_connection_are_read(tmp_path, capsys):
    answer = b"\x0bMSH|^~\\&|B|A|D|C|20260101||ACK|9|P|2.4\rMSA|AA|1\r\x1c\r"
    packets = wires.talk(HL7[:10], HL7[10:])
    packets += wires.talk(answer, source=SERVER, target=CLIENT)

    code, found = decode(capture(tmp_path, packets), capsys)

    assert code == 0
    assert [one["direction"] for one in found["streams"]] == [
        "10.0.0.1:40001 > 10.0.0.2:6661",
        "10.0.0.2:6661 > 10.0.0.1:40001",
    ]
    assert [one["messages"][0]["records"][1] for one in found["streams"]] == ["PID|1", "MSA|AA|1"]


def test_a_gap_is_a_finding_and_never_a_pass(tmp_path, capsys):
    packets = wires.talk(HL7, HL7[:20], HL7[20:])
    del packets[2]

    code, found = decode(capture(tmp_path, packets), capsys)

    assert code == 1
    assert ("capture", "net.gap") in [
        (one["against"], one["code"]) for one in found["streams"][0]["findings"]
    ]


@pytest.mark.parametrize(
    ("data", "code", "kept"),
    [
        (b"\x16\x03\x01\x00\x05hello", "net.encrypted", 10),
        (b"nobody knows", "net.unknown", 12),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "http.cut", 51),
        (b"HTTP/1.1 2OO OK\r\n\r\n", "http.broken", 19),
        (b"\x01\x00\x00\x00\x00\x02ab", "dicom.pdu", 2),
    ],
)
def test_what_cannot_be_read_is_named_and_kept(tmp_path, capsys, data, code, kept):
    exit_code, found = decode(capture(tmp_path, wires.talk(data)), capsys)

    (stream,) = found["streams"]
    assert exit_code == 3
    assert [one["code"] for one in stream["findings"]] == [code]
    assert sum(len(bytes.fromhex(one["hex"])) for one in stream["kept"]) == kept


def test_requests_and_answers_of_the_settlement_interface(tmp_path, capsys):
    body = '{"infno":"2207","msgid":"H1","input":{"psn_no":"P7","name":"张三"}}'.encode("gb18030")
    ask = b"POST /fsi/api HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    done = b'{"infcode":0,"inf_refmsgid":"C1","output":{"setl_id":"S1"}}'
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(done)
    answer += done + b"\r\n0\r\n\r\n"
    packets = wires.talk(ask, ask[:30], ask[30:])
    packets += wires.talk(answer, answer, source=SERVER, target=CLIENT)

    code, found = decode(capture(tmp_path, packets), capsys)

    asked, answered = found["streams"]
    assert code == 0
    assert [one["records"][0] for one in asked["messages"]] == ["POST /fsi/api"] * 2
    assert asked["messages"][1]["records"][-2] == "# type=2207 id=H1 patient=P7"
    assert "张三" in asked["messages"][0]["records"][-1]
    assert [one["records"][0] for one in answered["messages"]] == ["200 OK"] * 2
    assert answered["messages"][1]["records"][-2] == "# id=C1 setl_id=S1 code=0"


def test_an_answer_may_end_with_its_connection(tmp_path, capsys):
    packets = wires.talk(b"HTTP/1.0 503 Busy\r\n\r\nlater", source=SERVER, target=CLIENT)

    _, found = decode(capture(tmp_path, packets), capsys)

    (message,) = found["streams"][0]["messages"]
    assert (message["records"][0], message["records"][-1]) == ("503 Busy", "later")


def test_one_port_is_chosen(tmp_path, capsys):
    other = wires.talk(b"nobody knows", target=("10.0.0.2", 9))
    path = capture(tmp_path, [*wires.talk(HL7), *other])

    code, found = decode(path, capsys, "--port", "6661")

    assert code == 0
    assert len(found["streams"]) == 1


def test_a_capture_without_tcp_says_what_was_in_it(tmp_path):
    path = tmp_path / "any.pcap"
    path.write_bytes(wires.pcap([bytes(12) + b"\x08\x06" + bytes(28)]))

    with pytest.raises(InputError) as caught:
        talks(path)

    assert "any.pcap" in str(caught.value)
    assert "a link layer that is not read: 1" in str(caught.value)


def test_only_captures_are_taken_for_captures(tmp_path):
    path = tmp_path / "any"
    path.write_bytes(b"\x05\x02")
    assert not is_network(path)
    assert not is_network(tmp_path / "absent")
