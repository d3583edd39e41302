"""The web side of the PACS without a socket: what PS3.18 asks of each service, and what is kept."""

import json
import random
from urllib.parse import quote

import pydicom
import pytest
from pydicom.data import get_testdata_file

from harness.link.dicom_data import DEFLATED, EXPLICIT, IMPLICIT, decode, encode, written
from harness.link.dicom_file import read_file, write_file
from harness.wire import multipart
from harness.wire.http1_events import HttpRequest
from simulators.hospital import pacs_store
from simulators.hospital.pacs import Pacs
from simulators.hospital.pacs_store import Archive
from simulators.hospital.pacs_web import PacsWeb
from simulators.store import open_store

CT = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
STUDY, SERIES, SOP = CT.StudyInstanceUID, CT.SeriesInstanceUID, CT.SOPInstanceUID
ONE = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{SOP}"
DICOM = 'multipart/related; type="application/dicom"'


def ct(**changes):
    """The bytes of a real slice, with some values changed."""
    body = decode(read_file(path_bytes("CT_small.dcm")).body, explicit=True)
    for name, value in changes.items():
        body.set(name, value)
    sop = body.text("SOPInstanceUID")
    return write_file(encode(body, explicit=True), body.text("SOPClassUID"), sop, EXPLICIT)


def path_bytes(name):
    with open(get_testdata_file(name), "rb") as file:  # noqa: PTH123 - pydicom names it as a string
        return file.read()


class Site:
    def __init__(self, folder, defects=()):
        self.store = open_store(str(folder / "pacs.sqlite"), pacs_store.TABLES, durable=True)
        self.archive = Archive(self.store, folder / "files", durable=True)
        self.web = PacsWeb(Pacs(self.archive, set(defects)))

    def get(self, path, accept=""):
        headers = (("Accept", accept),) if accept else ()
        return self.web.answer(HttpRequest(method="GET", target=path, headers=headers))

    def stow(self, *files, path="/dicom-web/studies", boundary="b", content=""):
        body = multipart.build(
            [multipart.Part(body=one, headers=[("Content-Type", "application/dicom")])
             for one in files], boundary)  # fmt: skip
        kind = content or f"{DICOM}; boundary={boundary}"
        return self.web.answer(HttpRequest(method="POST", target=path, payload=body,
                                           headers=(("Content-Type", kind),)))  # fmt: skip


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.store.close()


def parts(answer):
    media = multipart.media(answer.header("content-type"))
    return multipart.parse(answer.payload, media.of("boundary"))


def reasons(answer):
    told = json.loads(answer.payload)
    return [one["00081197"]["Value"][0] for tag in ("00081198", "0008119A")
            for one in told.get(tag, {}).get("Value", [])]  # fmt: skip


# ---- storing


def test_what_is_acknowledged_is_on_the_disk(site):
    before = site.store.syncs

    answer = site.stow(ct())

    assert answer.status == 200
    assert site.store.syncs == before + 1
    row = site.archive.find("sop", [SOP])[0]
    assert (site.archive.folder / row["file"]).read_bytes() == read_file(ct()).body
    told = json.loads(answer.payload)["00081199"]["Value"]
    assert [one["00081155"]["Value"] for one in told] == [[SOP]]
    assert told[0]["00081190"]["Value"] == [ONE]


def test_each_part_has_an_outcome_of_its_own(site):
    other = ct(SOPInstanceUID="2.25.77", PatientID="SOMEBODY")
    again = ct(PatientComments="other content")
    ill = ct(SOPInstanceUID="2.25.78", SOPClassUID="1.2.3")

    answer = site.stow(ct(), other, again, ill, b"no object")

    assert answer.status == 202
    assert reasons(answer) == [0xA900, 0x0111, 0x0122, 0xC000]
    assert [row["sop"] for row in site.archive.all()] == [SOP]


def test_a_request_of_failures_alone_is_a_conflict(site):
    assert site.stow(b"no object").status == 409
    assert site.stow(ct(), path="/dicom-web/studies/1.2.3").status == 409
    assert site.archive.all() == []


def test_an_equal_copy_is_taken_and_kept_once(site):
    assert [site.stow(ct(), ct()).status, site.stow(ct()).status] == [200, 200]
    assert len(site.archive.all()) == 1


@pytest.mark.parametrize(
    ("content", "status"),
    [("application/dicom", 415), ('multipart/related; type="image/jpeg"; boundary=b', 415),
     (f"{DICOM}; boundary=other", 400), (DICOM, 400), ("nothing", 400)],
)  # fmt: skip
def test_a_body_that_cannot_be_read_keeps_nothing(site, content, status):
    assert site.stow(ct(), content=content).status == status
    assert site.archive.all() == []


