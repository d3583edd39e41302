"""Analyzer models: what an instrument is, as data in ``fixtures/analyzers``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness import resources
from harness.errors import InputError
from harness.wire.astm_link import AstmLinkConfig, CutPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerModel:
    """One analyzer model.

    Attributes:
        name: file name without ending.
        sender: H.5, how the LIS driver recognises the instrument.
        version: second component of H.5.
        encoding: agreed with the LIS out of band.
        repeats: whole-message repeats after a failure.
        cut: how records are cut into frames.
        records_version: H.13.
    """

    name: str
    sender: str
    version: str
    encoding: str
    repeats: int
    cut: CutPolicy
    records_version: str

    def link_config(self) -> AstmLinkConfig:
        """The instrument's side of the link."""
        return AstmLinkConfig(side="instrument", cut=self.cut)


def load_model(name: str) -> AnalyzerModel:
    """A model that ships, by name, or one by path."""
    path = Path(name) if name.endswith(".toml") else resources.fixture("analyzers", f"{name}.toml")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return AnalyzerModel(
            name=data["name"],
            sender=data["sender"],
            version=data["version"],
            encoding=data["encoding"],
            repeats=data["repeats"],
            cut=CutPolicy(data["link"]["cut"]),
            records_version=data["records"]["version"],
        )
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise InputError(f"not an analyzer model: {error}", where=str(path)) from error
