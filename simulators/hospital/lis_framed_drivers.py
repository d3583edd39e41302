"""What the built-in LIS knows about instruments with a framing of their own, one driver a layout.

Such an instrument does not say who it is: its port is set up for it, by name. The framings are
typed here from the makers' descriptions and not taken from the analyzer models, so that a wrong
check or a wrong end in a model shows. What a site sets up otherwise comes with the command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from harness.errors import InputError
from harness.wire.core import Core
from harness.wire.framings import FramingConfig, FramingCore
from harness.wire.framings_blocks import BlocksConfig, BlocksCore
from harness.wire.framings_checks import CheckKind
from harness.wire.framings_read import Setup
from harness.wire.framings_readers import READERS
from simulators.hospital.outbox import Statement
from simulators.store import Store, upsert

SETUP_CHARS_MAX: Final = 10_000
"""Of the JSON of one set-up: a table of decimals is the longest part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """How the LIS talks to the one instrument on a port.

    Attributes:
        sender: name under which results are stored, and of the item map.
        reader: one of ``harness.wire.framings_readers.READERS``.
        framing: bytes to messages.
        setup: what must agree with the instrument, such as ``id_width``.
        encoding: of the text.
        query: ``olympus`` answers order queries; empty for one-way instruments.
        confirms: what a message is answered by beside the reply of the link, by its first letter.
    """

    sender: str = ""
    reader: str = ""
    framing: FramingConfig | BlocksConfig = field(default_factory=FramingConfig)
    setup: Setup = field(default_factory=dict)
    encoding: str = "ascii"
    query: Literal["", "olympus"] = ""
    confirms: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether a message waits for our reply; blocks are answered one by one by the core."""
        return isinstance(self.framing, FramingConfig) and self.framing.replies

    def core(self) -> Core:
        """Our side of the line; a frame that asks for a reply waits until it is stored."""
        if isinstance(self.framing, BlocksConfig):
            return BlocksCore(self.framing)
        return FramingCore(replace(self.framing, auto_accept=False))

    def ask(self, text: str) -> Asking | None:
        """What an order query asks for; None for everything else."""
        if self.query != "olympus":
            return None
        width = int(self.setup.get("id_width", 20))
        found = re.fullmatch(rf"R (?P<seat>\d{{6}}) (?P<number>.{{4}})(?P<id>.{{{width}}})", text)
        if found is None:
            return None
        return Asking(seat=found["seat"], number=found["number"], ident=found["id"])

    def order(self, asked: Asking, channels: Sequence[str]) -> bytes:
        """The order frame that answers it: the tube as it was asked for, then test numbers."""
        size = int(self.setup.get("test_width", 2))
        tests = "".join(channel.rjust(size, "0")[:size] for channel in channels)
        text = f"S {asked.seat} {asked.number}{asked.ident}E{tests}"
        return text.encode(self.encoding, "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One order query of an AU, as it stands in its columns.

    Attributes:
        seat: rack and position.
        number: sample number of the day.
        ident: specimen id with its padding.
    """

    seat: str
    number: str
    ident: str


_DECIMAL_KX: Final = "WBC:1 RBC:2 HGB:1 HCT:1 MCV:1 MCH:1 MCHC:1 PLT:0"

