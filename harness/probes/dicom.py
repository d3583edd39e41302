"""Looks into a PACS or RIS over DICOM: queries, and retrieval with the pixels hashed.

A look opens an association of its own, asks, and closes it; it stores nothing and changes nothing.
Who opens the association is given from outside, so that a probe here knows no address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from harness import limits
from harness.errors import HarnessError, PeerError
from harness.evidence.reach import STORED
from harness.link.dicom import (
    PATIENT_FIND,
    PENDING,
    STUDY_FIND,
    STUDY_GET,
    WORKLIST,
    Answer,
    Request,
    payload_of,
)
from harness.link.dicom_data import EXPLICIT, TEXTS, DataSet, Key, tag_of, vr_of, walk
from harness.link.dicom_scu import Association, Offer
from harness.model import Outcome
from harness.probes import probe

Open = Callable[[Sequence[Offer]], Association]
"""Makes an association that is not open yet."""

Row = dict[str, str | None]

_BULK: Final = frozenset(map(tag_of, ("PixelData", "WaveformData", "EncapsulatedDocument")))
_STEP: Final = "ScheduledProcedureStepSequence"
_WARNING: Final = 0xB
"""First digit of a status that warns (PS3.7 annex C.1.2)."""

PADDING: Final = 0xFFFCFFFC
"""Data Set Trailing Padding says nothing and may be left out (PS3.10 §7.2)."""

CHARSET: Final = "charset"
"""Argument: character set of the question; empty leaves (0008,0005) out. As a column: whether the
bytes are what is declared."""

KEY_CODEC: Final = "codec"
"""Argument: Python's name for the bytes of the text keys, whatever the question declares."""

OWNER: Final = "owner"
"""Argument of an unreadable question: the patient id of whom it asks for; nobody else may come."""

NOBODY: Final = "nobody"
ANSWERED: Final = "answered"

_CLASSES: Final = {"WORKLIST": WORKLIST, "PATIENT": PATIENT_FIND}
"""By level; the others are asked at the study root."""

ACCOUNT: Final[Mapping[str, str]] = {
    "get-status": "C-GET (0000,0900)",
    "get-remaining": "C-GET (0000,1020)",
    "get-completed": "C-GET (0000,1021)",
    "get-failed": "C-GET (0000,1022)",
    "get-warning": "C-GET (0000,1023)",
}
"""Columns about the end of a retrieval, the same in each row of it, and where each is reported."""

AS_ANSWERED: Final = "as answered"
"""The count of a retrieval is that of the stores that we answered so, or was left out."""