def test_a_deflated_object_is_given_back_plain_and_its_pixels_are_there(site):
    body = read_file(ct()).data()
    deflated = write_file(written(body, DEFLATED), body.text("SOPClassUID"), SOP, DEFLATED)

    assert site.stow(deflated).status == 200

    (plain,) = parts(site.get(ONE, DICOM))
    (same,) = parts(site.get(ONE, f"{DICOM}; transfer-syntax={DEFLATED}"))
    (frame,) = parts(site.get(f"{ONE}/frames/1", "multipart/related"))
    assert read_file(plain.body).syntax == EXPLICIT
    assert read_file(plain.body).body == read_file(ct()).body
    assert read_file(same.body).body == read_file(deflated).body
    assert frame.body == CT.PixelData
    assert site.get(f"{ONE}/metadata").status == 200


@pytest.mark.parametrize("cut", [1, 3, 40, 700])
def test_a_body_without_its_end_keeps_nothing(site, cut):
    whole = multipart.build([multipart.Part(body=ct())], "b").rstrip()
    request = HttpRequest(method="POST", target="/dicom-web/studies", payload=whole[:-cut],
                          headers=(("Content-Type", f"{DICOM}; boundary=b"),))  # fmt: skip

    assert site.web.answer(request).status == 400
    assert site.archive.all() == []


def test_a_syntax_that_is_not_taken_has_its_reason(site):
    big = write_file(read_file(ct()).body, CT.SOPClassUID, SOP, "1.2.840.10008.1.2.2")

    assert reasons(site.stow(big)) == [0xC122]


# ---- searching


def test_a_search_answers_at_each_level(site):
    site.stow(ct(), ct(SOPInstanceUID="2.25.2", InstanceNumber="2"))

    study = json.loads(site.get(f"/dicom-web/studies?PatientID={CT.PatientID}").payload)
    series = json.loads(site.get(f"/dicom-web/studies/{STUDY}/series").payload)
    images = json.loads(site.get("/dicom-web/instances?limit=1&offset=1").payload)

    assert [one["00201208"]["Value"] for one in study] == [[2]]
    assert [one["0020000E"]["Value"] for one in series] == [[SERIES]]
    assert [one["00080018"]["Value"] for one in images] == [["2.25.2"]]


def test_a_page_says_what_is_left_and_literal_matching_says_so(site):
    site.stow(ct(), ct(SOPInstanceUID="2.25.2"), ct(SOPInstanceUID="2.25.3"))

    answer = site.get("/dicom-web/instances?limit=1&fuzzymatching=true")

    warnings = [value for name, value in answer.headers if name == "Warning"]
    assert "There are 2 additional results" in warnings[0]
    assert "fuzzymatching" in warnings[1]


@pytest.mark.parametrize(
    ("query", "status"),
    [("PatientID=NOBODY", 204), ("StudyInstanceUID=1.2,3.4", 204), ("NoSuchKey=1", 400),
     ("limit=x", 400), ("offset=-1", 400), ("00100020=*", 200), (f"PatientName={quote('*')}", 200),
     ("includefield=all", 200), ("PatientID=%ff", 400)],
)  # fmt: skip
def test_keys_are_matched_or_refused(site, query, status):
    site.stow(ct())

    assert site.get(f"/dicom-web/studies?{query}").status == status


# ---- retrieving


