"""The independent readers by the name that a model file gives as ``reader``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.wire import framings_read_columns as columns
from harness.wire import framings_read_fields as fields
from harness.wire import framings_read_records as stream
from harness.wire import framings_read_text as words
from harness.wire.framings_read import Reader

READERS: Final[Mapping[str, Reader]] = {
    "olympus": columns.olympus,
    "hitachi": columns.hitachi,
    "sysmex-k": columns.sysmex_k,
    "sysmex-ca": columns.sysmex_ca,
    "ciba-corning": words.ciba_corning,
    "array": words.array,
    "vitros": words.vitros,
    "strip": words.strip,
    "vidas": words.vidas,
    "maxm": words.maxm,
    "dri-chem": words.dri_chem,
    "records": stream.records,
    "aeroset": fields.aeroset,
    "hydrasys": fields.hydrasys,
    "hemacell": fields.hemacell,
    "dimension": fields.dimension,
}
"""One for each layout of ``fixtures/analyzers``."""
