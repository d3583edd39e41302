"""Fault classes of settlement that calls between HIS and centre show, as ``wire_classes`` does."""

from __future__ import annotations

from collections.abc import Sequence

from harness.evidence.trace import Record
from harness.selfcheck import wire_yb_causes as causes
from harness.selfcheck import wire_yb_faults as faults
from harness.selfcheck.wire_yb_look import Talk


def shown_classes(records: Sequence[Record]) -> list[str]:
    """Rows of the catalogue of settlement that a trace shows."""
    talk = Talk(records)
    return [*faults.shown(talk), *causes.shown(talk)] if talk.calls else []
