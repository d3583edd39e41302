"""What a DIMSE message is about, and its data set as a tree: for taking, playing and minimising.

Messages of one examination are tied by what the standard has for it: accession number, study, step,
instance, transaction (PS3.4 annexes B, F, J, K). The answers to one query are those of many
examinations: the query belongs to each of them, and not they to one another.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from harness.cases import dicom_cancel
from harness.errors import PeerError
from harness.evidence.correlate import Summary
from harness.link.dicom_data import CHARACTER_SET, DEFLATED, TEXTS, deflate, inflate, tag_of, vr_of
from harness.wire import dicom_command, dicom_text
from harness.wire.dicom_box import Boxed, decode
from harness.wire.dicom_tree import Node, Tree, parse

WELL_KNOWN: Final = "1.2.840.10008."
"""Root of the standard's own UIDs: they name classes and syntaxes, and nobody's examination."""

_KEYS: Final = {
    tag_of("PatientID"): "patient",
    tag_of("AccessionNumber"): "accession",
    tag_of("StudyInstanceUID"): "study",
    tag_of("ScheduledProcedureStepID"): "step",
    tag_of("TransactionUID"): "transaction",
    tag_of("ReferencedSOPInstanceUID"): "sop",
}
"""Element, at any depth, and which key it is: the first that says something wins."""

KEYS: Final = ("accession", "study", "step", "sop", "transaction")
"""What two messages of one examination have in common."""

_NUMBERS: Final = {
    vr: struct.Struct(form)
    for vr, form in (("US", "<H"), ("SS", "<h"), ("UL", "<I"), ("SL", "<i"), ("FL", "<f"),
                     ("FD", "<d"))
}  # fmt: skip

STATUS: Final = "status"
"""Place of the status of an answer."""

BULK: Final = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})
_PLACE: Final = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)")
_WILD: Final = re.compile(r"[*?]")
_IPC: Final = re.compile(rb"[\r\n]IPC([^\w\s])([^\r\n]*)")
_ZDS: Final = re.compile(rb"[\r\n]ZDS([^\w\s])([^\r\n]*)")
_IPC_KEYS: Final = ("accession", "", "study", "step")


@dataclass(slots=True)
class Opened:
    """A message that can be looked into, and changed.

    Attributes:
        box: the message.
        tree: its data set, inflated where it came deflated.
        deflated: it did.
    """

    box: Boxed
    tree: Tree
    deflated: bool = False

    def encode(self) -> bytes:
        """The message with what stands in it now."""
        body = self.tree.encode()
        return replace(self.box, body=deflate(body) if self.deflated else body).encode()

    def sets(self, node: Tree) -> list[str]:
        """Character sets that hold in a data set of it."""
        return character_sets(node) or character_sets(self.tree)

    def texts(self, tag: int) -> Iterator[str]:
        """Every value of an element, at any depth."""
        for node, tree, _ in self.tree.walk():
            if node.tag == tag:
                yield text_of(node, self.sets(tree))


def opened(payload: bytes, *, whole: bool = True) -> Opened:
    """Look into a message.

    Args:
        payload: the message as a file.
        whole: its request for an association, too; without it nothing can be written again.

    Raises:
        ValueError: it is none.
    """
    box = decode(payload, whole=whole)
    body = box.body
    deflated = box.syntax == DEFLATED
    if deflated and body:
        try:
            body = inflate(body)
        except PeerError:  # it stays as it is, unread
            return Opened(box, Tree(rest=body))
    return Opened(box, parse(body, vr_of, explicit=box.explicit), deflated and bool(body))


def character_sets(tree: Tree) -> list[str]:
    """Values of (0008,0005); none where there are none."""
    node = tree.find(CHARACTER_SET)
    text = node.value.decode("ascii", "replace").strip(" \0") if node else ""
    return [one.strip() for one in text.split("\\")] if text else []


def text_of(node: Node, sets: list[str]) -> str:
    """An element as text, without padding; of numbers each, as in a list of texts."""
    form = _NUMBERS.get(node.vr)
    if form is not None:
        whole = node.value[: len(node.value) - len(node.value) % form.size]
        return "\\".join(str(one[0]) for one in form.iter_unpack(whole))
    return dicom_text.decode(node.value, sets if node.vr in TEXTS else [], node.vr).value


def summary(payload: bytes) -> Summary:
    """Kind, id and keys of a message; its id is that of the message in its association."""
    found = opened(payload, whole=False)
    box = found.box
    corr: dict[str, str] = {}
    for node, _, _ in found.tree.walk():
        key = _KEYS.get(node.tag, "")
        value = node.value.decode("latin-1").strip(" \0") if key and key not in corr else ""
        if value and not _WILD.search(value) and not value.startswith(WELL_KNOWN):
            corr[key] = value
    if box.instance and not box.instance.startswith(WELL_KNOWN):
        corr["sop"] = box.instance
    number = box.text(dicom_command.RESPONDED_TO if box.is_answer else dicom_command.MESSAGE_ID)
    ident = f"{box.association}/{number or 0}"
    ended = dicom_cancel.about(box)
    if ended:  # it is about the request that it ends, and nobody answers it
        return Summary(type=box.kind, id="", corr=corr | {"acknowledges": ended})
    if box.is_answer:
        return Summary(type=box.kind, id="", corr=corr | {"acknowledges": ident})
    return Summary(type=box.kind, id=ident, corr=corr)


def values(payload: bytes, place: str) -> list[str]:
    """Everything that stands at a place of a message.

    Args:
        payload: the message.
        place: ``status``; or keywords or tags, from wherever the path begins:
            ``PatientName``, ``(0010,0010)``, ``ScheduledProcedureStepSequence.Modality``. Of pixels
            and other bulk the first sixteen digits of their SHA-256.

    Raises:
        InputError: the dictionary has no such keyword.
    """
    found = opened(payload)
    if place == STATUS:
        status = found.box.command.get(dicom_command.STATUS)
        return [f"{status:04X}"] if isinstance(status, int) else []
    wanted = [_tag(name) for name in re.split(r"\.(?![^(]*\))", place)]
    return list(_at(found, found.tree, (), wanted))


def digests(payload: bytes) -> list[str]:
    """Of every value of bulk, in the order of the data set: what ``values`` says of such places."""
    return [
        _digest(node)
        for node, _, _ in opened(payload).tree.walk()
        if node.vr in BULK and not node.items
    ]


def _digest(node: Node) -> str:
    return hashlib.sha256(node.value).hexdigest()[:16]


def tag(name: str) -> int:
    """Of a keyword or ``(gggg,eeee)``; the last of a path.

    Raises:
        InputError: the dictionary has no such keyword.
    """
    return _tag(re.split(r"\.(?![^(]*\))", name)[-1])


def _tag(name: str) -> int:
    match = _PLACE.fullmatch(name)
    return int(match[1] + match[2], 16) if match else tag_of(name)


def _at(found: Opened, tree: Tree, above: tuple[int, ...], wanted: list[int]) -> Iterator[str]:
    for node in tree.nodes:
        path = (*above, node.tag)
        if list(path[-len(wanted) :]) == wanted and not node.items:
            if node.vr in BULK:
                yield _digest(node)
            else:
                yield text_of(node, found.sets(tree))
        for item in node.items:
            yield from _at(found, item.tree, path, wanted)


def is_match(kind: str) -> bool:
    """Whether a message is one of the answers to a query: a matter of its own."""
    return kind.startswith("C-FIND-RSP^FF")


def of_order(payload: bytes) -> dict[str, str]:
    """What an imaging order of HL7 is about beside its numbers: IPC (HL7 2.5.1 §4.5.6), ZDS."""
    found: dict[str, str] = {}
    if b"IPC" not in payload and b"ZDS" not in payload:
        return found
    order, study = _IPC.search(payload), _ZDS.search(payload)
    if order is not None:
        for key, field in zip(_IPC_KEYS, order[2].split(order[1]), strict=False):
            value = field.partition(b"^")[0].decode("latin-1")
            if key and value:
                found[key] = value
    if study is not None and study[2].partition(b"^")[0]:
        found.setdefault("study", study[2].partition(b"^")[0].decode("latin-1"))
    return found