@dataclass(slots=True)
class FindProbe:
    """C-FIND of a PACS: arguments are keys by keyword, columns what is asked for.

    Args:
        name: in the profile and in sentences.
        role: whose data it shows.
        opens: makes the association.
        level: ``STUDY``, ``SERIES``, ``IMAGE``, ``PATIENT`` for the patient root, or ``WORKLIST``
            for a modality worklist.
        columns: keywords that are asked for; those of the step sequence for a worklist too.
        step_columns: keywords inside of the step sequence.
    """

    reach: ClassVar[str] = STORED
    """An archive says what it holds; what it sent on, or a person sees, it cannot say."""

    name: str
    role: str
    opens: Open
    level: str
    columns: Sequence[str]
    step_columns: Sequence[str] = ()

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once."""
        try:
            answers = self.answers(args)
            rows = [self._row(one) for one in answers if one.status in PENDING]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        if len(rows) > limits.PROBE_ROWS_MAX:
            return probe.Answer(outcome=Outcome.FAILED, error="too many answers")
        if not answers[-1].ok:
            return probe.Answer(outcome=Outcome.FAILED, error=answers[-1].shown)
        return probe.Answer(outcome=Outcome.OK, rows=rows)

    def answers(self, args: Mapping[str, str]) -> list[Answer]:
        """Every answer to the question, the final one last; of status -1 where none came.

        Raises:
            HarnessError: there is no association.
        """
        sop_class = _CLASSES.get(self.level, STUDY_FIND)
        request = Request(kind="C-FIND", sop_class=sop_class, syntax=EXPLICIT,
                          payload=payload_of(self._question(args), EXPLICIT))  # fmt: skip
        with self.opens([Offer(abstract=sop_class, syntaxes=[EXPLICIT])]) as link:
            return list(link.ask_all(request))

    def _question(self, args: Mapping[str, str]) -> DataSet:
        declares = args.get(CHARSET, "ISO_IR 192")
        asked = DataSet.of({"SpecificCharacterSet": declares} if declares else {})
        step = DataSet()
        for name in self.columns:
            asked.set(name, _key(args, name))
        for name in self.step_columns:
            step.set(name, _key(args, name))
        if self.level == "WORKLIST":
            asked.set(_STEP, [step])
        else:
            asked.set("QueryRetrieveLevel", self.level)
        return asked

    def _row(self, answer: Answer) -> Row:
        data = answer.data()
        row: Row = {name: shown(data, name, data.character_sets) for name in self.columns}
        steps = data.items(_STEP)
        if self.level == "WORKLIST":
            row["steps"] = str(len(steps))
        for name in self.step_columns:
            row[name] = shown(steps[0], name, data.character_sets) if steps else None
        row[CHARSET] = declared(data)
        return row

    def close(self) -> None:
        """Nothing is held."""


def _key(args: Mapping[str, str], name: str) -> str | bytes:
    """The value of a key; a text in the bytes that the arguments ask for."""
    value = args.get(name, "")
    codec = args.get(KEY_CODEC, "")
    return value.encode(codec) if codec and vr_of(tag_of(name)) in TEXTS else value


@dataclass(slots=True)
class UnreadableProbe:
    """C-FIND with a key that cannot be read as it is declared: one row about what came of it.

    A failure, no match, and whoever was asked for are all right (PS3.4 table C.4-1); an association
    that ends without a final answer is not, and somebody else is not. Who they are is not shown: at
    a site they are its patients.

    Args:
        name: in sentences.
        look: asks the question, for a ``PatientName``; ``PatientID`` is among its columns, too.
    """

    reach: ClassVar[str] = STORED
    """As of the look."""

    name: str
    look: FindProbe

    @property
    def role(self) -> str:
        """Whose data it shows."""
        return self.look.role

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Ask once: ``OWNER`` beside the arguments of the look."""
        try:
            *found, final = self.look.answers(args)
            each = [one.data() for one in found]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        asked = args["PatientName"].strip("*")
        # Who has the same name is who was asked for: a site has such patients.
        others = {one.text("PatientID") for one in each if asked not in one.text("PatientName")}
        others -= {args[OWNER]}
        told = [one for one in map(declared, each) if one != AS_DECLARED]
        row: Row = {
            OWNER: args[OWNER],
            "ending": ANSWERED if final.status >= 0 else final.shown,
            "others": f"{len(others)} others" if others else NOBODY,
            CHARSET: told[0] if told else AS_DECLARED,
        }
        return probe.Answer(outcome=Outcome.OK, rows=[row])

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class RetrieveProbe:
    """C-GET of a study: one row an instance, with its pixels and its header as hashes.

    Each row also says how the retrieval ended (``accounted``): instances that came do not prove
    that the archive gave all it has, where it says itself that it failed or counts others.

    Args:
        name: in sentences.
        role: whose data it shows.
        opens: makes the association.
        offers: storage classes and syntaxes that are taken.
        columns: keywords that are shown beside the hashes.
        sent: gives the object of an instance UID as it was sent, so that a header that differs can
            say in which elements; None for one that is not known.
    """

    reach: ClassVar[str] = STORED
    """An archive says what it holds; what it sent on, or a person sees, it cannot say."""

    name: str
    role: str
    opens: Open
    offers: Sequence[Offer]
    columns: Sequence[str] = ()
    sent: Callable[[str], DataSet | None] = lambda _: None

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: the study ``StudyInstanceUID``."""
        asked = DataSet.of({"QueryRetrieveLevel": "STUDY",
                            "StudyInstanceUID": args["StudyInstanceUID"]})  # fmt: skip
        request = Request(kind="C-GET", sop_class=STUDY_GET, syntax=EXPLICIT,
                          payload=payload_of(asked, EXPLICIT))  # fmt: skip
        came: list[Request] = []
        answered: list[int] = []

        def keep(one: Request) -> int:
            came.append(one)
            answered.append(0 if len(came) <= limits.PROBE_ROWS_MAX else 0xA700)
            return answered[-1]

        stores = [Offer(abstract=one.abstract, syntaxes=one.syntaxes, scp=True)
                  for one in self.offers]  # fmt: skip
        offers = [Offer(abstract=STUDY_GET, syntaxes=[EXPLICIT]), *stores]
        try:
            with self.opens(offers) as link:
                link.store = keep
                final = list(link.ask_all(request))[-1]
            rows = [self._row(one) for one in came]
        except (HarnessError, PeerError) as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        if final.status < 0:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=final.shown)
        ending = accounted(final, answered)
        return probe.Answer(outcome=Outcome.OK, rows=[{**row, **ending} for row in rows])

    def _row(self, request: Request) -> Row:
        data = request.data()
        row = fingerprint(data, self.sent(data.text("SOPInstanceUID")))
        row["syntax"] = request.syntax
        for name in self.columns:
            row[name] = shown(data, name, data.character_sets)
        return row

    def close(self) -> None:
        """Nothing is held."""


def accounted(final: Answer, answered: Sequence[int]) -> Row:
    """How a C-GET ended, beside the stores that it brought (PS3.4 §C.4.3.1.4, PS3.7 §9.1.3.1).

    A count may be left out of a final answer; what remains there has no place but after a cancel.

    Args:
        final: the final answer.
        answered: the status that each store got from us, in order.

    Returns:
        The columns of ``ACCOUNT``: the status, and each count as ``as answered``, or what it says
        and how many stores were answered so.
    """
    warned = sum(status >> 12 == _WARNING for status in answered)
    good = sum(status == 0 for status in answered)
    ours = {"get-remaining": 0, "get-completed": good, "get-failed": len(answered) - good - warned,
            "get-warning": warned}  # fmt: skip
    row: Row = {"get-status": final.shown}
    for (name, count), said in zip(ours.items(), final.counts, strict=True):
        row[name] = AS_ANSWERED if said in {None, count} else f"{said}, and we answered {count} so"
    return row


def shown(data: DataSet, key: Key, sets: Sequence[str]) -> str | None:
    """The text of an element; None where it is absent."""
    return data.text(key, sets) if key in data else None


AS_DECLARED: Final = "as declared"


def declared(data: DataSet) -> str:
    """``as declared``, or the first element whose bytes are no text of the declared set."""
    sets = data.character_sets
    for path, tag, vr, value in walk(data):
        if vr in TEXTS and isinstance(value, bytes):
            holder = DataSet({tag: (vr, value)})
            problems = holder.read(tag, sets).problems
            if problems:
                return f"{path}: {problems[0].text}"
    return AS_DECLARED


def _elements(data: DataSet) -> dict[str, bytes]:
    """Every element but bulk data, as what must be the same after a way through an archive."""
    found = {}
    for path, tag, vr, value in walk(data):
        raw = value if isinstance(value, bytes) else str(value).encode("utf-8")
        length = not tag & 0xFFFF  # of a group: it is of the encoding
        if tag not in _BULK and not length and tag != PADDING:
            found[path] = raw.rstrip(b"\0 ") if vr not in {"OB", "OW", "UN"} else raw
    return found


def fingerprint(data: DataSet, sent: DataSet | None = None) -> Row:
    """What must be the same after a way through an archive: pixels, and every other element.

    Args:
        data: what came back.
        sent: the same object as it was sent: headers that differ say in which elements.
    """
    bulk, header = hashlib.sha256(), hashlib.sha256()
    for _, tag, _, value in walk(data):
        if tag in _BULK:
            bulk.update(value if isinstance(value, bytes) else str(value).encode("utf-8"))
    elements = _elements(data)
    for path, raw in elements.items():
        header.update(path.encode("ascii") + b"=" + raw + b"\n")
    told = "" if sent is None else _told(_elements(sent), elements)
    return {
        "SOPInstanceUID": data.text("SOPInstanceUID"),
        "pixels": bulk.hexdigest()[:32],
        "header": f"{header.hexdigest()[:32]}{told}",
        "elements": str(len(elements)),
    }


TOLD_MAX: Final = 8
"""Elements that are named where headers differ; the trace has the object."""


def _told(sent: Mapping[str, bytes], came: Mapping[str, bytes]) -> str:
    """``: missing (0008,0050); changed (0010,0010)``, or nothing where they are equal."""
    ways = {
        "missing": [path for path in sent if path not in came],
        "added": [path for path in came if path not in sent],
        "changed": [path for path in sent if path in came and came[path] != sent[path]],
    }
    told = []
    for way, paths in ways.items():
        if paths:
            more = f" and {len(paths) - TOLD_MAX} more" if len(paths) > TOLD_MAX else ""
            told.append(f"{way} {' '.join(paths[:TOLD_MAX])}{more}")
    return f": {'; '.join(told)}" if told else ""
