"""Device profiles as data: what one modality proposes, sends, and does out of habit.

A file in ``fixtures/modalities`` is one device. What a file says is a habit that was met or is
likely, not a promise of a vendor: the file names no product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from harness import input_files, resources
from harness.errors import InputError
from harness.i18n import tr
from harness.wire import dicom_text
from simulators.modality.video import BLOCK

FOLDER: Final = "modalities"

MPPS_HABITS: Final = ("full", "create-only", "none")
NAME_HABITS: Final = ("groups", "ideographic", "latin", "first-group")
UID_HABITS: Final = ("worklist", "own-study", "long", "root-only")
CONTEXT_HABITS: Final = ("separate", "mixed")

SIDE_MAX: Final = 4096
"""Rows and columns: a mammogram has 4096 by 3328."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One device.

    Attributes:
        name: of its file.
        title: for a person.
        modality: (0008,0060).
        ae_title: ours, as the device would be set up.
        sop_class: of its images.
        syntaxes: transfer syntaxes that it proposes, the first being what it sends.
        contexts: ``separate``: one syntax a context; ``mixed``: all in one.
        max_pdu: longest PDU that it takes.
        acse_s: how long it waits for an association.
        dimse_s: how long it waits for an answer.
        mpps: ``full``, ``create-only`` (it never says that it is done), ``none``.
        commitment: it asks for safekeeping.
        charset: (0008,0005) of what it sends.
        names: ``groups`` (``LATIN=汉字``), ``ideographic`` (``=汉字``), ``latin``, ``first-group``.
        uids: ``worklist`` (it keeps the study UID), ``own-study``, ``long`` (64 characters),
            ``root-only`` (few components).
        rows: of an image.
        columns: of an image.
        bits_allocated: 8 or 16.
        bits_stored: of them.
        signed: two's complement.
        samples: 1, or 3 for colour.
        frames: of one object.
        images: objects of one series.
        private: it adds a private block.
        payload: ``pixels``, ``pdf``, ``waveform`` or ``video``.
    """

    name: str
    title: str
    modality: str
    ae_title: str
    sop_class: str
    syntaxes: tuple[str, ...]
    contexts: str = "separate"
    max_pdu: int = 16384
    acse_s: float = 10.0
    dimse_s: float = 10.0
    mpps: str = "full"
    commitment: bool = True
    charset: str = "GB18030"
    names: str = "groups"
    uids: str = "worklist"
    rows: int = 64
    columns: int = 64
    bits_allocated: int = 16
    bits_stored: int = 12
    signed: bool = False
    samples: int = 1
    frames: int = 1
    images: int = 4
    private: bool = False
    payload: str = "pixels"


def known_models() -> list[str]:
    """Names of the devices that ship."""
    folder = resources.fixture(FOLDER)
    return sorted(path.stem for path in folder.glob("*.toml"))


@lru_cache(maxsize=64)
def load_model(name: str) -> Model:
    """A device that ships, or one of the site by the path of its file.

    Raises:
        InputError: no such device, or its file says what cannot be.
    """
    path = Path(name) if name.endswith(".toml") else resources.fixture(FOLDER) / f"{name}.toml"
    if not path.is_file():
        raise InputError(
            tr("no modality {name}", name=name),
            remedy=tr("use one of: {known}", known=", ".join(known_models())),
        )
    return _checked(path.stem, input_files.toml_of(path), str(path))


def _checked(name: str, data: dict[str, Any], where: str) -> Model:
    known = Model.__dataclass_fields__
    unknown = sorted(data.keys() - known.keys())
    if unknown:
        raise InputError(tr("unknown key {key}", key=unknown[0]), where=where)
    model = input_files.shaped(Model, {**data, "name": name}, where)
    sets = {
        "contexts": CONTEXT_HABITS,
        "mpps": MPPS_HABITS,
        "names": NAME_HABITS,
        "uids": UID_HABITS,
        "payload": ("pixels", "pdf", "waveform", "video"),
        "bits_allocated": (8, 16),
        "samples": (1, 3),
    }
    for key, allowed in sets.items():
        if getattr(model, key) not in allowed:
            raise InputError(
                tr("{key} cannot be {value}", key=key, value=getattr(model, key)),
                where=where,
                remedy=", ".join(str(one) for one in allowed),
            )
    _bounds(model, where)
    return model


def _bounds(model: Model, where: str) -> None:
    sets = model.charset.split("\\")
    sound = (
        bool(model.syntaxes)
        and 1 <= len(model.ae_title) <= 16
        and 1 <= model.rows <= SIDE_MAX
        and 1 <= model.columns <= SIDE_MAX
        and 1 <= model.bits_stored <= model.bits_allocated
        and 1 <= model.frames <= 1000
        and 1 <= model.images <= 1000
        and all(dicom_text.codec_of(one) for one in sets)
        and not (model.payload == "video" and (model.rows % BLOCK or model.columns % BLOCK))
    )
    if not sound:
        raise InputError(tr("the device {name} cannot be as its file says", name=model.name),
                         where=where)  # fmt: skip
