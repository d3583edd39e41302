"""Defects of the built-in PACS in compressed objects; see ``defects_imaging``."""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_P = "PACS-DIMSE dicom"
_PIXELS = f"{_P} (7FE0,0010)"

DEFECTS = (
    _defect("pacs-inflates-deflated", "img-X7", "REQ-IMG-041",
            "a deflated object goes out inflated and is still called deflated",
            f"{_P} transfer syntax"),
    _defect("pacs-swaps-rle-planes", "img-X13", "REQ-IMG-041",
            "the colour planes of RLE are taken for each other", _PIXELS),
    _defect("pacs-clears-lossy-flag", "img-X6", "REQ-IMG-042",
            "lossy images go out as if they had never been compressed", f"{_P} (0028,2110)"),
    _defect("pacs-cuts-last-fragment", "img-X3", "REQ-IMG-041",
            "the end of the last frame is left out", _PIXELS),
    _defect("pacs-splits-video", "img-X15", "REQ-IMG-041",
            "a moving picture goes out in fragments behind an offset table", _PIXELS),
    _defect("pacs-says-eight-bits", "img-X3", "REQ-IMG-042",
            "JPEG of twelve bits goes out as if it had eight", _PIXELS),
    _defect("pacs-drops-geometry", "img-X17", "REQ-IMG-043",
            "position and orientation of slices are dropped", f"{_P} (0020,0032)"),
    _defect("pacs-writes-local-dates", "img-T1", "REQ-IMG-043",
            "the study date is written with dashes", f"{_P} (0008,0020)"),
)  # fmt: skip
