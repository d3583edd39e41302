"""Whose identity a payload carries: only that of people who are ours.

Which fields are looked at stands in ``harness/identity_readers.py``; beyond them an identity card
number whose check digit holds is found anywhere in a payload.

Not looked at: specimen ids in HL7 (OBR-3, SPM-2), visit numbers (PV1-19), free text in NTE, OBX and
C records beyond identity card numbers, and pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from harness.errors import PermitError
from harness.i18n import tr
from harness.identity_readers import READERS, Claim, Reader
from harness.model import Person
from harness.people import check_character, is_barcode, is_generated

DECODINGS = ("utf-8", "gb18030")
"""Character sets tried in turn; a payload passes where one of them shows only our people, since a
wrong one does not turn a stranger's name into ours."""

_ID_CARD = re.compile(r"(?<![0-9A-Za-z.])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z.])")


class IdentityGuard:
    r"""Knows who is ours, and refuses a payload that speaks of anybody else.

    Args:
        people: generated people and test subjects to start with.
        subjects: the signed test subjects of the profile; only they and generated people are let
            in.
        readers: how each protocol's claims are found.

    Example:
        >>> from harness.people import generate
        >>> guard = IdentityGuard([generate(1, 0)])
        >>> guard.check("hl7", b"MSH|^~\\&|A\rPID|1||||Lei Feng\r")
        Traceback (most recent call last):
        harness.errors.PermitError: PID-5...
    """

    def __init__(
        self,
        people: Iterable[Person] = (),
        *,
        subjects: Iterable[Person] = (),
        readers: Mapping[str, Reader] | None = None,
    ) -> None:
        self._subjects = frozenset(subjects)
        self._readers = READERS if readers is None else readers
        self._texts: set[str] = set()
        self._births: set[str] = set()
        self._specimens: set[str] = set()
        for person in people:
            self.allow(person)

    def allow(self, person: Person) -> None:
        """Let a person's identity through.

        Raises:
            PermitError: the person is neither generated nor a signed test subject.
        """
        if not is_generated(person) and person not in self._subjects:
            raise PermitError(
                tr("this person is neither generated nor in the signed list of test patients"),
                where=person.patient_id[:4] + "…",
                remedy=tr("generate people, or list and sign test patients in the profile"),
            )
        texts = {person.patient_id, person.name, person.id_card}
        self._texts |= {_folded(text) for text in texts if text}
        self._births.add(person.birth)

    def confirm(self, person: Person) -> None:
        """Let a number through that the system under test gave to one of our people.

        Only the number may be new: name, birth date and card must be those of somebody who was let
        in before.

        Raises:
            PermitError: this is somebody else.
        """
        known = {_folded(text) for text in (person.name, person.id_card) if text}
        if not known <= self._texts or person.birth not in self._births:
            raise PermitError(
                tr("a number was captured for somebody who is not ours"),
                where=person.patient_id[:4] + "…",
                remedy=tr("look whom the card was carried out for"),
            )
        self._texts.add(_folded(person.patient_id))

    def confirm_specimen(self, barcode: str) -> None:
        """Let a specimen id through that a confirmed operator step captured."""
        self._specimens.add(barcode)

    def allow_specimen(self, barcode: str) -> None:
        """Let a specimen id through.

        Raises:
            PermitError: it lies outside the reserved namespaces.
        """
        if not is_barcode(barcode):
            raise PermitError(
                tr("the specimen id {barcode} is not from a reserved namespace", barcode=barcode),
                remedy=tr("let the harness make specimen ids"),
            )
        self._specimens.add(barcode)

    def check(self, protocol: str, payload: bytes) -> None:
        """Pass a payload that speaks only of our people, or of nobody.

        Args:
            protocol: ``hl7`` (or ``mllp``) or ``astm``.
            payload: one message without framing.

        Raises:
            PermitError: it carries somebody else's identity, or cannot be read.
        """
        reader = self._readers.get(protocol)
        if reader is None:
            raise PermitError(
                tr("nobody can tell whose identity a payload of {protocol} carries",
                   protocol=protocol),
                remedy=tr("use one of: {known}", known=", ".join(sorted(self._readers))),
            )  # fmt: skip
        refused: Claim | None = None
        read = False
        for encoding in DECODINGS:
            try:
                text = payload.decode(encoding)
            except UnicodeDecodeError:
                continue
            read = True
            foreign = next((one for one in _claims(reader, text) if not self._ours(one)), None)
            if foreign is None:
                return
            refused = refused or foreign
        if not read or refused is None:
            raise PermitError(tr("the payload is neither UTF-8 nor GB 18030, so nobody can tell"
                                 " whose identity it carries"))  # fmt: skip
        raise PermitError(
            tr("{place} carries an identity that is not ours", place=refused.place),
            where=refused.place,
            remedy=tr("take identities from generated people or signed test patients only"),
        )

    def _ours(self, claim: Claim) -> bool:
        match claim.kind:
            case "birth":
                # A birth date may be given with less precision (HL7 2.5.1 §2.A.22) or with a time.
                digits = claim.value[:8]
                return len(digits) in {4, 6, 8} and any(
                    birth.startswith(digits) for birth in self._births
                )
            case "specimen":
                return claim.value in self._specimens
        return _folded(claim.value) in self._texts


def _folded(text: str) -> str:
    """A name written as family and given name is still the name; letters of a card may be small."""
    return re.sub(r"\s+", "", text).upper()


def _claims(reader: Reader, text: str) -> Iterator[Claim]:
    yield from reader(text)
    for match in _ID_CARD.finditer(text):
        number = match[0].upper()
        if 1 <= int(number[10:12]) <= 12 and check_character(number[:17]) == number[17]:
            yield Claim(place=tr("an identity card number in the text"), kind="card", value=number)
