"""What one transaction of the centre is: a call comes in, answer and changes of the books go out.

The gateway (envelope, signatures, schema) stands in front and knows no money; a handler stands
behind and knows no wire. A handler reads the books and returns statements; the actor commits them
before the first byte of the answer leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from harness.wire.json_exact import Written

Json = Any
"""A JSON value; numbers are ``Decimal`` or ``int``, never ``float``."""

Statement = tuple[str, Sequence[Any]]
"""SQL with ``?`` holes, and the values."""

OK = 0
"""``infcode`` of a transaction that was carried out."""

REFUSED = -1
"""``infcode`` of a transaction that the centre refused; ``err_msg`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, its envelope read and its input checked against the schema.

    Attributes:
        infno: number of the transaction, such as ``2207``.
        msgid: the sender's id of this message.
        insuplc_admdvs: region where the person is insured; empty if not said.
        mdtrtarea_admvs: region of the visit.
        fixmedins_code: the hospital.
        opter: operator.
        sign_no: session of ``9001``; empty if the region has none.
        input: ``input`` of the envelope.
        at: the centre's clock when the call came.
        envelope: all further members of the envelope.
    """

    infno: str
    msgid: str
    fixmedins_code: str
    insuplc_admdvs: str = ""
    mdtrtarea_admvs: str = ""
    opter: str = ""
    sign_no: str = ""
    input: Mapping[str, Json] = field(default_factory=dict)
    at: datetime
    envelope: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the centre says.

    Attributes:
        infcode: ``OK`` or ``REFUSED`` (provinces know further codes).
        err_msg: why it was refused, in the wording of real centres.
        output: ``output`` of the envelope.
        modelled: False where only the schema was checked: a verdict cannot rest on it.
        file: body of a file answer (``9102``); None otherwise.
        written: ``output`` as it went into the books; it counts only while ``output`` is the same.
    """

    infcode: int = OK
    err_msg: str = ""
    output: Json = None
    modelled: bool = True
    file: bytes | None = None
    written: Written | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """An answer and what must be in the books before it leaves; ``note`` goes into the trace."""

    answer: Answer
    statements: Sequence[Statement] = ()
    note: str = ""


class Books(Protocol):
    """Read-only sight of the ledger."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Committed rows of one ``SELECT`` with ``?`` holes (``simulators.store``)."""
        ...


Handler = Callable[[Call, Books], Handled]
"""Carries out one kind of transaction."""


def refused(err_msg: str, *, infcode: int = REFUSED) -> Handled:
    """A refusal that leaves the books as they are."""
    return Handled(answer=Answer(infcode=infcode, err_msg=err_msg))
