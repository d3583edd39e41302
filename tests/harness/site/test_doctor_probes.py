"""The doctor looks at probes that are no database without asking them anything."""

import pytest

from harness import i18n
from harness.doctor import Status, examine
from harness.doctor_check import Means
from harness.link.reach import Reached
from harness.profile import load_profile

SITE = """
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "real"
version = "1"
[policy]
forbidden_addresses = ["198.51.100.7"]
[probes.one]
reach = "stored"
role = "LIS"
owner = "Li, 8001"
{probe}
[probes.one.columns]
barcode = "barcode"
"""

PERSON = 'kind = "person"\nquery = "look at :barcode"'
FILES = 'kind = "files"\nurl = "folder:exports"\nquery = "*.csv"'
HTTP = 'kind = "http"\nurl_env = "HERE"\nquery = "/results/:barcode"'


@pytest.fixture(autouse=True)
def english():
    i18n.use("en")


def seen(folder, probe, *, environ=None, ok=True):
    """The check of the probe, and what happened, in order."""
    happened = []
    path = folder / "site.toml"
    path.write_text(SITE.format(probe=probe), encoding="utf-8")

    def opened(host, port):
        happened.append(f"open {host}:{port}")
        return Reached(ok=ok, seconds=0.01, reason="" if ok else "refused")

    means = Means(resolve=lambda _: (), environ=environ or {})
    checks = examine(load_profile(str(path)), announce=lambda text: happened.append(f"said {text}"),
                     open_connection=opened, means=means)  # fmt: skip
    (check,) = [one for one in checks if one.place == "probes.one"]
    return check, happened


def test_a_person_is_not_asked_before_the_run(tmp_path):
    check, happened = seen(tmp_path, PERSON)
    assert check.status is Status.SKIPPED
    assert not any("open" in one for one in happened if not one.startswith("said"))


@pytest.mark.parametrize(("there", "status"), [(True, Status.OK), (False, Status.FAIL)])
def test_a_folder_of_exports_must_be_there(tmp_path, there, status):
    if there:
        (tmp_path / "exports").mkdir()
    check, _ = seen(tmp_path, FILES)
    assert check.status is status
    assert bool(check.remedy) is not there


@pytest.mark.parametrize(("ok", "status"), [(True, Status.OK), (False, Status.FAIL)])
def test_a_service_is_announced_reached_and_left(tmp_path, ok, status):
    check, happened = seen(tmp_path, HTTP, environ={"HERE": "http://192.0.2.1:8080"}, ok=ok)
    assert check.status is status
    opened = happened.index("open 192.0.2.1:8080")
    assert any("192.0.2.1:8080" in one for one in happened[:opened] if one.startswith("said"))


@pytest.mark.parametrize("url", ["http://198.51.100.7", "ftp://192.0.2.1", "http://192.0.2.1:x"])
def test_what_is_forbidden_or_no_address_is_not_opened(tmp_path, url):
    check, happened = seen(tmp_path, HTTP, environ={"HERE": url})
    assert check.status is Status.FAIL
    assert not [one for one in happened if one.startswith("open")]


def test_an_address_that_is_not_set_is_said(tmp_path):
    check, happened = seen(tmp_path, HTTP)
    assert check.status is Status.SKIPPED
    assert not [one for one in happened if one.startswith("open")]


ARCHIVE = """
format = 1
name = "x"
environment = "test"
[systems.PACS]
mode = "{mode}"
version = "1"
[systems.modality]
mode = "simulated"
[endpoints.modality-pacs]
interface = "PACS-DIMSE"
from = "modality"
to = "PACS"
protocol = "dicom"
host = "192.0.2.10"
port = 11112
ae_title = "ARCHIVE"
{more}
"""
DECLARED = """
[probes.archive]
kind = "dicom"
role = "PACS"
owner = "Wang, 8002"
reach = "stored"
query = "C-FIND C-GET"
"""


@pytest.mark.parametrize(("mode", "more", "status"), [
    ("real", "", Status.WARN), ("real", DECLARED, Status.SKIPPED), ("simulated", "", None),
])  # fmt: skip
def test_an_archive_of_the_site_needs_somebody_who_answers_for_it(tmp_path, mode, more, status):
    path = tmp_path / "site.toml"
    text = ARCHIVE.format(mode=mode, more=more)
    path.write_text(text.replace("192.0.2.10", "127.0.0.1") if mode == "simulated" else text,
                    encoding="utf-8")  # fmt: skip
    checks = examine(load_profile(str(path)), announce=lambda _: None,
                     open_connection=lambda *_: Reached(ok=True, seconds=0.01, reason=""),
                     means=Means(resolve=lambda _: (), environ={}))  # fmt: skip
    found = [one for one in checks if one.name == "probe"]
    assert [one.status for one in found] == ([] if status is None else [status])
    assert [one.place for one in found] == (
        [] if status is None else ["probes.archive" if more else "systems.PACS"]
    )
