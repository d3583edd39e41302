"""What recorded traffic promises, whatever its protocol: fields, kinds of values, codes, counts.

Of each sender and type: how often a field is filled among those that could hold it (the records of
an ASTM message, the members of a JSON list, the items of a DICOM sequence), of which kinds its
values are, and, where they are few, which codes it takes. Values of single messages say nothing,
for nobody knows what went in; so no value is kept where they are many, and none at all where money
or a person is named.

Two days never are alike. A difference is told only where chance does not explain it: what was
never seen on one side would have been seen ``EXPECTED_MIN`` times or more there, were it as
frequent as on the other; by chance that is none less than once in a thousand (Poisson). What one
person's messages say one behind the other counts once, for they are no new evidence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from harness.contract.dialect import ALWAYS
from harness.errors import PeerError
from harness.rehearsal.traffic import Heard
from harness.upgrade.approvals import untouchable
from harness.upgrade.associations import KIND
from harness.upgrade.differences import Difference
from harness.upgrade.observe import Observation
from harness.upgrade.placeholders import general, kind_of

EXPECTED_MIN: Final = 7.0
"""exp(-7) is below one in a thousand."""

CODES_MAX: Final = 20
"""More different values are no set of codes."""

CODE_CHARS_MAX: Final = 24
"""A longer value is a text."""

SEEN_PER_CODE_MIN: Final = 5
"""Values seen for each different one, or they are no set of codes."""

ID_DIGITS_MIN: Final = 8
"""Numbers of so many digits are counted nothing with."""

SUBJECTS: Final = frozenset(
    {"psn_no", "certno", "mdtrt_id", "mdtrt_cert_no", "patient_id", "P.3", "P.4", "O.3",
     "(0010,0020)"}
)  # fmt: skip
"""Fields that say of whom a message is: JSON and XML, ASTM, DICOM."""

OFTEN: Final = 0.9
"""Share below which a field that was always filled is not any more."""

_LAST = re.compile(r"[./][^./\[\]()]*\Z")
"""The last part of a path: what stands before it is what holds the field."""

Head = tuple[str, str, str]
"""Interface, sender, type."""


def _names(path: str) -> bool:
    """Whether a field says of whom a message is."""
    return general(path) in SUBJECTS or path.rpartition("/")[2] in SUBJECTS


def _kind(value: str) -> str:
    """A long number is an id, as one with a letter is: identity cards end in either."""
    kind = kind_of(value)
    return "serial" if kind == "number" and len(value) >= ID_DIGITS_MIN else kind


@dataclass(slots=True)
class Field:
    """One field of a type.

    Attributes:
        filled: how often it held a value.
        kinds: of its values, with the subjects that they were seen of.
        codes: its values, likewise; None where they are too many or may not be kept.
        agreed: what is said about an association: words of ours, of no kind and any length.
    """

    agreed: bool = False
    filled: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] | None = field(default_factory=Counter)
    _last: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, value: str, subject: str) -> None:
        """One value more, of somebody; of nobody known where ``subject`` is empty."""
        self.filled += 1
        kind = "" if self.agreed else _kind(value)
        self.kinds[kind] += self._new("kind", kind, subject)
        if self.codes is not None:
            self.codes[value] += self._new("code", value, subject)
            text = len(value) > CODE_CHARS_MAX and not self.agreed
            if text or len(self.codes) > CODES_MAX:
                self.codes = None

    def _new(self, what: str, value: str, subject: str) -> int:
        """1 unless the same subject was the last to show it."""
        last = self._last.get((what, value))
        if what == "kind" or len(self._last) < 3 * CODES_MAX:
            self._last[what, value] = subject
        return int(not subject or subject != last)

    @property
    def set_of_codes(self) -> Counter[str] | None:
        """Its codes, where its values are such."""
        codes = self.codes
        few = codes is not None and self.filled >= SEEN_PER_CODE_MIN * len(codes)
        return codes if few else None


@dataclass(slots=True)
class Shape:
    """One type of one sender.

    Attributes:
        messages: how many.
        holders: of fields, by general path: how many there were.
        present: in how many messages each of them stood.
        fields: by general path.
    """

    messages: int = 0
    holders: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)
    fields: dict[str, Field] = field(default_factory=dict)

    def add(self, one: Observation) -> None:
        """One message more.

        Raises:
            PeerError: it is not what its protocol says.
        """
        values = one.values
        subject = next((value for path, value in values.items() if value and _names(path)), "")
        self.messages += 1
        holders = [general(parent) for parent in {holder(path) for path in values}]
        self.holders.update(holders)
        self.present.update(set(holders))
        for path, value in values.items():
            if value:
                self._field(one, general(path)).add(value, subject)

    def _field(self, one: Observation, path: str) -> Field:
        if path not in self.fields:
            self.fields[path] = Field(agreed=one.kind == KIND)
            if untouchable(difference("value", head_of(one), path, "", "")):
                self.fields[path].codes = None
        return self.fields[path]

    def holds(self, path: str) -> int:
        """How many could have held a field."""
        return self.holders[holder(path)]


Shapes = dict[Head, Shape]


def holder(path: str) -> str:
    """What holds a field: a record, a member of a list, an item; empty for the message.

    >>> holder("R[3].4"), holder("/input/list[2]/cnt"), holder("@status"), holder("(0010,0010)")
    ('R[3]', '/input/list[2]', '', '')
    """
    if path.startswith("@"):
        return ""
    if path.endswith(")"):  # a DICOM tag, maybe inside an item: (0040,0100)[1].(0040,0009)
        return path.rpartition(".")[0]
    return _LAST.sub("", path) if _LAST.search(path) else ""


def head_of(one: Observation) -> Head:
    """Interface, sender and type."""
    return one.interface, one.sender, one.name


def learn(found: Iterable[Observation], heard: Heard) -> Shapes:
    """The shapes of what was seen; what cannot be read is counted."""
    shapes: Shapes = {}
    for one in found:
        try:
            shapes.setdefault(head_of(one), Shape()).add(one)
        except PeerError:
            heard.unreadable += 1
    return shapes


def compare(before: Shapes, after: Shapes, *, days: bool) -> Iterator[Difference]:
    """What is otherwise, type by type.

    Args:
        before: of the day before.
        after: of the day after, or of a run.
        days: both are ordinary days, so that a code which nobody sends any more says something.
    """
    for head in sorted(before.keys() & after.keys()):
        old, new = before[head], after[head]
        yield from _holders(head, old, new, days=days)
        for path in dict.fromkeys([*old.fields, *new.fields]):
            yield from _field(head, path, (old, new), days=days)


def _holders(head: Head, old: Shape, new: Shape, *, days: bool) -> Iterator[Difference]:
    """Records, members and items that are gone, or new."""
    room = new.messages / old.messages
    for path in dict.fromkeys([*old.present, *new.present]):
        was, now = old.present[path], new.present[path]
        told = f"{was}/{old.messages}", f"{now}/{new.messages}"
        wanted = days or was >= ALWAYS * old.messages
        if wanted and not now and was * room >= EXPECTED_MIN:
            yield difference("missing", head, f"{path} @record", *told)
        if not was and now / room >= EXPECTED_MIN:
            yield difference("added", head, f"{path} @record", *told)


def _field(
    head: Head, path: str, sides: tuple[Shape, Shape], *, days: bool
) -> Iterator[Difference]:
    shares = _filled(path, sides, days=days)
    if shares is not None:
        cls, was, now = shares
        yield difference(cls, head, f"{path} @field", was, now)
    if all(path in side.fields for side in sides):
        old, new = (side.fields[path] for side in sides)
        kinds = unseen(new.kinds, old.kinds)
        if kinds:
            yield difference("type", head, f"{path} @kind", _words(old.kinds), _words(new.kinds))
            return
        codes = old.set_of_codes, new.set_of_codes
        if codes[0] is not None and codes[1] is not None:
            gone = days and unseen(codes[0], codes[1])
            if gone or unseen(codes[1], codes[0]):
                yield difference(
                    "value", head, f"{path} @codes", _words(codes[0]), _words(codes[1])
                )


def _filled(path: str, sides: tuple[Shape, Shape], *, days: bool) -> tuple[str, str, str] | None:
    """Whether a field is gone, new, or empty now and then; what was expected says if by chance."""
    (old, n_old), (new, n_new) = (
        (side.fields[path].filled if path in side.fields else 0, side.holds(path)) for side in sides
    )
    if not n_old or not n_new:
        return None  # nothing could hold it on one side: another type of message, or no list
    told = f"{old}/{n_old}", f"{new}/{n_new}"
    always = old / n_old >= ALWAYS
    if (days or always) and not new and old * n_new / n_old >= EXPECTED_MIN:
        return "missing", *told
    if not old and new * n_old / n_new >= EXPECTED_MIN:
        return "added", *told
    if always and new / n_new < OFTEN and n_new - new >= EXPECTED_MIN and n_old >= EXPECTED_MIN:
        return "missing", *told
    return None


def unseen(here: Counter[str], there: Counter[str]) -> list[str]:
    """What is here, and never there, though by its share it would have been."""
    share = there.total() / here.total() if here else 0.0
    return [
        one for one, count in here.items() if one not in there and count * share >= EXPECTED_MIN
    ]


def _words(counts: Counter[str]) -> str:
    return " ".join(sorted(counts))


def difference(cls: str, head: Head, path: str, old: str, new: str) -> Difference:
    """As every comparison tells it; a day has no scenario and no order."""
    interface, sender, name = head
    return Difference(
        cls=cls, interface=interface or "recorded", name=f"{sender} {name}".strip(), path=path,
        place=path, old=old, new=new, scenario="", position=0,
    )  # fmt: skip
