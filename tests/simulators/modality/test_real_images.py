"""The images that pydicom ships, the odd ones included: stored, fetched back, compared byte by byte.

Nobody here made them. What the PACS gives back in the syntax that it got must be the bytes that went
in; what it does not take must be refused by name, and the next one must be served. Every file has
its outcome here, so that none can fall away unseen. Many are one image in several codings, so each
gets identifiers of its own, of the same length and in the place of the old ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from pathlib import Path
from typing import Final

import pydicom
import pytest
from imaging_desk import ImagingDesk
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial

from harness.cli import main
from harness.link.dicom import STUDY_GET, Request, payload_of
from harness.link.dicom_data import DEFLATED, EXPLICIT, DataSet
from harness.link.dicom_scu import Association, Offer, Peer

DATA: Final = Path(pydicom.__file__).parent / "data"
IMAGES: Final = DATA / "test_files"
SETS: Final = IMAGES / "dicomdirtests"

CHARSETS_SAME: Final = [
    "chrArab",
    "chrFren",
    "chrFrenMulti",
    "chrGerm",
    "chrGreek",
    "chrH31",
    "chrH32",
    "chrHbrw",
    "chrI2",
    "chrJapMulti",
    "chrJapMultiExplicitIR6",
    "chrKoreanMulti",
    "chrRuss",
    "chrX1",
    "chrX2",
]

SAME: Final = [
    "693_J2KI",
    "CT_small",
    "GDCMJ2K_TextGBR",
    "J2K_pixelrep_mismatch",
    "JPEG-lossy",
    "JPEG2000",
    "JPEG2000-embedded-sequence-delimiter",
    "JPGExtended",
    "MR_small",
    "MR_small_RLE",
    "MR_small_implicit",
    "MR_small_jp2klossless",
    "MR_small_jpeg_ls_lossless",
    "MR_small_padded",
    "SC_jpeg_no_color_transform",
    "SC_jpeg_no_color_transform_2",
    "SC_rgb_dcmtk_+eb+cr",
    "SC_rgb_dcmtk_+eb+cy+n1",
    "SC_rgb_dcmtk_+eb+cy+n2",
    "SC_rgb_dcmtk_+eb+cy+np",
    "SC_rgb_dcmtk_+eb+cy+s2",
    "SC_rgb_dcmtk_+eb+cy+s4",
    "SC_rgb_gdcm_KY",
    "SC_rgb_jpeg_app14_dcmd",
    "SC_rgb_jpeg_dcmd",
    "SC_rgb_jpeg_dcmtk",
    "SC_rgb_jpeg_gdcm",
    "SC_rgb_jpeg_lossy_gdcm",
    "SC_rgb_rle",
    "SC_rgb_rle_16bit",
    "SC_rgb_rle_16bit_2frame",
    "SC_rgb_rle_2frame",
    "SC_rgb_rle_32bit",
    "SC_rgb_rle_32bit_2frame",
    "SC_rgb_small_odd",
    "SC_rgb_small_odd_jpeg",
    "SC_ybr_full_422_uncompressed",
    "examples_jpeg2k",
    "examples_overlay",
    "examples_palette",
    "examples_rgb_color",
    "examples_ybr_color",
    "image_dfl",
    "waveform_ecg",
]

NO_STUDY: Final = [
    "JPEGLSNearLossless_08",
    "JPEGLSNearLossless_16",
    "SC_rgb_jls_lossy_line",
    "SC_rgb_jls_lossy_sample",
]
"""They name no study, and an archive cannot say of which examination they are."""

NOT_AS_DECLARED: Final = ["MR_truncated", "SC_rgb_jpeg"]
"""Cut off in the pixels; implicit under a syntax that is explicit. A PACS that indexes must say so
(PS3.4 §B.2.3)."""

NO_CLASS: Final = [
    "palettes/fall",
    "palettes/hotiron",
    "palettes/hotmetalblue",
    "palettes/pet",
    "palettes/pet20step",
    "palettes/spring",
    "palettes/summer",
    "palettes/winter",
    "badVR",
    "liver_1frame",
    "liver_expb_1frame",
    "reportsi",
    "reportsi_with_empty_number_tags",
    "rtdose",
    "rtdose_1frame",
    "rtdose_expb",
    "rtdose_expb_1frame",
    "rtdose_rle",
    "rtdose_rle_1frame",
    "rtplan",
    "rtplan_truncated",
    "test-SR",
]
"""Palettes, segmentations, reports and radiotherapy: the built-in PACS takes none of them."""

NO_SYNTAX: Final = [
    "ExplVR_BigEnd",
    "MR_small_bigendian",
    "MR_small_expb",
    "SC_rgb_small_odd_big_endian",
]
"""Big endian, which PS3.5 §A.3 has retired."""

NO_INSTANCE: Final = {
    "charset_files/chrSQEncoding": ("class", "(0008,0016)"),
    "charset_files/chrSQEncoding1": ("class", "(0008,0016)"),
    "empty_charset_LEI": ("class", "(0008,0016)"),
    "nested_priv_SQ": ("class", "(0008,0016)"),
    "no_meta_group_length": ("class", "(0008,0016)"),
    "priv_SQ": ("class", "(0008,0016)"),
    "UN_sequence": ("unreadable", "@20"),
    "ExplVR_BigEndNoMeta": ("unreadable", "@0"),
    "ExplVR_LitEndNoMeta": ("unreadable", "@0"),
    "no_meta": ("unreadable", "@0"),
    "rtstruct": ("unreadable", "@0"),
    "meta_missing_tsyntax": ("unreadable", "@0"),
}
"""Nothing that could be stored: data sets without a class, and files without preamble or syntax.
What ``medharness objects`` says of each first: the rule, and where."""

REASONS: Final = {
    "ExplVR_BigEndNoMeta": "no preamble with DICM",
    "ExplVR_LitEndNoMeta": "no preamble with DICM",
    "no_meta": "no preamble with DICM",
    "rtstruct": "no preamble with DICM",
    "meta_missing_tsyntax": "the meta header names no transfer syntax",
    "UN_sequence": "(0008,1115) has no value representation",
}

DIRECTORIES: Final = [
    "DICOMDIR",
    "DICOMDIR-bigEnd",
    "DICOMDIR-empty.dcm",
    "DICOMDIR-implicit",
    "DICOMDIR-nooffset",
    "DICOMDIR-nopatient",
    "DICOMDIR-reordered",
    "TINY_ALPHA/DICOMDIR",
]

IN_SETS: Final = 81
"""Images that the directories name: of three patients, and fifty tiny ones."""

OUTCOMES: Final = {
    **dict.fromkeys([*SAME, *(f"charset_files/{one}" for one in CHARSETS_SAME)], "same"),
    **dict.fromkeys(NO_STUDY, "A900"),
    **dict.fromkeys(NOT_AS_DECLARED, "C000"),
    **dict.fromkeys(NO_CLASS, "context refused: 3"),
    **dict.fromkeys(NO_SYNTAX, "context refused: 4"),
    **dict.fromkeys(NO_INSTANCE, "nothing to store"),
}
"""By name, without ``.dcm``."""


def files() -> dict[str, Path]:
    """Every single file of the package; those of file-sets stand beside their directories."""
    found = {}
    for folder in ("charset_files", "palettes", "test_files"):
        for path in (DATA / folder).glob("*.dcm"):
            found[path.stem if folder == "test_files" else f"{folder}/{path.stem}"] = path
    return found


def in_sets() -> list[Path]:
    """The images of the file-sets."""
    found = (one for one in SETS.rglob("*") if one.is_file() and one.parent != SETS)
    return sorted(one for one in found if one.name not in {"DICOMDIR", "README"})


def body_of(path: Path) -> tuple[pydicom.Dataset, bytes] | None:
    """Its identity, and its data set as the bytes that it is; None for no object with a header."""
    try:
        with path.open("rb") as file:
            read_partial(file, stop_when=lambda tag, vr, length: tag.group > 2)
            begin = file.tell()
            file.seek(begin)
            body = file.read()
        head = pydicom.dcmread(path, stop_before_pixels=True)
        if not body and "FileMetaInformationGroupLength" in head.file_meta:  # it was inflated
            body = path.read_bytes()[144 + head.file_meta.FileMetaInformationGroupLength :]
    except (InvalidDicomError, OSError, EOFError, AttributeError, ValueError):
        return None
    if "TransferSyntaxUID" not in head.file_meta or "SOPInstanceUID" not in head:
        return None
    return head, body


def anew(name: str, head: pydicom.Dataset, body: bytes) -> bytes:
    """The same object under an instance and a study of its own."""
    packed = str(head.file_meta.TransferSyntaxUID) == DEFLATED
    whole = zlib.decompress(body, -zlib.MAX_WBITS) if packed else body
    for keyword in ("SOPInstanceUID", "StudyInstanceUID"):
        old = str(head.get(keyword, "")).encode("ascii")
        if not old:
            continue
        drawn = hashlib.sha512(name.encode() + old).digest()
        new = f"2.25.1{int.from_bytes(drawn, 'big')}".encode("ascii")[: len(old)]
        assert len(new) == len(old) > 15
        whole = whole.replace(old, new)
        setattr(head, keyword, new.decode("ascii"))
    if not packed:
        return whole
    press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    found = press.compress(whole) + press.flush()
    return found + bytes(len(found) % 2)  # PS3.5 §A.5


def through(desk: ImagingDesk, head: pydicom.Dataset, body: bytes) -> str:
    """What became of an object: stored, fetched and the same, or what was said in its place."""
    sop_class, syntax = str(head.SOPClassUID), str(head.file_meta.TransferSyntaxUID)
    peer = Peer(address=desk.addresses["PACS"], called="MHPACS", calling="REAL")
    offer = Offer(abstract=sop_class, syntaxes=[syntax])
    with Association(peer, [offer]) as link:
        if not link.is_open:
            return f"context refused: {link.results()[sop_class]}"
        answer = link.ask(Request(kind="C-STORE", sop_class=sop_class, syntax=syntax, payload=body,
                                  sop_instance=str(head.SOPInstanceUID)))  # fmt: skip
    if not answer.ok:
        return answer.shown
    came: list[bytes] = []
    asked = DataSet.of({"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": str(head.StudyInstanceUID),
                        "SOPInstanceUID": str(head.SOPInstanceUID)})  # fmt: skip
    back = Offer(abstract=sop_class, syntaxes=[syntax], scp=True)
    with Association(peer, [Offer(abstract=STUDY_GET, syntaxes=[EXPLICIT]), back]) as link:
        link.store = lambda request: came.append(request.payload) or 0
        list(link.ask_all(Request(kind="C-GET", sop_class=STUDY_GET, syntax=EXPLICIT,
                                  payload=payload_of(asked, EXPLICIT))))  # fmt: skip
    return "same" if came == [body] else "other bytes"


@contextlib.contextmanager
def desk_in(folder: Path):
    """A PACS that is empty, and ends well."""
    desk = ImagingDesk(folder)
    try:
        yield desk
    finally:
        assert desk.stop() == ([], [])


def outcome(desk: ImagingDesk, name: str, path: Path) -> str:
    """Of one file."""
    found = body_of(path)
    if found is None:
        return "nothing to store"
    head, body = found
    return through(desk, head, anew(name, head, body))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's remarks on its own odd files
def test_every_file_of_pydicom_has_the_outcome_that_stands_here(tmp_path):
    with desk_in(tmp_path) as desk:
        found = {name: outcome(desk, name, path) for name, path in sorted(files().items())}
    assert found == OUTCOMES


@pytest.mark.slow
def test_every_image_of_the_file_sets_comes_back_as_it_went(tmp_path):
    paths = in_sets()
    assert len(paths) == IN_SETS
    with desk_in(tmp_path) as desk:
        found = {str(path): outcome(desk, str(path), path) for path in paths}
    assert {name: word for name, word in found.items() if word != "same"} == {}


def said_of(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]]]:
    """What the command says: its exit code, and its findings."""
    code = main(["objects", str(path), "--no-second-opinion", "--json", "--lang", "en"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])["findings"]


@pytest.mark.parametrize("name", sorted(NO_INSTANCE))
def test_of_what_cannot_be_stored_it_is_said_why(name, capsys):
    code, findings = said_of(files()[name], capsys)
    first = findings[0]
    assert (code, first["rule"], first["path"]) == (1, *NO_INSTANCE[name])
    assert REASONS.get(name, first["message"]) == first["message"]
    assert first["clause"].startswith("PS3.")


@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_directory_of_a_file_set_is_called_one(name, capsys):
    code, findings = said_of(SETS / name, capsys)
    assert code == 1
    assert [(one["rule"], one["clause"]) for one in findings] == [("unreadable", "PS3.10 §8.6")]
    assert "DICOMDIR" in findings[0]["message"]
    assert body_of(SETS / name) is None
