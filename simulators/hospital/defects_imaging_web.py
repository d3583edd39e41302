"""Defects of the built-in PACS and RIS beside DIMSE: DICOMweb, TLS, orders over HL7.

``source`` names the row of the imaging fault catalogue, as in ``defects_imaging``.
"""

from __future__ import annotations

from simulators.hospital.defect_model import make as _defect

_W = "PACS-WEB dicom"
_T = "PACS-TLS dicom"
_R = "RIS-MWL dicom"
_O = "RIS-ORD dicom"
_NAME = "(0010,0010)"
_STOW = f"{_W} STOW status"

WEB = (
    _defect("pacs-web-default-implicit", "img-Q9", "REQ-IMG-032",
            "objects go out in implicit where no syntax is named", f"{_W} transfer-syntax"),
    _defect("pacs-web-ignores-accept", "img-Q9", "REQ-IMG-032",
            "objects go out as they are stored, whatever is accepted", f"{_W} transfer-syntax"),
    _defect("pacs-web-names-no-syntax", "img-Q9", "REQ-IMG-032",
            "parts do not name their transfer syntax", f"{_W} transfer-syntax"),
    _defect("pacs-web-single-part", "img-Q10", "REQ-IMG-032",
            "one instance goes out without a multipart body", f"{_W} content-type"),
    _defect("pacs-web-frames-from-zero", "img-X14", "REQ-IMG-032",
            "frames are counted from zero", f"{_W} (7FE0,0010)"),
    _defect("pacs-web-metadata-as-latin1", "img-C3", "REQ-IMG-032",
            "metadata are read as Latin-1", f"{_W} {_NAME}", f"{_W} header"),
    _defect("pacs-web-answers-in-latin1", "img-C1", "REQ-IMG-033",
            "answers of a search keep Latin-1 alone", f"{_W} {_NAME}", f"{_W} (0008,1030)"),
    _defect("pacs-web-omits-counts", "img-Q7", "REQ-IMG-033",
            "a search leaves counts and modalities out", f"{_W} (0020,1208)", f"{_W} (0008,0061)"),
    _defect("pacs-web-offset-from-one", "img-Q7", "REQ-IMG-033",
            "each later page leaves one answer out", f"{_W} limit, offset"),
    _defect("pacs-web-reads-quotes-as-text", "img-Q11", "REQ-IMG-034",
            "a boundary in quotes is not found", _STOW, f"{_W} (0008,1199)"),
    _defect("pacs-web-short-boundary", "img-Q11", "REQ-IMG-034",
            "a boundary of more than 40 characters is not found", _STOW, f"{_W} (0008,1199)"),
    _defect("pacs-web-repeats-fail", "img-S2", "REQ-IMG-034",
            "an equal second copy is a failure", _STOW, f"{_W} (0008,1199)", f"{_W} (0008,1198)"),
    _defect("pacs-web-hides-failures", "img-S3", "REQ-IMG-034",
            "what was refused is named as stored", _STOW, f"{_W} (0008,1199)",
            f"{_W} (0008,1198)"),
    _defect("pacs-web-keeps-cut-parts", "img-S9", "REQ-IMG-035",
            "an object that is cut off is kept as far as it came", _STOW, f"{_W} instance",
            f"{_W} (7FE0,0010)"),
    _defect("pacs-web-rendered-fails", "img-Q12", "REQ-IMG-036",
            "a picture fails once its cache was purged", f"{_W} rendered"),
)  # fmt: skip

FEED = (
    _defect("ris-feed-ignores-cancel", "img-W14", "REQ-IMG-038",
            "a cancelled order stays on the list", f"{_R} worklist", f"{_O} ORC-5"),
    _defect("ris-feed-ignores-change", "img-W15", "REQ-IMG-038",
            "a changed order keeps its old time", f"{_R} (0040,0002)", f"{_R} (0040,0003)",
            f"{_R} worklist"),
    _defect("ris-feed-cancels-begun", "img-W14", "REQ-IMG-038",
            "an order whose step has begun is cancelled", f"{_R} worklist", f"{_O} MSA-1"),
    _defect("ris-ignores-msh-18", "img-C8", "REQ-IMG-038",
            "the character set of an order is not looked at", f"{_R} {_NAME}",
            f"{_R} (0032,1060)"),
    _defect("ris-feed-tells-no-state", "img-K8", "REQ-IMG-039",
            "the HIS hears nothing of a step", f"{_O} ORC-5"),
)  # fmt: skip

TLS = (
    _defect("pacs-tls-takes-anybody", "img-N15", "REQ-IMG-037",
            "devices are asked for no certificate", f"{_T} TLS"),
    _defect("pacs-tls-shows-expired", "img-N15", "REQ-IMG-037",
            "the certificate that is shown has expired", f"{_T} TLS"),
    _defect("pacs-https-shows-expired", "img-N15", "REQ-IMG-037",
            "the web server of the PACS still shows a certificate that has expired",
            "PACS-WEB dicom STOW status", "PACS-WEB dicom (0008,1199)"),
    _defect("pacs-tls-drops-old", "img-N15", "REQ-IMG-037",
            "TLS 1.2 is not spoken any more", f"{_T} TLS"),
)  # fmt: skip

DEFECTS = (*WEB, *FEED, *TLS)
