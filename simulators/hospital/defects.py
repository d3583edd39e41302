"""The switchable defects of the built-in hospital.

Each is a code path that changes what a peer can see. ``source`` names the row of the fault
catalogue that it was taken from (``lab-26``: LIS01/02 catalogue, ``hl7-29``: HL7 catalogue),
``places`` where it truly is as findings name it, the first one being the place itself and the
others where it also shows, and ``requirement`` what is broken.

Nothing but the hospital and the self-check may import this module.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from harness.errors import InputError
from simulators.hospital import (
    defects_bodies,
    defects_books,
    defects_edges,
    defects_engine,
    defects_feeds,
    defects_feeds_more,
    defects_his,
    defects_imaging,
    defects_imaging_more,
    defects_imaging_pixels,
    defects_imaging_web,
    defects_insurance,
    defects_insurance_flows,
    defects_lab,
    defects_lab_more,
    defects_lis,
)
from simulators.hospital.defect_model import Defect

__all__ = ["BY_ID", "DEFECTS", "IMAGING", "Defect", "check"]

DEFECTS = (
    *defects_lis.DEFECTS,
    *defects_lab.DEFECTS,
    *defects_lab_more.DEFECTS,
    *defects_edges.DEFECTS,
    *defects_his.DEFECTS,
    *defects_feeds.DEFECTS,
    *defects_feeds_more.DEFECTS,
    *defects_engine.DEFECTS,
    *defects_insurance.DEFECTS,
    *defects_books.DEFECTS,
    *defects_bodies.DEFECTS,
    *defects_insurance_flows.DEFECTS,
)

IMAGING = (
    *defects_imaging.DEFECTS,
    *defects_imaging_more.DEFECTS,
    *defects_imaging_pixels.DEFECTS,
    *defects_imaging_web.DEFECTS,
)
"""Of PACS and RIS: they run as processes only, so the matrix over memory leaves them out."""

BY_ID = {defect.id: defect for defect in DEFECTS}

_KNOWN = {*BY_ID, *(defect.id for defect in IMAGING)}


def check(idents: Sequence[str]) -> None:
    """Refuse an id that no defect has, with the nearest ones."""
    for ident in idents:
        if ident not in _KNOWN:
            near = difflib.get_close_matches(ident, _KNOWN, n=3, cutoff=0.3)
            raise InputError(
                f"the built-in hospital has no defect {ident}",
                remedy=", ".join(near) if near else "medharness run --defect ID",
            )
