"""Analyzer models: what an instrument is, as data in ``fixtures/analyzers``.

A model file is TOML; ``docs/reference`` and the comments of the shipped files say what each key
means. Four families share the head of the file; each has its own sections below it:

* ``astm``: LIS01-A2 frames, LIS02-A2 records (``model_astm.py``),
* ``hl7``, ``framed``, ``poct1a``: one section of that name, read by its own module.
"""

from __future__ import annotations

import codecs
import importlib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from harness import resources
from harness.errors import InputError
from harness.i18n import tr
from harness.wire.astm_link import AstmLinkConfig, CutPolicy
from simulators.analyzer.model_astm import (
    HostQuery,
    Kind,
    Mark,
    Orders,
    Overrides,
    Query,
    Records,
    Values,
)
from simulators.analyzer.model_base import Part
from simulators.analyzer.model_check import check_holes, problems
from simulators.analyzer.model_link import Link, Transport

MODEL_BYTES_MAX: Final = 256 * 1024
"""The longest shipped file has 5 KiB; a site's channel table adds some thousand lines at most."""

MODELS_KEPT: Final = 128
"""More than ship; a model never changes, and a file that was changed is read as another one."""

Family = Literal["astm", "hl7", "framed", "poct1a"]

SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "hl7": ("simulators.analyzer.model_hl7", "Hl7Section"),
    "framed": ("simulators.analyzer.model_framed", "FramedSection"),
    "poct1a": ("simulators.analyzer.model_poct1a", "Poct1aSection"),
}
"""Module and class of the section of each other family; imported when a file needs it."""

KINDS: Final[dict[str, Overrides]] = {
    "patient": {},
    "quality-control": {"action": "Q"},
    "calibration": {"action": "Q"},
    "background": {},
}
"""Values that the standard's records have for each kind of specimen (LIS02-A2 §8.12)."""

MARKS: Final[dict[str, Overrides]] = {
    "first": {},
    "resent": {"status": "R"},
    "rerun": {},
    "corrected": {"status": "C", "report": "C"},
}
"""Values for each reason to send (LIS02-A2 §8.26, §9.9)."""


class AnalyzerModel(Part):
    """One analyzer model.

    Attributes:
        name: file name without ending.
        family: which protocol family, and so which sections are read.
        vendor: who makes the instrument.
        instrument: what it is.
        source: where the facts come from, and which of them are guesses.
        sender: ``{sender}``, how the LIS driver recognises the instrument.
        version: ``{version}``.
        encoding: agreed with the LIS out of band.
        repeats: whole-message repeats after a failure.
        constants: further values of holes, such as a serial number or a password.
        transport: how it is reached.
        link: LIS01-A2 dialect.
        records: LIS02-A2 dialect.
        values: how values are written.
        kinds: values that each kind of specimen replaces.
        marks: values that each reason to send replaces.
        query: how it asks for orders; None for an instrument that never asks.
        orders: how it reads orders; None for one that takes none.
        host_query: how it answers a host that asks for results; None for one that does not.
        hl7: section of the family ``hl7``.
        framed: section of the family ``framed``.
        poct1a: section of the family ``poct1a``.
    """

    name: str = Field(min_length=1)
    family: Family = "astm"
    vendor: str = ""
    instrument: str = ""
    source: str = ""
    sender: str = ""
    version: str = ""
    encoding: str = "ascii"
    repeats: int = Field(default=3, ge=0, le=100)
    constants: Overrides = Field(default_factory=dict)
    transport: Transport = Transport()
    link: Link = Link()
    records: Records = Records()
    values: Values = Values()
    kinds: dict[Kind, Overrides] = Field(default_factory=dict)
    marks: dict[Mark, Overrides] = Field(default_factory=dict)
    query: Query | None = None
    orders: Orders | None = None
    host_query: HostQuery | None = None
    hl7: Any = None
    framed: Any = None
    poct1a: Any = None

    @field_validator("encoding")
    @classmethod
    def _codec(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError:
            raise ValueError(tr("no character set {name}", name=name)) from None
        return name

    @field_validator(*SECTIONS, mode="before")
    @classmethod
    def _section(cls, raw: Any, info: Any) -> Any:
        """Read the section of another family by its own module."""
        if raw is None or isinstance(raw, BaseModel):
            return raw
        module, name = SECTIONS[info.field_name]
        section: type[BaseModel] = getattr(importlib.import_module(module), name)
        return section.model_validate(raw)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.family != "astm" and getattr(self, self.family) is None:
            raise ValueError(tr("the section [{family}] is missing", family=self.family))
        if self.query is not None and self.orders is None:
            raise ValueError(tr("an instrument that asks must read the answer: add [orders]"))
        check_holes(self)
        return self

    @property
    def cut(self) -> CutPolicy:
        """How records are cut into frames."""
        return self.link.cut

    @property
    def records_version(self) -> str:
        """H.13."""
        return self.records.version

    def link_config(self) -> AstmLinkConfig:
        """The instrument's side of the link."""
        return self.link.config(self.records.end)

    def of_kind(self, kind: Kind) -> Overrides:
        """Values that a kind of specimen replaces; the file's go over the standard's."""
        return KINDS[kind] | self.kinds.get(kind, {})

    def of_mark(self, mark: Mark) -> Overrides:
        """Values that a reason to send replaces."""
        return MARKS[mark] | self.marks.get(mark, {})


def known_models() -> list[str]:
    """Names of the models that ship."""
    return sorted(path.stem for path in resources.fixture("analyzers").glob("*.toml"))


def load_model(name: str) -> AnalyzerModel:
    """A model that ships, by name, or one by path.

    Raises:
        InputError: there is no such model, or its file is not one; everything that is wrong with
            it is named with line, key and remedy.
    """
    path = Path(name) if name.endswith(".toml") else _shipped(name)
    try:
        with path.open("rb") as file:
            data = file.read(MODEL_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(tr("the file cannot be read: {reason}", reason=error)) from error
    try:
        if len(data) > MODEL_BYTES_MAX:
            raise ValueError(tr("the file is longer than {most} bytes", most=MODEL_BYTES_MAX))
        text = data.decode("utf-8")
        return _read(text)
    except ValidationError as error:
        raise problems(path, text, error, AnalyzerModel) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            tr("not an analyzer model: {reason}", reason=error), where=str(path)
        ) from error


@lru_cache(maxsize=MODELS_KEPT)
def _read(text: str) -> AnalyzerModel:
    """The model of a file as it stands there: a run asks for the same ones again and again."""
    return AnalyzerModel.model_validate(tomllib.loads(text))


def _shipped(name: str) -> Path:
    known = known_models()
    if name not in known:
        raise InputError(
            tr("no analyzer model {name}", name=name),
            remedy=tr("use one of: {known}", known=", ".join(known)),
        )
    return resources.fixture("analyzers") / f"{name}.toml"