DRIVERS: Final[Mapping[str, Port]] = {
    "beckman-au": Port(
        reader="olympus",
        framing=FramingConfig(check=CheckKind.XOR, check_form="raw", replies=True),
        setup={"id_width": 20, "test_width": 2, "value_width": 6},
        query="olympus",
    ),
    "hitachi-7170": Port(
        reader="hitachi",
        framing=FramingConfig(trailer=b"\r\n", replies=True),
        setup={"id_width": 13},
    ),
    "sysmex-kx21": Port(reader="sysmex-k", setup={"decimals": _DECIMAL_KX}),
    "sysmex-ca1500": Port(reader="sysmex-ca", setup={"form_decimals": "1:1 2:0 3:2 4:2"}),
    "ciba-corning-1620": Port(
        reader="ciba-corning",
        framing=FramingConfig(
            check=CheckKind.TWOS_COMPLEMENT, check_place="before-end", check_end=False
        ),
    ),
    "beckman-array": Port(
        reader="array",
        framing=FramingConfig(
            start=b"[", end=b"]", trailer=b"\r\n", check=CheckKind.TWOS_COMPLEMENT,
            check_start=True,
        ),
    ),
    "vitros-750": Port(
        reader="vitros",
        framing=FramingConfig(
            start=b"!", end=b"\r\n", check=CheckKind.SUM, check_place="before-end",
            check_start=True, check_end=False,
        ),
    ),
    "urit-strip": Port(reader="strip", framing=FramingConfig(trailer=b"\r\n")),
    "clinitek-100": Port(
        reader="strip",
        framing=FramingConfig(check=CheckKind.SUM, check_place="before-end", check_end=False),
    ),
    "miditron-junior": Port(
        reader="strip",
        framing=FramingConfig(trailer=b"\r\n", check=CheckKind.SUM, check_end=False),
    ),
    "biomerieux-mini-vidas": Port(
        reader="vidas",
        framing=FramingConfig(
            end=b"\x1d", check=CheckKind.SUM, check_form="hex-lower", replies=True,
        ),
    ),
    "coulter-jt": Port(
        reader="maxm",
        framing=FramingConfig(
            check=CheckKind.TWOS_COMPLEMENT, check_place="before-end", check_end=False
        ),
    ),
    "coulter-maxm": Port(reader="maxm", framing=BlocksConfig(replies=True)),
    "nihon-kohden-celltak": Port(
        reader="records", framing=FramingConfig(start=b"", end=b"\r\r"), encoding="gb18030"
    ),
    "fuji-dri-chem": Port(reader="dri-chem", framing=FramingConfig(start=b"", end=b"\r\n")),
    "hitachi-7150": Port(
        reader="hitachi",
        framing=FramingConfig(trailer=b"\r\n", replies=True),
        setup={"id_width": 13},
    ),
    "abbott-aeroset": Port(
        reader="aeroset", framing=FramingConfig(part_end=b"\x17", replies=True)
    ),
    "sebia-hydrasys": Port(reader="hydrasys", setup={"decimals": 1}),
    "hemacell-plus": Port(
        reader="hemacell", framing=FramingConfig(trailer=b"\r\n"),
        setup={"codes": "WBC RBC HGB HCT PLT"},
    ),
    "arkray-spotchem": Port(reader="strip"),
    "siemens-dimension": Port(
        reader="dimension",
        framing=FramingConfig(
            check=CheckKind.SUM, check_place="before-end", check_end=False, replies=True
        ),
        confirms={"P": b"N\x1c", "R": b"M\x1cA\x1c\x1c"},
    ),
}  # fmt: skip
"""By name of the instrument."""

STRANGER: Final = Port()
"""A port that nobody has set up: frames are kept for a person to look at."""


def load(store: Store, link: str) -> Port:
    """What a port is set up for."""
    rows = store.rows("SELECT driver, settings FROM analyzer_port WHERE link = ?", (link,))
    if not rows:
        return STRANGER
    port = DRIVERS[rows[0]["driver"]]
    settings: dict[str, Any] = json.loads(rows[0]["settings"])
    return replace(
        port, sender=settings["sender"], setup={**port.setup, **settings["setup"]},
        encoding=settings["encoding"],
    )  # fmt: skip


def without_decimals(port: Port) -> Port:
    """The same port, read as if the instrument wrote whole numbers: a defect."""
    setup: dict[str, int | str] = dict(port.setup)
    for name in {"decimals", "form_decimals"} & {*setup}:
        value = setup[name]
        setup[name] = re.sub(r":\d+", ":0", value) if isinstance(value, str) else 0
    return replace(port, setup=setup)


def configure(link: str, args: Mapping[str, Any]) -> list[Statement]:
    """Set up a port: ``driver``, and ``sender``, ``encoding``, ``setup`` where they differ.

    It holds for connections that come after it.

    Raises:
        InputError: no such driver, or a set-up that is none.
        KeyError: no driver is named.
    """
    driver = str(args["driver"])
    if driver not in DRIVERS:
        raise InputError(f"no driver {driver}; known: {', '.join(DRIVERS)}")
    assert DRIVERS[driver].reader in READERS
    settings = {
        "sender": str(args.get("sender") or driver),
        "encoding": str(args.get("encoding") or DRIVERS[driver].encoding),
        "setup": _setup(args.get("setup") or {}),
    }
    text = json.dumps(settings, ensure_ascii=False)
    if len(text) > SETUP_CHARS_MAX:
        raise InputError("the set-up is too long")
    return [upsert("analyzer_port", ["link"], {"link": link, "driver": driver, "settings": text})]


def _setup(given: Any) -> dict[str, int | str]:
    found = json.loads(given) if isinstance(given, str) else given
    if not isinstance(found, dict) or not all(isinstance(one, int | str) for one in found.values()):
        raise InputError("setup is a table of names and values")
    return {str(name): value for name, value in found.items()}
