"""dciodvfy over objects that no peer takes, and over its own table of what it calls wrong.

What the other scenarios send is looked at where it was sent to: ``test_orthanc_suite.py``.
"""

import pydicom
import pytest
from dicom_rig import device, exam, objects, part10, program
from second_opinion import KNOWN, errors_of, unknown

from harness.link.dicom_data import DEFLATED, EXPLICIT
from harness.link.dicom_pixels import (
    HTJ2K,
    HTJ2K_LOSSY,
    HTJ2K_RPCL,
    JPEG_2000,
    JPEG_2000_LOSSY,
    available,
)
from simulators.modality.compress import compress, fill

pytestmark = [pytest.mark.peer, pytest.mark.slow]


SIBLINGS = {HTJ2K: JPEG_2000, HTJ2K_RPCL: JPEG_2000, HTJ2K_LOSSY: JPEG_2000_LOSSY}
"""This edition of dciodvfy is older than HTJ2K, and takes an unknown syntax for a native one. What
the header must say is the same as in the older syntax of the family (PS3.5 §8.2.4)."""

UNKNOWN_SYNTAX = "illegal in non-encapsulated transfer syntax"


@pytest.mark.parametrize("syntax", sorted(SIBLINGS))
@pytest.mark.parametrize("name", ["ct-helical", "us-cine"])
def test_what_no_peer_takes_is_valid_too(name, syntax, tmp_path):
    program("dciodvfy")
    if not available(syntax):
        pytest.skip("the extra imaging-codecs")
    for number, data in enumerate(objects(device(name, 1, ""), exam(name))):
        fill(data, "outer")
        compress(data, syntax)
        path, sibling = tmp_path / f"{number}.dcm", tmp_path / f"{number}-sibling.dcm"
        path.write_bytes(part10(data, syntax))
        sibling.write_bytes(part10(data, SIBLINGS[syntax]))
        assert errors_of(sibling, tmp_path) == []
        assert UNKNOWN_SYNTAX in errors_of(path, tmp_path)[0]


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_an_error_that_no_row_knows_is_told(syntax, tmp_path):
    """A deflated object is looked into as well."""
    (data, *_) = objects(device("mr-3t", 1, ""), exam("mr-3t"))
    (tmp_path / "good.dcm").write_bytes(part10(data, EXPLICIT))
    data.drop("Rows")
    plain = part10(data, EXPLICIT)
    path = tmp_path / "bad.dcm"
    path.write_bytes(plain)
    if syntax == DEFLATED:
        whole = pydicom.dcmread(path)
        whole.file_meta.TransferSyntaxUID = DEFLATED
        pydicom.dcmwrite(path, whole)
    found, met = unknown([tmp_path / "good.dcm", path], tmp_path)
    assert set(found) == {"bad.dcm"}
    assert any("Rows" in one for one in found["bad.dcm"])
    assert met == set()


def test_every_row_has_its_reason():
    assert len({one.reason for one in KNOWN}) == len(KNOWN)
    assert all(len(one.reason) > 20 for one in KNOWN)
