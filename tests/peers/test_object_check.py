"""Our check of objects beside dciodvfy: what one calls wrong, the other does too."""

from datetime import datetime

import pytest
from dicom_rig import call, program

from harness import people
from harness.dicomcheck.check import as_sent, check
from harness.link.dicom_data import encode, path_of, tag_of
from harness.link.dicom_file import write_file
from simulators.modality.images import Exam, instance
from simulators.modality.model import load_model

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def made(device):
    exam = Exam(person=people.generate(1, 0), study="2.25.77", accession="A1", procedure_id="P1",
                step_id="S1", description="TEST", moment=datetime(2026, 1, 5, 8, 0))  # fmt: skip  # noqa: DTZ001 - DICOM writes local times
    return instance(load_model(device), exam, 1)


def by_dciodvfy(data, folder):
    body = encode(data, explicit=True)
    path = folder / "one.dcm"
    path.write_bytes(write_file(body, data.text("SOPClassUID"), data.text("SOPInstanceUID")))
    _, said = call("dciodvfy", path)
    return {line for line in said.splitlines() if line.startswith("Error")}


@pytest.mark.parametrize("device", ["ct-helical", "mr-3t", "mg-digital", "ecg-cart", "us-cart"])
def test_both_miss_the_same_attributes(device, tmp_path):
    """Each attribute of the object that a mandatory module asks for is taken away in turn."""
    program("dciodvfy")
    whole = made(device)
    before = by_dciodvfy(whole, tmp_path)
    both, only_ours, only_theirs = [], [], []
    for tag in sorted(whole.elements):
        if tag in {tag_of("SOPClassUID"), tag_of("SOPInstanceUID"), tag_of("SpecificCharacterSet")}:
            continue  # without them no file can be written, or no IOD is known
        data = made(device)
        data.drop(tag)
        ours = any(one.path == path_of(tag) and one.rule.startswith("type")
                   for one in check(as_sent(data)))  # fmt: skip
        theirs = bool(by_dciodvfy(data, tmp_path) - before)
        both += [path_of(tag)] if ours and theirs else []
        only_ours += [path_of(tag)] if ours and not theirs else []
        only_theirs += [path_of(tag)] if theirs and not ours else []
    print(device, len(both), only_ours, only_theirs)
    assert len(both) >= 10
    assert only_ours == []
    assert set(only_theirs) <= CONDITIONAL


CONDITIONAL = {
    "(0020,0060)",  # Laterality, where the body part is one of a pair
    "(0028,1050)",  # Window Center of a mammogram, where no VOI LUT stands in its place
}
"""What dciodvfy knows a condition of, and ours does not."""
