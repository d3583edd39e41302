"""An echo of a PACS of the site proves that its calls come to our devices."""

from dataclasses import dataclass

import pytest

from harness.link.dicom import VERIFICATION, Request
from scenarios.steps.imaging_front import Front


@dataclass
class Called:
    called: str


@pytest.mark.parametrize("title", ["MHCT1", "SOMEBODY"])
def test_an_echo_is_told_and_answered_under_any_title(title):
    told = []
    front = Front(echoed=lambda: told.append(title))
    answers = list(front.serve(Request(kind="C-ECHO", sop_class=VERIFICATION), Called(title)))
    assert ([one.status for one in answers], told) == ([0], [title])


def test_another_request_under_a_foreign_title_proves_nothing():
    told = []
    front = Front(echoed=lambda: told.append(True))
    answers = list(front.serve(Request(kind="C-STORE", sop_class="1.2"), Called("SOMEBODY")))
    assert ([one.status for one in answers], told) == ([0x0124], [])
