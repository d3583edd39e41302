"""No trial of an association comes to its good end with a system that does nothing for it.

A refusal is quick, an empty answer has a good status, and a list of nothing has no bad entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    ModalityWorklistInformationFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from harness.link.address import Address
from harness.link.dicom_data import DataSet
from harness.link.dicom_raw import RawPeer
from harness.people import generate
from harness.probes.dicomweb import Web
from harness.wire.http1_events import HttpRequest, HttpResponse
from scenarios.steps import imaging_web_trials
from scenarios.steps.imaging_talk import Trial
from scenarios.steps.imaging_trials import KINDS
from simulators.modality.images import Exam, uid

FEATURES = Path("scenarios/imaging")
GOOD = dict(
    found
    for one in sorted(FEATURES.glob("*.feature"))
    for found in re.findall(" 试验“(.+?)”的结果应为“(.+?)”", one.read_text("utf-8"))
)
"""Of each trial what its scenario wants to see."""

GOOD_ON_THE_WEB = dict(
    found
    for one in sorted(FEATURES.glob("*.feature"))
    for found in re.findall(" DICOMweb试验“(.+?)”的结果应为“(.+?)”", one.read_text("utf-8"))
)

PROVES_NO_SERVICE = {"混合上下文", "取回的角色", "超长的UID"}
"""What these ask is answered by a system that has the contexts and a status, and does nothing."""


@contextmanager
def refusing() -> Iterator[int]:
    """Every call is refused (PS3.8 table 9-21: 1, 1, 7)."""
    with listening(AE("NOBODY"), [], called=True) as port:
        yield port


@contextmanager
def without_contexts() -> Iterator[int]:
    """Every call is taken, and nothing that it proposes."""
    with listening(AE("NOBODY"), []) as port:
        yield port


@contextmanager
def idle() -> Iterator[int]:
    """Every service is there: echoes and objects fail, every query ends well and empty."""
    system = AE("NOBODY")
    for one in (
        Verification,
        ModalityWorklistInformationFind,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        CTImageStorage,
    ):
        system.add_supported_context(one, scu_role=True, scp_role=True)
    handlers = [
        (evt.EVT_C_ECHO, lambda _: 0x0110),
        (evt.EVT_C_FIND, lambda _: iter(())),
        (evt.EVT_C_GET, lambda _: iter((0,))),
        (evt.EVT_C_STORE, lambda _: 0xA700),
    ]
    with listening(system, handlers) as port:
        yield port


@contextmanager
def listening(system: AE, handlers: list, *, called: bool = False) -> Iterator[int]:
    """The port of a listener that is gone in the end."""
    if not system.supported_contexts:
        system.add_supported_context("1.2.840.10008.1.20.1")  # it needs one to begin at all
    system.require_called_aet = called
    system.maximum_associations = 1000  # nobody is refused for want of room
    server = system.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def planned() -> SimpleNamespace:
    """An examination that no system knows."""
    exam = Exam(
        person=generate(1, 1),
        study=uid("refused"),
        accession="MH12345678901234",
        procedure_id="MHRP1",
        step_id="MHSPS1",
        description="测试",
        moment=datetime(2026, 1, 2, 8, 0, tzinfo=UTC),
    )
    sent = {"2.25.1": DataSet.of({"SeriesInstanceUID": "2.25.2", "StudyDate": "20260102"})}
    return SimpleNamespace(exam=exam, station="MHCT1", sent=sent)


def trial_at(port: int, role: str) -> Trial:
    """A trial that calls this listener, whatever it is about."""
    site = SimpleNamespace(
        raw=lambda _: RawPeer(Address(host="127.0.0.1", port=port)),
        title=lambda _: "MHSYSTEM",
    )
    return Trial(site, planned(), role)


def test_every_trial_has_a_scenario_that_says_its_good_end():
    assert GOOD.keys() == KINDS.keys()
    assert GOOD_ON_THE_WEB.keys() == imaging_web_trials.KINDS.keys()


@pytest.mark.parametrize(
    ("system", "allowed"),
    [(refusing, set()), (without_contexts, set()), (idle, PROVES_NO_SERVICE)],
)
def test_no_trial_ends_well_with_a_system_that_does_nothing(system, allowed):
    with system() as port:
        found = {name: one.run(trial_at(port, one.role)) for name, one in KINDS.items()}

    assert "rejected 2,3,2" not in found.values()  # for want of room: nothing was tried then
    assert {name for name, end in found.items() if end == GOOD[name]} <= allowed, found


@pytest.mark.parametrize(
    ("status", "kind", "body", "allowed"),
    [
        (503, "text/plain", b"down", set()),
        (404, "text/plain", b"", set()),
        (204, "text/plain", b"", set()),
        (200, "application/dicom+json", b"[]", set()),
        (200, "multipart/related; type=application/dicom; boundary=b", b"--b--", set()),
        # Their scenarios retrieve or store soundly beside.
        (406, "text/plain", b"", {"不能接受的类型", "不成样的存储"}),
    ],
)
def test_no_trial_ends_well_with_a_server_that_always_says_the_same(status, kind, body, allowed):
    answer = HttpResponse(status=status, headers=(("Content-Type", kind),), payload=body)
    trial = imaging_web_trials.WebTrial(Web(lambda _request, _share: answer), planned())

    found = {name: one.run(trial) for name, one in imaging_web_trials.KINDS.items()}

    assert {name for name, end in found.items() if end == GOOD_ON_THE_WEB[name]} <= allowed, found


def test_a_server_that_has_nothing_pleases_only_who_asks_for_nothing():
    def send(request: HttpRequest, _share: float) -> HttpResponse:
        searched = "?" in request.target
        return HttpResponse(status=204 if searched else 404, headers=(), payload=b"")

    trial = imaging_web_trials.WebTrial(Web(send), planned())

    found = {name: one.run(trial) for name, one in imaging_web_trials.KINDS.items()}

    good = {name for name, end in found.items() if end == GOOD_ON_THE_WEB[name]}
    assert good == {"未知的检查"}  # its scenario retrieves what was stored beside
