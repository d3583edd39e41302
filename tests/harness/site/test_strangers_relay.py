"""Strangers on their way through a relay: ASTM, framings of makers' own, POCT1-A, HTTP.

Bytes are typed from the standards (LIS01-A2 §8.3 for frames), not printed by our cores. Our people
pass with every byte as it came; of a stranger's message the end never arrives.
"""

import socket

import pytest

from harness import people
from harness.clock import RealClock
from harness.identity import IdentityGuard
from harness.link import actor as act
from harness.link.address import Address
from harness.link.host import Host
from harness.link.relay import Relay, RelayUnit
from harness.link.spec import LinkSpec
from harness.link.threads import Threads
from harness.profile import load_profile
from harness.site.route import Routes
from harness.site.strangers import Gate, SiteDoor
from harness.site.strangers_stream import reading

WHO = people.generate(1, 0, kind="ordinary")
STRANGER = people.generate(2, 0)
TUBE = people.barcode(1, 0)

SITE = """
format = 1
name = "x"
environment = "test"
[systems.analyzer]
mode = "{mode}"
version = "1"
[systems.LIS]
mode = "simulated"
version = "1"
[endpoints.line]
interface = "{interface}"
from = "analyzer"
to = "LIS"
protocol = "{protocol}"
host = "127.0.0.1"
port = 9102
via = "relay"
relay_port = 9103
"""

INTERFACES = {"astm": "LIS-ASTM", "framed": "LIS-FRAMED", "poct1a": "LIS-POCT", "http": "HIS-YB"}


def frame(number, text, end=b"\x03"):
    inner = b"%d" % number + text + end
    return b"\x02" + inner + b"%02X" % (sum(inner) % 256) + b"\r\n"


def records(who, encoding="utf-8", tube=TUBE):
    patient = f"P|1||{who.patient_id}||{who.name}||{who.birth}|{who.sex}"
    lines = ("H|\\^&|||A^1|||||||P|LIS2-A2|20260105", patient, f"O|1|{tube}||^^^GLU|R",
             "R|1|^^^GLU|5.1|mmol/L", "L|1|N")  # fmt: skip
    return [f"{line}\r".encode(encoding) for line in lines]


def astm(who, *, cut=0, twice=False, encoding="utf-8", tube=TUBE):
    """ENQ, a frame each record, EOT; the second record in two frames, cut where it is said."""
    sent = b"\x05"
    number = 1
    for index, record in enumerate(records(who, encoding, tube)):
        parts = [(record, b"\x03")]
        if cut and index == 1:
            parts = [(record[:cut], b"\x17"), (record[cut:], b"\x03")]
        for text, end in parts:
            one = frame(number % 8, text, end)
            sent += one * (2 if twice else 1)
            number += 1
    return sent + b"\x04"


def framed(who, *, part=b""):
    """A frame of records without ASTM's low level, as some makers send."""
    body = b"".join(records(who))
    if part:
        body = body[:60] + part + body[60:]
    return b"\x02" + body + b"\x03" + b"\xfe"


def slip(number, part=b""):
    """A printed slip with somebody's identity card on it."""
    text = f"NO 17\r\nID {number}\r\nGLU 5.1\r\n".encode()
    return b"\x02" + text[:16] + part + text[16:] + b"\x03"


def poct(who):
    return (f'<?xml version="1.0"?><OBS.R01><HDR V="1"/><PT><PT.patient_id V="{who.patient_id}"/>'
            f'<PT.name V="{who.name}"/></PT><SVC><OBS V="5.1"/></SVC></OBS.R01>').encode()  # fmt: skip


def post(who, *, chunked=False):
    body = f'{{"infno":"2207","input":{{"psn_no":"{who.patient_id}","psn_name":"{who.name}"}}}}'
    text = body.encode()
    if not chunked:
        return b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(text[at : at + 9]), text[at : at + 9])
                      for at in range(0, len(text), 9))  # fmt: skip
    return b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


SPOKEN = {
    "astm": ("astm", astm),
    "astm, a record in two frames": ("astm", lambda who: astm(who, cut=22)),
    "astm, cut inside the name": ("astm", lambda who: astm(who, cut=24)),
    "astm, each frame twice": ("astm", lambda who: astm(who, cut=22, twice=True)),
    "astm in GB 18030": ("astm", lambda who: astm(who, cut=24, encoding="gb18030")),
    "framed records": ("framed", framed),
    "framed records in parts": ("framed", lambda who: framed(who, part=b"\x17A0\r\n\x02")),
    "framed slip": ("framed", lambda who: slip(who.id_card)),
    "framed slip in parts": ("framed", lambda who: slip(who.id_card, b"\x17\x02")),
    "poct1a": ("poct1a", poct),
    "http": ("http", post),
    "http in chunks": ("http", lambda who: post(who, chunked=True)),
}


@pytest.fixture
def guard():
    made = IdentityGuard([WHO])
    made.allow_specimen(TUBE)
    return made


