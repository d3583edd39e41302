"""The faults that the centre can be told to have, by transaction, count, predicate or keyed chance.

A decision depends on (seed, transaction, business identity, occurrence, fault) and on nothing else.
What a fault does to an answer is here; what it does to the order of commit and answer is done by
the actor.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from harness.errors import InputError
from harness.faults.plan import keyed
from harness.i18n import tr
from harness.wire.json_exact import BOM, decode, dumps, encode
from simulators.centre.representation import WAYS
from simulators.centre.transaction import Call

ACTIONS: Final[Mapping[str, str]] = {
    "F0": "reset the connection before a byte is read",
    "F1": "accept, and never answer",
    "F2": "drop before the commit",
    "F3": "commit, then drop without a byte",
    "F4": "commit, send half of the answer, then end",
    "F5": "commit, answer late",
    "F6": "commit, answer with the error page of a proxy",
    "F7": "commit, answer in a wrong representation",
    "F8": "commit, and answer that it failed",
    "F9": "answer that it is done, without a commit",
    "F10": "process the same message twice",
    "F11": "answer with the answer to another message",
    "F12": "commit, answer a few bytes at a time",
    "F13": "date the settlement by another clock",
    "F14": "the gateway refuses in mid-flow",
    "F15": "2601 is refused, lost, or takes nothing back",
    "F16": "say that it was already undone",
    "F17": "spoil the file of an answer",
    "F18": "turn the result of a reconciliation round",
    "F19": "change an amount so that exactly one identity breaks",
    "F20": "let the callback of mobile payment go astray",
    "F21": "answer that the centre is in maintenance",
    "F22": "answer that there are too many requests",
    "F23": "the certificate has run out: no connection gets as far as a request",
}
"""By id."""

ON_CONNECT: Final = frozenset({"F0", "F23"})
"""Faults of the connection itself: they count connections, and no request is read."""

CHANGES_ANSWER: Final = frozenset({"F7", "F11", "F17", "F18", "F19"})
"""Faults that have done nothing where the answer is as it would have been."""

CALLBACKS: Final = ("never", "late", "twice", "disorder")
"""How F20 leads a callback astray."""

FAULTS_MAX: Final = 200
FIRED_MAX: Final = 100_000
"""Firings remembered."""

CENT: Final = Decimal("0.01")

BREAKS: Final[Mapping[str, tuple[str, str]]] = {
    "I1": ("setlinfo", "hosp_part_amt"),
    "I2": ("setlinfo", "psn_cash_pay"),
    "I3": ("setlinfo", "acct_mulaid_pay"),
    "I4": ("setlinfo", "oth_pay"),
    "I5": ("setldetail", "fund_payamt"),
    "I6": ("setlinfo", "overlmt_selfpay"),
    "I13": ("setlinfo", "balc"),
}
"""Which one field of an answer stands in which identity alone."""

NO_FUNDS: Final = frozenset({"310200", "630100", "640100", "999900", "999996"})
"""Kinds of payment that stand among the funds and are none: accounts, and the hospital's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreFault:
    """One planned fault.

    Attributes:
        id: unique.
        action: a key of ``ACTIONS``.
        infno: transactions that it hits; empty takes all.
        occurrences: how-manieth call of such a transaction, from 1; empty takes all.
        holds: texts that the business identity (number, msgid, person, visit) must contain.
        probability: drawn by the keyed hash; for load only.
        parameters: of the action.
    """

    id: str
    action: str
    infno: tuple[str, ...] = ()
    occurrences: tuple[int, ...] = (1,)
    holds: tuple[str, ...] = ()
    probability: float = 1.0
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise InputError(tr("no fault {action}", action=self.action), remedy=" ".join(ACTIONS))
        if not 0.0 <= self.probability <= 1.0:
            raise InputError(tr("no probability: {value}", value=self.probability))
        if self.action == "F20" and self.parameters.get("how", CALLBACKS[0]) not in CALLBACKS:
            raise InputError(
                tr("a callback cannot go astray like this: {how}", how=self.parameters["how"]),
                remedy=" ".join(CALLBACKS),
            )
        wanted = self.parameters.get("identity", "I1")
        if self.action == "F19" and wanted not in BREAKS:
            raise InputError(
                tr("no identity {name} can be broken in an answer", name=wanted),
                remedy=" ".join(BREAKS),
            )


