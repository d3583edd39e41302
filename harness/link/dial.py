"""Opens the connection to an address, whatever it leads over."""

from __future__ import annotations

import socket

from harness.link import serial_port, tcp
from harness.link.address import Address
from harness.link.serial_address import SerialAddress


def dial(address: Address | SerialAddress) -> socket.socket:
    """A connected socket: of a serial line, of TCP, or of TLS after its handshake.

    Raises:
        OSError: it cannot be opened.
    """
    if isinstance(address, SerialAddress):
        return serial_port.connect(address)
    sock = tcp.connect(address.host, address.port)
    if address.tls is None:
        return sock
    return address.tls.wrap_socket(sock, server_hostname=address.server_name or address.host)