class Line:
    """A relay with its door in one line, and what passed it."""

    def __init__(self, folder, guard, protocol, *, mode="real"):
        path = folder / "site.toml"
        text = SITE.format(mode=mode, protocol=protocol, interface=INTERFACES[protocol])
        path.write_text(text, encoding="utf-8")
        self.alarms, self.passed, self.closed = [], b"", False
        profile = load_profile(str(path))
        door = SiteDoor(profile, guard, Routes(profile), self.alarms.append)
        self.gate = Gate(Relay(), door.stops, door.learns, lambda _: protocol)
        for conn in ("line#1", "line#1>"):
            self.gate.on_event(act.Opened(conn=conn, link="line"), 0.0)

    def send(self, data, pieces=1):
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            unit = RelayUnit(data=data[at : at + size])
            event = act.Received(conn="line#1", link="line", event=unit)
            for one in self.gate.on_event(event, 0.0):
                if isinstance(one, act.Send):
                    self.passed += one.event.data
                self.closed = self.closed or isinstance(one, act.Close)
            if self.closed:
                return


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize("what", SPOKEN)
def test_ours_pass_byte_for_byte_and_a_strangers_message_never_ends(tmp_path, guard, what, pieces):
    protocol, made = SPOKEN[what]
    line = Line(tmp_path, guard, protocol)
    line.send(made(WHO), pieces)
    line.send(made(WHO), pieces)  # the next message of one connection
    assert (line.passed, line.closed, line.alarms) == (made(WHO) * 2, False, [])

    line.send(made(STRANGER), pieces)
    assert line.closed
    assert len(line.alarms) == 1
    assert STRANGER.name not in line.alarms[0]
    rest = line.passed[len(made(WHO)) * 2 :]
    assert len(rest) < len(made(STRANGER))
    if protocol == "astm":
        assert b"\x04" not in rest, "without the end of the transmission nothing counts"


@pytest.mark.parametrize("what", SPOKEN)
def test_without_a_real_system_on_the_line_all_of_it_passes(tmp_path, guard, what):
    protocol, made = SPOKEN[what]
    line = Line(tmp_path, guard, protocol, mode="simulated")
    line.send(made(STRANGER))
    assert (line.passed, line.alarms) == (made(STRANGER), [])


def test_a_strangers_tube_is_a_stranger(tmp_path, guard):
    line = Line(tmp_path, guard, "astm")
    line.send(astm(WHO, tube="2026010500017"))
    assert line.closed
    assert line.alarms


@pytest.mark.parametrize(("protocol", "noise"), [
    ("astm", b"\x05\x02\xff\xfe\x00garbage\x04"), ("astm", b"\xff\xff\x06\x15"),
    ("framed", b"\x02\xff\x80\x00 17\x03\xfe"), ("poct1a", b"\xef\xbb\xbf<a/>"),
])  # fmt: skip
def test_what_names_nobody_passes_however_broken(tmp_path, guard, protocol, noise):
    line = Line(tmp_path, guard, protocol)
    line.send(noise, 3)
    assert (line.passed, line.closed) == (noise, False)


def test_a_reader_keeps_no_more_than_a_message(guard):
    for protocol, (_, made) in {one: (one, two) for one, two in SPOKEN.values()}.items():
        reader = reading(protocol)
        for _ in range(50):
            texts = reader.take(made(WHO))
        assert sum(map(len, texts)) < 2 * len(made(WHO)) + 100, protocol


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["astm", "framed", "poct1a"])
def test_over_sockets_the_receiver_gets_ours_and_no_end_of_a_stranger(tmp_path, guard, protocol):
    """A device in its own socket, the relay between, and a receiver that only listens."""
    made = {"astm": astm, "framed": framed, "poct1a": poct}[protocol]
    line = Line(tmp_path, guard, protocol)
    gate = Gate(Relay(), line.gate.door, None, lambda _: protocol)
    spec = LinkSpec(name="line", interface="", frm="analyzer", to="LIS", protocol=protocol,
                    relayed=True)  # fmt: skip
    threads = Threads()
    receiver = socket.create_server(("127.0.0.1", 0))
    receiver.settimeout(60)
    try:
        host = Host(gate, RealClock(), lambda _, conn, client: spec.connection(conn, client=client))
        member = threads.add("relay", host)
        member.routes["line"] = Address(host="127.0.0.1", port=receiver.getsockname()[1])
        near = member.listen("line")
        got = {}
        for who in (WHO, STRANGER):
            with socket.create_connection((near.host, near.port), timeout=60) as device:
                taken, _ = receiver.accept()
                with taken:
                    taken.settimeout(60)
                    device.sendall(made(who))
                    device.shutdown(socket.SHUT_WR)
                    got[who] = everything(taken)
        assert got[WHO] == made(WHO)
        assert STRANGER.name.encode() not in got[STRANGER]
        assert len(got[STRANGER]) < len(made(STRANGER))
        assert len(line.alarms) == 1
    finally:
        receiver.close()
        threads.stop()


def everything(taken):
    found = b""
    try:
        while piece := taken.recv(65536):
            found += piece
    except ConnectionError:
        pass  # the relay ends a stranger's connection at once
    return found
