"""Whether the doctors and departments that a message names are registered with the centre.

Centres refuse a prescription of a doctor whom the hospital never registered (医保医师), so a HIS
whose codes are not those of the centre does not get as far as money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.centre.ledger import one
from simulators.centre.rules import Desk, Refusal, stamp, text
from simulators.centre.transaction import Books, Call

DOCTORS = ("atddr_no", "dise_dor_no", "bilg_dr_codg")
"""Fields that name a doctor: of a visit, of a diagnosis, of a charged row."""

DEPARTMENTS = ("dept_code", "adm_dept_codg", "diag_dept", "bilg_dept_codg")
"""Fields that name a department."""


def check(desk: Desk, call: Call, books: Books, row: Mapping[str, Any]) -> None:
    """Look up whoever a row names; a field that is empty names nobody.

    Raises:
        Refusal: the policy wants them registered, and one is not, or not on this day.
    """
    if not desk.policy.check_staff:
        return
    day = stamp(call)[:10]
    for fields, table, column, cause in (
        (DOCTORS, "doctors", "dr_codg", "doctor_unknown"),
        (DEPARTMENTS, "departments", "hosp_dept_codg", "department_unknown"),
    ):
        for name in fields:
            code = text(row, name)
            if code and one(
                books,
                f"SELECT 1 FROM {table} WHERE fixmedins_code = ? AND {column} = ?"
                " AND begndate <= ? AND enddate >= ?",
                call.fixmedins_code, code, day, day,
            ) is None:  # fmt: skip
                raise Refusal(cause, code=code)
