"""Every bound of the project that more than one room needs, with where it comes from."""

from __future__ import annotations

MIB = 1024 * 1024

RECEIVE_CHUNK_BYTES = 64 * 1024
"""One read from a socket; the default pipe size of Linux and what common engines use."""

MESSAGE_BYTES_MAX = 128 * MIB
"""The largest message a core assembles: above the 100 MB that imaging reports reach in OBX-5."""

BLOB_THRESHOLD_BYTES = 64 * 1024
"""A payload above this leaves the trace line for a content-addressed blob."""

TRACE_RECORDS_MAX = 2_000_000
"""Records that one scenario may keep in memory; load runs write without keeping."""

CONNECT_TIMEOUT_S = 5.0
"""TCP connect inside a hospital LAN; Mirth's default response timeout is the same."""

SEND_TIMEOUT_S = 10.0
"""A peer that reads nothing for so long is treated as gone."""

CONNECTIONS_MAX = 512
"""Connections one listener serves at a time: an interface engine keeps up to 500 idle ones open."""

START_TIMEOUT_S = 60.0
"""A process of the built-in hospital must print ``ready`` within this: half a second of computing,
on a workstation where a scanner reads every module first and much else starts at that moment. One
that ends is noticed at once, whatever the limit."""

CONTROL_TIMEOUT_S = 10.0
"""Answer of a hospital process to a control command."""

STOP_TIMEOUT_S = 5.0
"""A thread or process that does not end by itself within this is reported as left over."""

REBIND_S = 10.0
"""A system that starts again waits so long for its port: a caller may have been lent it."""

PROBE_TIMEOUT_S = 10.0
"""One look at the system under test."""

PROBE_ROWS_MAX = 10_000
"""Rows that one probe answer may hold."""

PASSPHRASE_CHARS_MIN = 12
"""Of a passphrase that encrypts recordings; scrypt protects nobody who has a shorter one."""

POLL_S = 0.05
"""After what time a probe is asked again while an expectation waits, at first."""

POLL_MAX_S = 0.2
"""The same after some looks that found nothing new."""

CRASH_TIMEOUT_S = 120.0
"""A system that is to lose its power at its next commit is watched for so long."""
