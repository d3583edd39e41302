"""A page that is to leave the house is searched for every personal value of its traces."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import input_files
from harness.errors import HarnessError, InputError
from harness.evidence import trace
from harness.i18n import tr
from harness.model import Person
from harness.profile import Profile, load_profile
from harness.report import hide, personal
from harness.report.mask import Mask
from harness.subjects import read_subjects

SPACED_MIN: Final = 3
"""Characters that are not ASCII, of a name that is also looked for with blanks left out; a shorter
one would be found in two words that stand side by side."""

CODECS: Final = ("utf-8", "gb18030")
"""In which a name may stand in a hex dump."""

_SIGNS: Final = re.compile(r"[\^=&~]")
"""Between the parts of a name."""

_DUMP: Final = re.compile(r"(?:^|>)([0-9a-f]{6})  ((?:[0-9a-f]{2} {1,2}){1,16})", re.MULTILINE)
"""A line of ``decode.hex_dump``: offset and bytes."""


def check(folder: Path, subjects: Iterable[Person] = ()) -> None:
    """Refuse a page that still shows who somebody is; the page is removed.

    What is looked for comes from the mask and, apart from it, from ``personal.py``.

    Args:
        folder: of the run.
        subjects: the signed test patients: real people, whom no message need have named.

    Raises:
        InputError: it does; says how many values, and of what record.
    """
    path = folder / "report.html"
    page = _Page.of(html.unescape(path.read_text(encoding="utf-8")))
    signed = [one for one in personal.of_people(subjects) if page.shows(one)]
    _refuse(path, signed, tr("the list of test patients"))
    for one in sorted((folder / "traces").glob("*.jsonl")):
        try:
            sealed = trace.read(one)
        except InputError:  # what it would have told can be on the page all the same
            _refuse(path, [], one.name, unknown=True)
            raise
        try:
            mask = Mask.of(sealed.records)
            wanted = {*mask.values, *personal.values(sealed.records)}
        except (LookupError, TypeError, ValueError, AttributeError):
            if not sealed.sealed:  # somebody edited it: nobody knows whom it was about
                _refuse(path, [], one.name, unknown=True)
            raise
        found = {value for value in wanted if page.shows(value)}
        _refuse(path, found, one.name, unknown=mask.whole)


def _refuse(path: Path, found: Collection[str], of: str, *, unknown: bool = False) -> None:
    if not found and not unknown:
        return
    path.unlink()
    (path.parent / "evidence.zip").unlink(missing_ok=True)
    raise InputError(
        tr("the page still shows {count} personal values of {trace}; it was removed",
           count=len(found) or "?", trace=of),
        where=str(path),
        remedy=tr("give the house the page of --for internal, and nobody else any"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Page:
    """A page in every way that a reader can take it.

    Attributes:
        plain: as it is.
        joined: without the signs between the parts of a name.
        spaced: without blanks, too.
            codes: in small letters, as hexadecimal escapes are compared.
        digits: without what people write between digits.
        dumps: the bytes of its hex dumps.
    """

    plain: str
    joined: str
    spaced: str
    codes: str
    digits: str
    dumps: bytes

    @classmethod
    def of(cls, text: str) -> _Page:
        """Of the text of a page, its entities resolved."""
        joined = _SIGNS.sub("", text)
        dumps = bytearray()
        for line in _DUMP.finditer(text):
            # A name may be cut by the end of a line, and none goes on from one dump to the next.
            dumps += (b"\n" if line[1] == "000000" else b"") + bytes.fromhex(line[2])
        spaced = re.sub(r"[ \t\u3000]", "", joined)
        digits = re.sub(r"(?<=\d)[ .\-](?=[\dXx])", "", text)
        return cls(text, joined, spaced, text.lower(), digits, bytes(dumps))

    def shows(self, value: str) -> bool:
        """Whether a personal value can be read there.

        A word that this program's own texts say tells nobody who somebody is.
        """
        if hide.ordinary(value):
            return False
        if value.isascii():
            return any(self._shows_ascii(one) for one in {value, value.upper(), value.lower()})
        bare = _SIGNS.sub("", value)
        if value in self.plain or bare in self.joined:
            return True
        if any(value.encode(codec, "backslashreplace") in self.dumps for codec in CODECS):
            return True
        escaped = ("".join(form.format(ord(sign)) for sign in value)
                   for form in ("\\u{:04x}", "&#x{:x};", "&#{};"))  # fmt: skip
        if any(one in self.codes or one.encode() in self.dumps.lower() for one in escaped):
            return True
        bare = re.sub(r"\s", "", bare)
        return sum(not one.isascii() for one in bare) >= SPACED_MIN and bare in self.spaced

    def _shows_ascii(self, value: str) -> bool:
        """As a word of its own: short names stand in the middle of many words.

        A card or a mobile phone also with separators, a prefix, or 86 before it.
        """
        if personal.NUMBER.fullmatch(value) and value in self.digits:
            return True
        word = rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])"
        if re.search(word, self.joined) or re.search(word, self.plain):
            return True
        return re.search(word.encode(), self.dumps) is not None


def signed_of(folder: Path, name: str = "") -> tuple[Person, ...] | None:
    """The signed test patients of the profile that a run used.

    Args:
        folder: of the run.
        name: the profile; where empty the one that the run names, if it is still as it was.

    Returns:
        None where nobody can tell which profile it was.

    Raises:
        InputError: the profile that was named, or the list, cannot be used.
    """
    profile = load_profile(name) if name else _profile_of(folder)
    if profile is None:
        return None
    signed = profile.test_subjects
    return () if signed is None else read_subjects(profile.file(signed.list), signed.sha256)


def _profile_of(folder: Path) -> Profile | None:
    path = folder / "plan.json"
    try:
        plan = input_files.json_of(path if path.is_file() else folder / "run.json")
        words = plan["command"]
        words = shlex.split(words) if isinstance(words, str) else list(words)
        profile = load_profile(words[words.index("--profile") + 1])
        return profile if profile.hash == plan["profile"]["hash"] else None
    except (OSError, ValueError, KeyError, TypeError, IndexError, HarnessError):
        return None