def planned(args: Mapping[str, Any]) -> CentreFault:
    """A fault as a command gives it.

    Raises:
        InputError: it is none.
    """
    try:
        return CentreFault(
            id=str(args["id"]),
            action=str(args["action"]),
            infno=_texts(args.get("infno", ())),
            occurrences=tuple(int(one) for one in args.get("occurrences", (1,))),
            holds=_texts(args.get("holds", ())),
            probability=float(args.get("probability", 1.0)),
            parameters={str(key): str(one) for key, one in args.get("parameters", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(tr("this is no fault: {reason}", reason=repr(error))) from error


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, Sequence) else ()


@dataclass(slots=True)
class FaultBook:
    """The faults of one centre, how often each fired, and on what."""

    seed: int = 0
    faults: list[CentreFault] = field(default_factory=list)
    healed: set[str] = field(default_factory=set)
    fired: list[dict[str, str]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, fault: CentreFault) -> None:
        """Plan one more.

        Raises:
            InputError: its id is taken, or there are too many.
        """
        if any(one.id == fault.id for one in self.faults) or len(self.faults) >= FAULTS_MAX:
            raise InputError(tr("the fault {ident} is planned twice", ident=fault.id))
        self.faults.append(fault)

    def heal(self, ident: str) -> None:
        """From here on it does nothing."""
        self.healed.add(ident)

    def due_on_connect(self) -> CentreFault | None:
        """A fault that hits the connection itself; it is noted as fired."""
        if not self.faults:
            return None
        fault = self._due("connect", "connect", lambda fault: fault.action in ON_CONNECT)
        self._note(fault, "connect", "")
        return fault

    def due_on_callback(self, infno: str, who: str) -> CentreFault | None:
        """A fault that leads the callback of a payment astray; it is noted as fired."""
        fault = self._due(infno, who, lambda fault: fault.action == "F20")
        self._note(fault, infno, who)
        return fault

    def due(self, call: Call) -> CentreFault | None:
        """The first fault that hits this call; it is noted as fired."""
        if not self.faults:
            return None
        own = ON_CONNECT | {"F20"}
        fault = self._due(call.infno, identity(call), lambda fault: fault.action not in own)
        self._note(fault, call.infno, call.msgid)
        return fault

    def _note(self, fault: CentreFault | None, infno: str, msgid: str) -> None:
        if fault is not None and len(self.fired) < FIRED_MAX:
            fired = {"id": fault.id, "action": fault.action, "infno": infno, "msgid": msgid}
            self.fired.append(fired)

    def missed(self, fault: CentreFault) -> None:
        """The latest firing found nothing to change, so it was none."""
        if self.fired and self.fired[-1]["id"] == fault.id:
            self.fired.pop()

    def _due(self, infno: str, who: str, fits: Callable[[CentreFault], bool]) -> CentreFault | None:
        """Each fault counts the calls that it looks at."""
        first = None
        for fault in self.faults:
            looked = fits(fault) and (not fault.infno or infno in fault.infno)
            if not looked or not all(text in who for text in fault.holds):
                continue
            nth = self._counts[fault.id] = self._counts.get(fault.id, 0) + 1
            if fault.id in self.healed or (fault.occurrences and nth not in fault.occurrences):
                continue
            chance = keyed(self.seed, "centre", fault.id, infno, _business(who), nth)
            if first is None and chance < fault.probability:
                first = fault
        return first


def identity(call: Call) -> str:
    """What a fault's ``holds`` looks into: number, msgid, and who and what it is about."""
    parts = [call.infno, call.msgid]
    for node in call.input.values():
        row = node[0] if isinstance(node, list) and node else node
        if isinstance(row, Mapping):
            parts += [str(row[key]) for key in ("psn_no", "mdtrt_id", "setl_id") if key in row]
    return "|".join(parts)


def _business(who: str) -> str:
    """The identity without the msgid, which is minted anew in each run."""
    parts = who.split("|")
    return "|".join(parts[:1] + parts[2:])


# -- what is done to an answer ---------------------------------------------------------------------


def broken_amounts(output: Any, name: str) -> Any:
    """The output with one amount changed by a cent, so that one identity breaks and no other."""
    node, code = BREAKS[name]
    changed = deepcopy(output)
    rows = changed.get(node) if isinstance(changed, dict) else None
    if isinstance(rows, list):
        rows = next((one for one in rows if one.get("fund_pay_type") not in NO_FUNDS), None)
    row = rows
    if isinstance(row, dict) and code in row:
        base = row["acct_pay"] if name == "I3" else row[code]
        row[code] = Decimal(base) + CENT
    return changed


def misrepresented(output: Any, how: str) -> Any:
    """F7: the nodes in another shape.

    ``missing`` leaves the first one out, ``list`` makes its row a list or its list a row; the
    others (``representation.WAYS``) write the same values otherwise.
    """
    if not isinstance(output, dict) or not output:
        return output
    if how in WAYS:
        return WAYS[how](output)
    name = next(iter(output))
    if how == "missing":
        return {key: value for key, value in output.items() if key != name}
    value = output[name]
    turned = value[0] if isinstance(value, list) and value else [value]
    return {**output, name: turned}


def reencoded(body: bytes) -> bytes:
    """F7 ``encoding``: the text in UTF-16; a file as if its bytes were the letters of a text."""
    try:
        return body.decode("utf-8").encode("utf-16-le")
    except UnicodeDecodeError:
        return body.decode("latin-1").encode("utf-16-le")


REWRITTEN: Final = frozenset({"gbk", "bom", "text-code", "text-output", "null-text"})
WHOLE: Final = REWRITTEN | {"encoding"}
"""Ways of F7 that change the envelope or its bytes, and not the nodes."""


def rewritten(body: bytes, how: str) -> bytes:
    """F7: the same answer as other bytes, or with other members of its envelope."""
    members = dict(decode(body).value)
    match how:
        case "text-code":
            members["infcode"] = f"{members['infcode']:02d}"
        case "text-output":
            members["output"] = dumps(members["output"])
        case "null-text":
            members["err_msg"] = None
    if how == "gbk":
        return encode(members, "gb18030")
    return (BOM if how == "bom" else b"") + encode(members)


def turned_round(output: Any, balanced: str, unbalanced: str) -> Any:
    """F18: balanced becomes unbalanced and the other way round."""
    changed = deepcopy(output)
    row = changed.get("stmtinfo") if isinstance(changed, dict) else None
    row = row[0] if isinstance(row, list) and row else row
    if isinstance(row, dict):
        row["stmt_rslt"] = unbalanced if row.get("stmt_rslt") == balanced else balanced
    return changed


def spoiled_file(file: bytes, how: str) -> bytes:
    """F17: ``empty``, ``truncated``, with ``bom``, in ``gbk``, or with ``swapped`` columns."""
    if how == "truncated":
        return file[: len(file) // 2]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        if how != "empty":
            with zipfile.ZipFile(io.BytesIO(file)) as before:
                for name in before.namelist():
                    archive.writestr(name, _spoiled(before.read(name), how))
    return packed.getvalue()


def _spoiled(text: bytes, how: str) -> bytes:
    if how == "bom":
        return b"\xef\xbb\xbf" + text
    if how == "gbk":
        return text.decode("utf-8").encode("gb18030")
    lines = [line.split("\t") for line in text.decode("utf-8").split("\n")]
    swapped = [[*row[:4], row[5], row[4], *row[6:]] if len(row) > 5 else row for row in lines]
    return "\n".join("\t".join(row) for row in swapped).encode("utf-8")
