"""What users of the built-in hospital see of its stores: the columns that edits may not pass by."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = {
    "LIS": {
        "results": ("barcode", "patient_id", "item", "value", "unit", "flag", "status",
                    "tested_at", "instrument", "version"),
        "orders": ("placer", "barcode", "patient_id", "item", "priority", "state"),
        "patients": ("patient_id", "name", "sex", "birth", "id_card", "ward", "bed", "phone",
                     "state"),
        "unmatched": ("barcode", "item", "value", "reason", "instrument"),
        "quality_control": ("lot", "item", "value", "unit", "tested_at", "instrument", "kind"),
        "reruns": ("barcode", "patient_id", "item", "value", "reason"),
        "worklist": ("barcode", "item", "way", "state"),
        "attachments": ("barcode", "patient_id", "kind", "size", "sha256"),
        "critical_event": ("barcode", "patient_id", "item", "value", "level", "state",
                           "received_by", "handled_by", "note", "escalations"),
    },
    "HIS": {
        "results": ("barcode", "patient_id", "item", "value", "unit", "flag", "status",
                    "tested_at", "version"),
        "alarms": ("barcode", "patient_id", "item", "value", "level", "state", "ward",
                   "acknowledged_by"),
    },
}  # fmt: skip
"""By role and table."""
