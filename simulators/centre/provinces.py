"""What differs by province, as typed data: one TOML file each in ``fixtures/centre/provinces``.

Whatever rests on one source, or on none, is named in the table ``[confidence]`` of its file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import resources
from harness.errors import InputError, InputErrors
from harness.i18n import tr
from harness.profile_lines import Lines
from harness.wire.envelope import REQUIRED
from simulators.centre import schema
from simulators.centre.rules import Policy
from simulators.centre.schema_check import Mode

PROVINCE_BYTES_MAX: Final = 256 * 1024
"""A hundred times what the files that ship have."""


BEYOND: Final[Mapping[str, tuple[str, ...]]] = {
    "1312": ("med_list_codg",),
    "5203": (
        "maf_psn_flag", "begntime", "endtime", "ipt_otp_no", "atddr_no", "chfpdr_name",
        "adm_dept_codg", "adm_dept_name", "adm_bed", "dscg_way", "inhosp_stas",
        "hifdm_pay", "hosp_part_amt",
    ),
}  # fmt: skip
"""Fields that answers carry though their table does not list them: 5203 shows the visit as 5201
does, and the amounts that were added to 2207 and not to it (version log of 2022-11 and 2024-01)."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gateway(_Table):
    """What stands in front of the centre.

    ``family``: ``csb`` (HMAC-SHA1 over the headers), ``tif`` (SHA-256 over time and nonce),
    ``oauth2`` (bearer token) or ``none``. ``window_s``: how far a time stamp may be off.
    """

    family: Literal["csb", "tif", "oauth2", "none"] = "none"
    path: str = "/fsi/api/rsfComIfsService/callService"
    token_path: str = "/auth/oauth/token"  # noqa: S105 - a path
    window_s: float = Field(default=1800.0, gt=0)
    replay: Literal["refuse", "accept"] = "refuse"
    api_version: str = "1.0.0"
    access_key: str = "medharness-ak"
    secret_key: str = "medharness-sk"  # noqa: S105 - of the simulator, and no secret
    username: str = "medharness"
    password: str = "medharness"  # noqa: S105 - as above
    scope: str = "all"
    token_life_s: float = Field(default=7200.0, gt=0)


class Protection(_Table):
    """How payloads are signed and hidden: ``none``, ``sm4-input`` or ``sm2-members``.

    Keys are hexadecimal: private 64 characters, public 128. ``answers``: whether answers are
    protected as well.
    """

    family: Literal["none", "sm4-input", "sm2-members"] = "none"
    client_id: str = "medharness-client"
    hospital_private_key: str = ""
    hospital_public_key: str = ""
    centre_private_key: str = ""
    centre_public_key: str = ""
    answers: bool = False


class EnvelopeRules(_Table):
    """Representation of the envelope: renames, required members, codes, encoding of answers.

    ``numbers_as``, ``empty_as`` and ``rows_as`` say how answers write amounts, what is empty, and a
    node of one row.
    """

    renames: Mapping[str, str] = Field(default_factory=dict)
    required: tuple[str, ...] = REQUIRED
    input_as: Literal["object", "text"] = "object"
    infcode_as: Literal["number", "text"] = "number"
    infcode_failed: int = -1
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    numbers_as: Literal["number", "text"] = "number"
    empty_as: Literal["text", "null", "word"] = "text"
    rows_as: Literal["declared", "lists"] = "declared"
    division_code: str = Field(default="430000", pattern=r"\d{6}")


