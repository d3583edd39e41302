"""The sheet of a fingerprint: the message, and which token stands in which of its leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from harness import input_files, output_files
from harness.errors import InputError
from harness.fingerprint.tokens import Token
from harness.i18n import tr

FORMAT: Final = 1
"""Of the JSON files of this room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What was filled into one message.

    Attributes:
        type: such as ``ORU^R01``.
        version: such as ``2.4``.
        seed: of the tokens.
        control_id: MSH-10 of the message.
        tokens: in the order of the message.
    """

    type: str
    version: str
    seed: int
    control_id: str
    tokens: Sequence[Token]

    @property
    def searched(self) -> tuple[Token, ...]:
        """Tokens that can be told apart."""
        return tuple(token for token in self.tokens if not token.shared)

    def data(self) -> dict[str, Any]:
        """As plain values."""
        head = {name: getattr(self, name) for name in ("type", "version", "seed", "control_id")}
        return {
            "format": FORMAT,
            "kind": "fingerprint sheet",
            **head,
            "tokens": [asdict(one) for one in self.tokens],
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read back what ``data()`` wrote."""
        return cls(
            type=data["type"],
            version=data["version"],
            seed=data["seed"],
            control_id=data["control_id"],
            tokens=tuple(Token(**one) for one in data["tokens"]),
        )


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """One file, readable by people: two blanks a level, Chinese as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    output_files.write_json(path, data, indent=2)


def read_json(path: Path, kind: str) -> dict[str, Any]:
    """Read a file of this room.

    Raises:
        InputError: it is not there, is no JSON, or is of another kind or format.
    """
    data = input_files.json_of(path)
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise InputError(tr("this is no {kind}", kind=kind), where=str(path))
    if data.get("format") != FORMAT:
        raise InputError(
            tr("format {found} is not known; this program reads {known}",
               found=data.get("format"), known=FORMAT),
            where=str(path),
        )  # fmt: skip
    return data


def read_sheet(path: Path) -> Sheet:
    """The sheet that ``medharness fingerprint make`` wrote.

    Raises:
        InputError: it cannot be used.
    """
    data = read_json(path, "fingerprint sheet")
    try:
        return Sheet.of(data)
    except (KeyError, TypeError) as error:
        raise InputError(tr("cannot be read: {why}", why=error), where=str(path)) from error
