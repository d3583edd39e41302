"""Whose identity a payload carries: only that of people who are ours.

Which fields are looked at stands in ``harness/identity_readers.py``; beyond them an identity card
number whose check digit holds is found anywhere in a payload.

Not looked at: specimen ids in HL7 (OBR-3, SPM-2), visit numbers (PV1-19), free text in NTE, OBX and
C records beyond identity card numbers, and pictures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from harness.errors import PermitError
from harness.i18n import tr
from harness.identity_insurance import HOLDER, READS_CARD, insurance_claims
from harness.identity_readers import READERS, Claim, Reader
from harness.model import Person
from harness.people import check_character, is_barcode, is_generated

DECODINGS = ("utf-8", "gb18030")
"""Character sets tried in turn; a payload passes where one of them shows only our people, since a
wrong one does not turn a stranger's name into ours."""

ALL_READERS: Mapping[str, Reader] = {
    **READERS, "http": insurance_claims, "soap": insurance_claims,
}  # fmt: skip
"""Beside the devices' protocols, what is said to the insurance centre."""

NAMED = frozenset({"PID-5", "P.6", "psn_name", "certno", "patn_name"})
"""Places by which a person is known, whatever number a system gives."""

MINTED = frozenset({"PID-2", "PID-3", "PID-4", "PID-18", "P.3", "P.4", "P.5", "patn_id"})
"""Places of numbers that a system gives itself."""

CONTACTS = frozenset({"PID-11", "PID-13", "PID-14", "NK1-2", "NK1-4", "NK1-5", "PID-6", "PID-21"})
"""Places of what belongs to a person without telling who it is."""

_STAFF = re.compile(
    r"(?:phar|prsc_dr|prac_psn|dr)_?cert_?no\W{1,12}[1-9][0-9]{16}[0-9Xx]", re.IGNORECASE
)
"""A physician or pharmacist in a body of the insurance: no patient, whoever it is."""

_DIGITS = re.compile(r"[1-9][0-9]{16}[0-9Xx]")
"""Where no run of these characters stands, there is no number of anybody."""

ID_CARD_CHARS = 18
"""Of an identity card number (GB 11643)."""

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
        self._readers = ALL_READERS if readers is None else readers
        self._texts: set[str] = set()
        self._births: set[str] = set()
        self._specimens: set[str] = set()
        self._shown: set[str] = set()
        self._armed: set[str] = set()
        self._armed_cards: set[str] = set()
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

    def expect_unknown(self, terminal: str) -> None:
        """The next card or code from this terminal that nobody knows is one of our people.

        Once: that card stays ours, and where the message asks who holds it (1101), what it says of
        its holder is no stranger's either. Another unknown card is one again.
        """
        self._armed.add(_folded(terminal))

    def confirm_shown(self, value: str) -> None:
        """Let a card or code through that a system of ours gave out."""
        self._shown.add(_folded(value))

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

    def check(
        self, protocol: str, payload: bytes, *, theirs: bool = False, mints: bool = False
    ) -> None:
        """Pass a payload that speaks only of our people, or of nobody.

        Args:
            protocol: ``hl7`` (or ``mllp``), ``astm``, ``http`` ...: one that has a reader.
            payload: one message without framing.
            theirs: a real system sends it: what it knows beside the name or identity card of
                somebody of ours (telephone, next of kin) is no other person.
            mints: that system gives numbers of its own, so a new one is let through there, too.

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
            claims = list(_claims(reader, text))
            loose = self._loose(claims, theirs=theirs, mints=mints)
            foreign = next((one for one in claims if not self._ours(one) and not loose(one)), None)
            if foreign is None:
                self._take_in(claims)
                return
            refused = refused or foreign
        if not read or refused is None:
            raise PermitError(tr("the payload is neither UTF-8 nor GB 18030, so nobody can tell"
                                 " whose identity it carries"))  # fmt: skip
        raise _stranger(refused)

    def check_claims(self, claims: Iterable[Claim]) -> None:
        """Pass claims that were read elsewhere, such as those of a data set.

        Raises:
            PermitError: one of them is about somebody else.
        """
        foreign = next((one for one in claims if not self._ours(one)), None)
        if foreign is not None:
            raise _stranger(foreign)

    def _loose(
        self, claims: Sequence[Claim], *, theirs: bool, mints: bool
    ) -> Callable[[Claim], bool]:
        """What need not be ours in a message that otherwise is."""
        named = theirs and any(one.place in NAMED and self._ours(one) for one in claims)
        places = (CONTACTS | MINTED if mints else CONTACTS) if named else frozenset()
        kinds = {"specimen"} if named and mints else set()
        read = self._read(claims)
        return lambda one: (
            one.place in places
            or one.kind in kinds
            or (one.kind in {"shown", "card"} and _folded(one.value) in read)
            or (one.kind in {"text", "birth"} and (one.place.lower(), one.value) in read)
        )

    def _read(self, claims: Sequence[Claim]) -> set[str | tuple[str, str]]:
        """What an armed terminal read off a card: values shown, and of 1101 what names its holder.

        A number of an insured person (``psn_no``) stands on no card.
        """
        shown = {_folded(one.value) for one in claims if one.kind == "shown"}
        at = {_folded(one.value) for one in claims if one.kind == "terminal"}
        if not shown or not (at & self._armed or shown & self._armed_cards):
            return set()
        if not any(one.kind == "asked" and one.value == READS_CARD for one in claims):
            return {*shown}
        holder = {(one.place.lower(), one.value) for one in claims if one.place.lower() in HOLDER}
        return {*shown, *holder, *(_folded(value) for _, value in holder)}

    def _take_in(self, claims: Sequence[Claim]) -> None:
        """A card that was let in stays known; an arming that it used is over."""
        shown = {_folded(one.value) for one in claims if one.kind == "shown"}
        at = {_folded(one.value) for one in claims if one.kind == "terminal"} & self._armed
        unknown = shown - self._shown - self._texts
        if at and unknown:
            self._armed -= at
            self._armed_cards |= shown
        self._shown |= shown

    def learn(self, protocol: str, payload: bytes) -> None:
        """Take in the codes that a system of ours gives out: its callers show them again."""
        reader = self._readers.get(protocol)
        if reader is None:
            return
        for claim in reader(payload.decode("utf-8", "replace")):
            if claim.kind == "shown":
                self.confirm_shown(claim.value)

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
            case "terminal" | "asked":
                return True
            case "shown":
                return _folded(claim.value) in self._shown | self._texts
        return _folded(claim.value) in self._texts


def _stranger(claim: Claim) -> PermitError:
    """It says where, never who."""
    return PermitError(
        tr("{place} carries an identity that is not ours", place=claim.place),
        where=claim.place,
        remedy=tr("take identities from generated people or signed test patients only"),
    )


def _folded(text: str) -> str:
    """A name written as family and given name is still the name; letters of a card may be small."""
    return re.sub(r"\s+", "", text).upper()


def card_numbers(text: str) -> Iterator[str]:
    """Identity card numbers in a text, those of physicians and pharmacists left out."""
    if _DIGITS.search(text) is None:
        return  # most payloads, some of them twenty megabytes
    for match in _ID_CARD.finditer(_STAFF.sub(" ", text)):
        number = match[0].upper()
        if 1 <= int(number[10:12]) <= 12 and check_character(number[:17]) == number[17]:
            yield number


def _claims(reader: Reader, text: str) -> Iterator[Claim]:
    yield from reader(text)
    for number in card_numbers(text):
        yield Claim(place=tr("an identity card number in the text"), kind="card", value=number)
