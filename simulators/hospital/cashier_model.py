"""What the cashier works with: bills, the kinds of a visit, and what a flow may ask for.

A flow is a generator. It yields ``Ask`` (a message to the centre, answered with an ``Outcome``),
``Save`` (statements, committed before anything later is carried out) and ``Wait``. It holds no
socket and no clock, so over memory and over sockets it does the same.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Statement = tuple[str, Sequence[Any]]

PENDING, SUCCESS, FAIL, UNKNOWN = "PENDING", "SUCCESS", "FAIL", "UNKNOWN"
"""States of a message: written and sent; done; refused in so many words; nobody can tell."""

AT_WORK: Final = ("settling", "unknown", "refunding")
"""States of a bill in which a flow must be running."""

BUSY: Final = (*AT_WORK, "ordering")
"""These, and the payment by mobile phone that is under way: nobody else may touch such a bill."""

ONCE_MORE: Final = 4
"""How often a question is asked again whose answer changes nothing."""

PAY_TRIES: Final = 3
"""How often a settlement is tried after the one before was shown not to stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The transactions of outpatient or inpatient visits.

    ``ask`` is the question for visits, and ``listed`` the node of its answer.
    """

    name: str
    register: str
    cancel: str
    ask: str
    listed: str
    upload: str
    withdraw: str
    trial: str
    settle: str
    reverse: str


OUTPATIENT: Final = Kind(
    name="otp",
    register="2201",
    cancel="2202",
    ask="5201",
    listed="mdtrtinfo",
    upload="2204",
    withdraw="2205",
    trial="2206",
    settle="2207",
    reverse="2208",
)
INPATIENT: Final = Kind(
    name="ipt",
    register="2401",
    cancel="2404",
    ask="5303",
    listed="data",
    upload="2301",
    withdraw="2302",
    trial="2303",
    settle="2304",
    reverse="2305",
)
KINDS: Final[Mapping[str, Kind]] = {"otp": OUTPATIENT, "ipt": INPATIENT}

OPERATORS: Final[Mapping[str, tuple[str, str, str]]] = {
    "window": ("1", "0001", "收费窗口"),
    "bedside": ("1", "0002", "床旁结算"),
    "self": ("2", "Z001", "自助机"),
    "mobile": ("3", "M001", "移动端"),
    "system": ("1", "0000", "结算中心"),
}
"""By channel: ``opter_type``, ``opter``, ``opter_name`` of the envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One charged item.

    Attributes:
        line: number on the bill, from 1.
        item: the hospital's own code.
        med_code: what it is mapped to (对码).
        price, count: decimals as text.
        amount_fen: of the line.
    """

    line: int
    item: str
    med_code: str
    price: str
    count: str
    amount_fen: int


@dataclass(slots=True, kw_only=True)
class Bill:
    """One bill while a flow works on it; ``state`` of its row says where it stands.

    States: ``open``, ``settling``, ``settled``, ``failed``, ``unknown``, ``refunding``,
    ``refunded``, ``manual`` (a person must look). ``keep`` are lines that a refund leaves;
    ``seek`` says that a visit may have been opened before a crash; ``token`` is the electronic
    credential that stands for the card.
    """

    bill_no: str
    patient_id: str
    name: str
    id_card: str
    kind: Kind
    channel: str
    med_type: str
    acct_used: str = "1"
    state: str = "open"
    psn_no: str = ""
    psn_type: str = ""
    insutype: str = ""
    insuplc: str = ""
    mdtrt_id: str = ""
    batch: int = 1
    setl_id: str = ""
    lines: list[Line] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)
    keep: list[Line] = field(default_factory=list)
    seek: bool = False
    token: str = ""

    @property
    def total_fen(self) -> int:
        """Sum of the lines."""
        return sum(line.amount_fen for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A message to the centre.

    Attributes:
        infno: transaction.
        nodes: its input.
        bill: that it is about; None for the day end.
        msgid: of an earlier attempt that is sent again; empty for a new one.
        channel: who sends.
    """

    infno: str
    nodes: Mapping[str, Any]
    bill: Bill | None = None
    msgid: str = ""
    channel: str = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Statements for the store."""

    statements: Sequence[Statement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Go on after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message.

    Attributes:
        state: ``SUCCESS``, ``FAIL`` or ``UNKNOWN``.
        msgid: under which it was sent.
        output: nodes of the answer.
        err_msg: of a refusal, or why nobody can tell.
        file: of a file answer.
        status: of HTTP; 0 where no answer came.
    """

    state: str
    msgid: str
    output: Any = None
    err_msg: str = ""
    file: bytes | None = None
    status: int = 0

    @property
    def ok(self) -> bool:
        """Carried out."""
        return self.state == SUCCESS

    def node(self, name: str) -> Mapping[str, Any]:
        """A node of one row; a list of one row is taken for it, and what is no row for nothing."""
        value = self.output.get(name) if isinstance(self.output, Mapping) else None
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return value if isinstance(value, Mapping) else {}

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """A node of several rows; one row without its list is taken for a list."""
        value = self.output.get(name) if isinstance(self.output, Mapping) else None
        found = value if isinstance(value, list) else [value]
        return [row for row in found if isinstance(row, Mapping)]


Step = Ask | Save | Wait
Flow = Generator[Step, Any, Any]
Talk = Generator[Step, Any, Outcome]
