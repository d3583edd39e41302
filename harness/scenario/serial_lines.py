"""The serial lines of a run: which end each side opens, and the pairs that the run makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.link.serial_address import SerialAddress
from harness.link.serial_line import LineSettings
from harness.link.serial_pty import Cables
from harness.permit import Permit
from harness.profile import Endpoint, LinkTransport, Mode, Profile

PAIR = "pty://"
"""A url of this form asks for a pair of pseudo-terminals."""


@dataclass(slots=True)
class SerialLines:
    """Ends of serial lines by link.

    Attributes:
        near: for the roles that connect.
        far: for the roles that listen and that we run.
        cables: of the pairs that the run made; None where it made none.
    """

    near: dict[str, SerialAddress] = field(default_factory=dict)
    far: dict[str, SerialAddress] = field(default_factory=dict)
    cables: Cables | None = None

    def stop(self) -> list[str]:
        """Take the pairs away; returns a thread that would not end."""
        cables, self.cables = self.cables, None
        return [] if cables is None else cables.stop()


def serial_lines(profile: Profile, permit: Permit) -> SerialLines:
    """Every serial line of the profile; pairs are made.

    Raises:
        PermitError: a device server is a forbidden address.
        InputError: this system has no pseudo-terminals.
    """
    lines = SerialLines()
    try:
        for name, endpoint in profile.endpoints.items():
            if endpoint.transport is LinkTransport.SERIAL:
                _add(lines, profile, name, endpoint, permit)
    except BaseException:
        lines.stop()
        raise
    return lines


def _add(
    lines: SerialLines, profile: Profile, name: str, endpoint: Endpoint, permit: Permit
) -> None:
    if endpoint.url.startswith(PAIR):
        lines.cables = lines.cables or Cables()
        cable = lines.cables.add(_settings(endpoint))
        lines.near[name], lines.far[name] = cable.near, cable.far
        return
    if profile.mode(endpoint.frm) is Mode.SIMULATED:
        lines.near[name] = _end(endpoint, endpoint.url, permit)
    if profile.mode(endpoint.to) is Mode.SIMULATED:
        lines.far[name] = _end(endpoint, endpoint.listen_url or endpoint.url, permit)


def _end(endpoint: Endpoint, url: str, permit: Permit) -> SerialAddress:
    address = SerialAddress(
        url=url,
        line=_settings(endpoint),
        ready=endpoint.line.ready if endpoint.line is not None else "none",
    )
    if address.place is not None:
        permit.require_open(*address.place)
    return address


def _settings(endpoint: Endpoint) -> LineSettings:
    line = endpoint.line
    if line is None:
        return LineSettings()
    return LineSettings(
        baud=line.baud,
        data_bits=line.data_bits,
        parity=line.parity,
        stop_bits=line.stop_bits,
        flow=line.flow,
    )