class Codes(_Table):
    """Code lists: values that the province adds (with meaning) or lacks."""

    added: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    removed: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Province(_Table):
    """One province's or city's centre."""

    format: Literal[1]
    name: str
    title: str
    specification: str = schema.CURRENT
    validation: Mode = Mode.SPEC
    sign_in: Literal["required", "optional"] = "optional"
    utc_offset_hours: int = Field(default=8, ge=-12, le=14)
    gateway: Gateway = Field(default_factory=Gateway)
    protection: Protection = Field(default_factory=Protection)
    envelope: EnvelopeRules = Field(default_factory=EnvelopeRules)
    codes: Codes = Field(default_factory=Codes)
    nodes: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """By transaction: the province's name of an input node to the baseline's."""
    fields: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """By transaction: the province's name of an input field to the baseline's."""
    beyond: Mapping[str, tuple[str, ...]] = Field(default_factory=lambda: dict(BEYOND))
    """By transaction: fields of answers that the specification does not list."""
    policy: Mapping[str, Any] = Field(default_factory=dict)
    texts: Mapping[str, str] = Field(default_factory=dict)
    confidence: Mapping[str, Literal["single source", "guess"]] = Field(default_factory=dict)

    def zone(self) -> timezone:
        """Civil time of the centre."""
        return timezone(timedelta(hours=self.utc_offset_hours))

    def books_policy(self) -> Policy:
        """What handlers need to know.

        Raises:
            ValueError: a value that no code knows.
            TypeError: a name that the policy does not have.
        """
        values = dict(self.policy)
        if "reversible" in values:
            values["reversible"] = frozenset(values["reversible"])
        for name in ("total_rslt",):
            if name in values:
                values[name] = tuple(values[name])
        return Policy(**values | {"lists": self.spec().code_lists})

    def spec(self) -> schema.Specification:
        """The specification with this province's code lists."""
        return schema.load_any(self.specification).with_codes(self.codes.added, self.codes.removed)


def names() -> list[str]:
    """Provinces that ship."""
    return sorted(path.stem for path in resources.fixture("centre", "provinces").glob("*.toml"))


def load_province(name: str, specification: str = "") -> Province:
    """A province that ships, by name, or one by the path of its file.

    Args:
        name: of the province, or its file.
        specification: version of the interface, or its file, in place of the province's own.

    Raises:
        InputError: there is no such province, or no such version.
        InputErrors: its file is wrong; each problem with its line.
    """
    path = Path(name) if name.endswith(".toml") else _shipped(name)
    try:
        data = path.read_bytes()[: PROVINCE_BYTES_MAX + 1]
        text = data.decode("utf-8-sig")
        raw = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            tr("this province cannot be read: {reason}", reason=error), where=str(path)
        ) from error
    if specification:
        raw["specification"] = specification
    try:
        province = Province.model_validate(raw)
    except ValidationError as error:
        lines = Lines(text)
        raise InputErrors(
            [
                InputError(
                    f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}",
                    where=f"{path}:{lines.of(one['loc'])}",
                )
                for one in error.errors()
            ]
        ) from error
    _check(province, path, Lines(text))
    return province


def _check(province: Province, path: Path, lines: Lines) -> None:
    problems: list[tuple[str, tuple[str, ...], str]] = []
    try:
        province.books_policy()
    except (TypeError, ValueError) as error:
        known = ", ".join(one.name for one in fields(Policy))
        problems.append((str(error), ("policy",), known))
    problems += [
        (tr("no such key: {key}", key=key), ("confidence", key), "")
        for key in province.confidence
        if not _has(province, key)
    ]
    if problems:
        raise InputErrors(
            [
                InputError(message, where=f"{path}:{lines.of(loc)}", remedy=remedy)
                for message, loc, remedy in problems
            ]
        )


def _has(province: Province, key: str) -> bool:
    value: Any = province
    for part in key.split("."):
        if isinstance(value, BaseModel):
            if part not in type(value).model_fields:
                return False
            value = getattr(value, part)
        elif isinstance(value, Mapping):
            if part not in value:
                return False
            value = value[part]
        else:
            return False
    return True


def _shipped(name: str) -> Path:
    if name not in names():
        raise InputError(tr("no province {name}", name=name), remedy=", ".join(names()))
    return resources.fixture("centre", "provinces", f"{name}.toml")
