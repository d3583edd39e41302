"""What changed between two versions of the interface: the rehearsal of an upgrade on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulators.centre.schema import Field, Node, Specification, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecChange:
    """One change.

    Attributes:
        kind: ``transaction-added``, ``transaction-removed``, ``node-added``, ``node-removed``,
            ``field-added``, ``field-removed``, ``field-renamed``, ``made-required``,
            ``made-optional``, ``lengthened``, ``shortened``, ``kind-changed``, ``code-added``,
            ``code-removed`` or ``code-renamed``.
        infno: the transaction; empty for code lists.
        side: ``in``, ``out``, ``file-in``, ``file-out``; empty for code lists.
        node: the node, or the name of the code list.
        field: the field, or the value of a code list.
        before: as it was.
        after: as it is.
    """

    kind: str
    infno: str = ""
    side: str = ""
    node: str = ""
    field: str = ""
    before: str = ""
    after: str = ""

    @property
    def breaks_senders(self) -> bool:
        """A message that was accepted before may be refused now, or means something else."""
        refused = {
            "transaction-removed",
            "node-removed",
            "field-removed",
            "field-renamed",
            "made-required",
            "shortened",
            "kind-changed",
            "code-removed",
        }
        added = self.kind == "field-added" and "!" in self.after
        return (self.kind in refused or added) and self.side in {"in", "file-in", ""}


def difference(before: Specification, after: Specification) -> list[SpecChange]:
    """Every change, in the order of transactions, nodes, fields, and then of code lists."""
    return [*_transactions(before, after), *_codes(before, after)]


def _transactions(before: Specification, after: Specification) -> Iterator[SpecChange]:
    for infno in sorted(before.transactions.keys() | after.transactions.keys()):
        old, new = before.transactions.get(infno), after.transactions.get(infno)
        if old is None and new is not None:
            yield SpecChange(kind="transaction-added", infno=infno, after=new.name)
        elif new is None and old is not None:
            yield SpecChange(kind="transaction-removed", infno=infno, before=old.name)
        elif old is not None and new is not None and old != new:
            yield from _nodes(infno, old, new)


def _nodes(infno: str, old: Transaction, new: Transaction) -> Iterator[SpecChange]:
    olds, news = _keyed(old), _keyed(new)
    for key in [*olds, *(key for key in news if key not in olds)]:
        side, name, _ = key
        if key not in news:
            yield SpecChange(kind="node-removed", infno=infno, side=side, node=name)
        elif key not in olds:
            yield SpecChange(kind="node-added", infno=infno, side=side, node=name)
        else:
            yield from _fields(infno, side, olds[key], news[key])


def _keyed(transaction: Transaction) -> dict[tuple[str, str, int], Node]:
    found: dict[tuple[str, str, int], Node] = {}
    for side, node in transaction.sides():
        nth = sum(1 for key in found if key[:2] == (side, node.name))
        found[side, node.name, nth] = node
    return found


def _fields(infno: str, side: str, old: Node, new: Node) -> Iterator[SpecChange]:
    gone = [one for code, one in old.fields.items() if code not in new.fields]
    come = [one for code, one in new.fields.items() if code not in old.fields]
    for was in gone:
        heir = next((one for one in come if one.name == was.name), None)
        if heir is None:
            yield _change("field-removed", infno, side, new, was.code, was, None)
            continue
        come.remove(heir)
        yield SpecChange(
            kind="field-renamed",
            infno=infno,
            side=side,
            node=new.name,
            field=heir.code,
            before=was.code,
            after=heir.code,
        )
        yield from _same(infno, side, new, was, heir)
    for one in come:
        yield _change("field-added", infno, side, new, one.code, None, one)
    for code, was in old.fields.items():
        if code in new.fields:
            yield from _same(infno, side, new, was, new.fields[code])


def _same(infno: str, side: str, node: Node, was: Field, now: Field) -> Iterator[SpecChange]:
    if was.required != now.required:
        kind = "made-required" if now.required else "made-optional"
        yield _change(kind, infno, side, node, now.code, was, now)
    if was.kind != now.kind:
        yield _change("kind-changed", infno, side, node, now.code, was, now)
    elif (was.length, was.decimals) != (now.length, now.decimals):
        longer = not now.length or (was.length and now.length > was.length)
        kind = "lengthened" if longer else "shortened"
        yield _change(kind, infno, side, node, now.code, was, now)


def _change(
    kind: str, infno: str, side: str, node: Node, code: str, was: Field | None, now: Field | None
) -> SpecChange:
    return SpecChange(
        kind=kind,
        infno=infno,
        side=side,
        node=node.name,
        field=code,
        before=was.text() if was is not None else "",
        after=now.text() if now is not None else "",
    )


def _codes(before: Specification, after: Specification) -> Iterator[SpecChange]:
    for name in sorted(before.code_lists.keys() | after.code_lists.keys()):
        old, new = before.code_lists.get(name, {}), after.code_lists.get(name, {})
        for value in [*old, *(one for one in new if one not in old)]:
            was, now = old.get(value), new.get(value)
            if was == now:
                continue
            kind = (
                "code-added" if was is None else "code-removed" if now is None else "code-renamed"
            )
            yield SpecChange(kind=kind, node=name, field=value, before=was or "", after=now or "")
