"""What an upgrade of the built-in hospital may break: each is switched on by itself.

A regression is a defect of the catalogue in the role that defects have in hospitals: release 1 was
without it, release 2 came with it. ``interface`` and ``path`` say where a comparison of a run
before with a run after has to put it first. They are written down by hand from what the defect
does, and the place that the defect itself names is one of them (tested).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """One regression.

    Attributes:
        defect: its switch.
        interface: where it shows first; ``sql ROLE`` for what a system keeps.
        paths: its path there, and others of equal standing; empty for a whole message or row.
        folder: of the pillar that feels it.
    """

    defect: str
    interface: str
    paths: tuple[str, ...]
    folder: str


def _of(folder: str, *rows: tuple[str, str, str]) -> tuple[Regression, ...]:
    return tuple(
        Regression(defect=defect, interface=interface, paths=tuple(paths.split()), folder=folder)
        for defect, interface, paths in rows
    )


_CT, _ENDOSCOPE, _ECG, _PDF = (
    f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "77.1.1.1", "9.1.1", "104.1")
)
_EXPLICIT: Final = "1.2.840.10008.1.2.1"
"""Storage classes and a transfer syntax (PS3.6 annex A)."""

REGRESSIONS: Final = (
    *_of(
        "lab",
        ("lis-drops-comparator", "LIS-ORU", "OBX-5"),
        ("lis-narrow-value-column", "LIS-ORU", "OBX-5"),
        ("lis-reads-latin-1", "LIS-ORU", "OBX-5"),
        ("lis-flattens-flags", "LIS-ORU", "OBX-8"),
        ("lis-drops-unit", "LIS-ORU", "OBX-6"),
        ("lis-preliminary-as-final", "LIS-ORU", "OBX-11 OBR-25"),
        ("lis-own-time", "LIS-ORU", "OBX-14"),
        ("lis-cuts-decimals", "LIS-ORU", "OBX-5"),
        ("lis-unit-of-other-row", "LIS-ORU", "OBX-6"),
        ("lis-ignores-text-map", "LIS-ORU", "OBX-5"),
        ("lis-orders-routine", "LIS-ASTM", "O.6"),
        ("lis-forgets-rack", "LIS-ASTM", "O.4"),
        ("lis-cuts-name-in-download", "LIS-ASTM", "P.6"),
        ("lis-drops-comments", "sql LIS", "row.comment"),
        ("lis-cuts-attachments", "sql LIS", "row.size row.sha256"),
    ),
    *_of(
        "feeds",
        ("lis-sends-no-unit", "LIS-ORU", "OBX-6"),
        ("lis-sends-no-flag", "LIS-ORU", "OBX-8"),
        ("lis-shifts-birth", "LIS-ORU", "PID-7"),
        ("lis-declares-other-charset", "LIS-ORU", "@charset"),
        ("lis-wrong-msa-2", "HIS-ORD", "MSA-2"),
        ("lis-accepts-unknown-types", "HIS-ORD", "MSA-1"),
        ("lis-ignores-transfer", "sql LIS", "row.ward row.bed"),
        ("lis-ignores-cancel", "sql LIS", "row.state"),
        ("his-drops-unit", "sql HIS", "row.unit"),
        ("his-rounds-values", "sql HIS", "row.value"),
        ("his-shifts-birth", "HIS-ORD", "PID-7"),
        ("his-wrong-sex", "HIS-ORD", "PID-8"),
        ("his-cuts-name", "HIS-ORD", "PID-5"),
        ("his-loses-id-card", "HIS-ORD", "PID-3.1 PID-3.5 PID-3"),
        ("his-routine-for-all", "HIS-ORD", "OBR-5"),
        ("his-cancel-as-new", "HIS-ORD", "ORC-1"),
    ),
    *_of(
        "insurance",
        ("his-yb-drops-other-funds", "sql HIS", "row.fund_fen"),
        ("his-yb-account-as-cash", "sql HIS", "row.acct_fen row.cash_fen"),
        ("his-yb-own-clr-type", "sql HIS", "row.clr_type"),
        ("his-yb-own-clock", "sql HIS", "row.setl_time"),
        ("his-yb-cuts-setl-id", "sql HIS", "row.setl_id"),
        ("his-yb-expired-mapping", "HIS-YB", "/input/feedetail/med_list_codg"),
        ("his-yb-hides-refusal", "sql HIS", "row.note"),
        ("his-yb-list-cuts-refusal", "sql HIS", "row.note"),
        ("his-yb-refund-positive", "sql HIS", "row.medfee_fen row.fund_fen row.acct_fen"),
    ),
    *_of(
        "imaging",
        ("ris-empties-step-id", "RIS-MWL", "(0040,0100).(0040,0009)"),
        ("ris-omits-status", "RIS-MWL", "(0040,0100).(0040,0020)"),
        ("ris-drops-charset", "RIS-MWL", "(0008,0005)"),
        ("ris-answers-in-latin1", "RIS-MWL", "(0010,0010) (0032,1060) (0008,0005)"),
        ("pacs-counts-wrong", "PACS-DIMSE", "(0020,1208) (0020,1209)"),
        ("pacs-dates-in-utc", "PACS-DIMSE", "(0008,0020) (0008,0030)"),
        ("pacs-answers-in-latin1", "PACS-DIMSE", "(0010,0010) (0008,1030) (0008,0005)"),
        ("pacs-unknown-destination-succeeds", "PACS-DIMSE", "@status"),
        ("pacs-no-lossless", "PACS-DIMSE", f"@context/{_CT}/1.2.840.10008.1.2.4.70"),
        ("pacs-no-video", "PACS-DIMSE", f"@context/{_ENDOSCOPE}/1.2.840.10008.1.2.4.102"),
        ("pacs-prefers-implicit", "PACS-DIMSE", f"@context/{_CT}/{_EXPLICIT},1.2.840.10008.1.2"),
        (
            "pacs-refuses-classes",
            "PACS-DIMSE",
            f"@context/{_ECG}/{_EXPLICIT} @context/{_PDF}/{_EXPLICIT}",
        ),
    ),
)
"""What can be switched on beside release 2."""