def test_objects_come_in_the_syntax_that_is_accepted(site):
    site.stow(ct())
    for accept, syntax in (
        ("", EXPLICIT), (DICOM, EXPLICIT), (f"{DICOM}; transfer-syntax=*", EXPLICIT),
        (f"{DICOM}; transfer-syntax={IMPLICIT}", IMPLICIT), ("*/*", EXPLICIT),
        (f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90, {DICOM};q=0.1", EXPLICIT),
    ):  # fmt: skip
        (part,) = parts(site.get(ONE, accept))
        assert part.media.of("transfer-syntax") == read_file(part.body).syntax == syntax
        assert read_file(part.body).data().raw("PixelData") == CT.PixelData


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [(ONE, "image/gif", 406), (ONE, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90", 406),
     ("/dicom-web/studies/1.2.3", "", 404), (f"{ONE}9", "", 404), (f"{ONE}/frames/2", "", 404),
     (f"{ONE}/frames/0", "", 404), (f"{ONE}/frames/x", "", 400), (f"{ONE}/nothing", "", 404),
     ("/elsewhere", "", 404), (f"{ONE}/metadata", "text/csv", 406),
     (f"{ONE}/bulkdata/00100010/9/1", "", 404)],
)  # fmt: skip
def test_what_is_not_there_or_not_possible_says_so(site, path, accept, status):
    site.stow(ct())

    assert site.get(path, accept).status == status


def test_metadata_link_to_the_bulk_and_frames_are_the_pixels(site):
    site.stow(ct())

    (told,) = json.loads(site.get(f"{ONE}/metadata").payload)
    (bulk,) = parts(site.get(told["7FE00010"]["BulkDataURI"]))
    (frame,) = parts(site.get(f"{ONE}/frames/1"))

    assert bulk.body == frame.body == CT.PixelData


def test_compressed_frames_go_out_as_they_are(site):
    raw = path_bytes("JPEG2000.dcm")
    file = read_file(raw)
    data = file.data()
    data_set = {name: data.text(name) for name in ("StudyInstanceUID", "SeriesInstanceUID",
                                                   "SOPInstanceUID")}  # fmt: skip
    lossless = "1.2.840.10008.1.2.4.90"
    body = file.body
    whole = write_file(body, "1.2.840.10008.5.1.4.1.1.7", data_set["SOPInstanceUID"], lossless)
    assert site.stow(whole).status == 200
    path = "/dicom-web/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}"
    at = path.format(**data_set)

    (part,) = parts(site.get(f"{at}/frames/1", 'multipart/related; type="image/jp2"'))

    assert part.body.startswith(b"\xff\x4f\xff\x51")
    assert site.get(at, DICOM).status == 406
    assert site.get(at, f"{DICOM}; transfer-syntax=*").status == 200


def test_a_lost_file_is_gone_and_no_other_study_suffers(site):
    site.stow(ct(), ct(SOPInstanceUID="2.25.2", StudyInstanceUID="2.25.20",
                       SeriesInstanceUID="2.25.21"))  # fmt: skip
    site.archive.lose(site.archive.find("sop", [SOP])[0])

    assert site.get(ONE).status == 410
    assert site.get("/dicom-web/studies/2.25.20").status == 200


def test_other_methods_are_refused(site):
    assert site.web.answer(HttpRequest(method="DELETE", target=ONE)).status == 405
    assert site.web.answer(HttpRequest(method="POST", target=ONE)).status == 405


# ---- bad input


def mangled(drawn, data):
    """Some bytes changed, dropped or doubled."""
    made = bytearray(data)
    for _ in range(drawn.randint(1, 8)):
        at = drawn.randrange(len(made))
        match drawn.randrange(3):
            case 0:
                made[at] = drawn.randrange(256)
            case 1:
                del made[at : at + drawn.randrange(1, 40)]
            case _:
                made[at:at] = made[at : at + drawn.randrange(1, 40)]
        if not made:
            return b""
    return bytes(made)


@pytest.mark.parametrize("seed", range(12))
def test_a_mangled_store_gets_an_answer_and_costs_nobody_anything(site, seed):
    drawn = random.Random(seed)
    whole = multipart.build([multipart.Part(body=ct())], "b")
    head = len(whole) - len(CT.PixelData)

    for _ in range(20):
        body = mangled(drawn, whole[:head]) + whole[head:]
        request = HttpRequest(method="POST", target="/dicom-web/studies", payload=body,
                              headers=(("Content-Type", f"{DICOM}; boundary=b"),))  # fmt: skip
        assert site.web.answer(request).status in {200, 202, 400, 409}
    for row in site.archive.all():
        path = f"/dicom-web/studies/{quote(row['study'])}"
        assert site.get(path, f"{DICOM}; transfer-syntax=*").status == 200


@pytest.mark.parametrize("seed", range(12))
def test_a_mangled_question_gets_an_answer(site, seed):
    drawn = random.Random(seed)
    site.stow(ct())
    targets = [ONE, f"{ONE}/frames/1", f"{ONE}/metadata", f"{ONE}/bulkdata/7FE00010",
               f"{ONE}/rendered", f"/dicom-web/studies?PatientID={CT.PatientID}&limit=3",
               "/dicom-web/series?StudyDate=2000-2004&includefield=all"]  # fmt: skip

    for _ in range(60):
        target = mangled(drawn, drawn.choice(targets).encode()).decode("latin-1")
        accept = mangled(drawn, DICOM.encode()).decode("latin-1")
        assert site.get(target, accept).status != 500
