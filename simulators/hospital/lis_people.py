"""Whom the LIS knows."""

from __future__ import annotations

from typing import Any

from simulators.store import Store


def patient_of(store: Store, patient_id: str) -> dict[str, Any]:
    """A registered patient, or one of whom only the number is known."""
    found = store.rows("SELECT * FROM patients WHERE patient_id = ?", (patient_id,))
    names = ("name", "sex", "birth", "id_card", "ward", "bed", "phone")
    return found[0] if found else {"patient_id": patient_id} | dict.fromkeys(names, "")
