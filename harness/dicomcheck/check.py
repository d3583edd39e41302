"""One object through every layer: modules, conditions, values, pixels."""

from __future__ import annotations

from dataclasses import replace

from harness.dicomcheck.finding import Finding
from harness.dicomcheck.modules import conditions, missing
from harness.dicomcheck.pixels import wrong_pixels
from harness.dicomcheck.values import wrong_values
from harness.link.dicom_data import EXPLICIT, DataSet, encode, read


def check(data: DataSet, syntax: str = EXPLICIT, about: str = "") -> list[Finding]:
    """Findings of one object, in the order of its elements.

    Args:
        data: the object as it came, its values in bytes.
        syntax: the transfer syntax that it came in.
        about: for the findings: the file or the instance.
    """
    found = [*missing(data), *conditions(data), *wrong_values(data), *wrong_pixels(data, syntax)]
    named = [replace(one, about=about or data.text("SOPInstanceUID")) for one in found]
    return sorted(named, key=lambda one: (one.path, one.rule))


def as_sent(data: DataSet) -> DataSet:
    """An object of ours as a receiver sees it: every value in bytes."""
    return read(encode(data, explicit=True), EXPLICIT)
