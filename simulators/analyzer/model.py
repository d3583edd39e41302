"""Analyzer models: what an instrument is, as data in ``fixtures/analyzers``."""

from __future__ import annotations

import codecs
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness import resources
from harness.errors import InputError
from harness.i18n import tr
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
    """A model that ships, by name, or one by path.

    Raises:
        InputError: there is no such model, or its file is not one.
    """
    path = Path(name) if name.endswith(".toml") else _shipped(name)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        codecs.lookup(data["encoding"])
        return AnalyzerModel(
            name=data["name"],
            sender=data["sender"],
            version=data["version"],
            encoding=data["encoding"],
            repeats=int(data["repeats"]),
            cut=CutPolicy(data["link"]["cut"]),
            records_version=data["records"]["version"],
        )
    except OSError as error:
        raise InputError(tr("the file cannot be read: {reason}", reason=error)) from error
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(
            tr("not an analyzer model: {reason}", reason=error), where=str(path)
        ) from error


def _shipped(name: str) -> Path:
    folder = resources.fixture("analyzers")
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in known:
        raise InputError(
            tr("no analyzer model {name}", name=name),
            remedy=tr("use one of: {known}", known=", ".join(known)),
        )
    return folder / f"{name}.toml"
