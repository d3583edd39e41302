"""Reports of commitment on the three ways of PS3.4 §J.3.3: each is a policy, and each arrives."""

import imaging_desk as desk_module
import pytest

from harness.errors import InputError
from simulators.hospital import pacs_commit

pytestmark = pytest.mark.slow
WAIT_S = 60.0
"""Of every wait; only a machine that stands still gets there."""
SHORT_S = 0.3
"""How long is waited for what must not come."""
NEVER_SENT = "2.25.1"


@pytest.fixture
def desk(tmp_path):
    made = desk_module.ImagingDesk(tmp_path)
    yield made
    assert made.stop() == ([], [])


@pytest.fixture
def stored(desk):
    """A device, its receiver, and what it stored, with one instance that it did not."""
    device = desk.device("dx-room")
    objects = desk.objects(device, desk.exam("dx-room", scheduled=False))
    assert all(one.ok for one in device.store(objects).values())
    listed = [(device.model.sop_class, one.text("SOPInstanceUID")) for one in objects]
    return device, desk.receivers["dx-room"], [*listed, (device.model.sop_class, NEVER_SENT)]


def told(report):
    """Kept and failed, by hand from the two sequences."""
    kept = [one.text("ReferencedSOPInstanceUID") for one in report.items("ReferencedSOPSequence")]
    failed = [(one.text("ReferencedSOPInstanceUID"), one.number("FailureReason"))
              for one in report.items("FailedSOPSequence")]  # fmt: skip
    return kept, failed


def whole(report, listed):
    assert told(report) == ([sop for _, sop in listed[:-1]], [(NEVER_SENT, 0x0112)])


def way(desk, name):
    desk.systems["PACS"].command("reports", {"way": name})


@pytest.mark.parametrize(
    ("policy", "keep_s", "came"),
    [
        ("new", 0.0, "new"),
        ("new", WAIT_S, "new"),
        ("same", WAIT_S, "same"),
        ("same", 0.0, "new"),  # it was released: another way is taken, nothing is lost
    ],
)
def test_a_report_comes_on_the_way_of_the_policy(desk, stored, policy, keep_s, came):
    device, receiver, listed = stored
    way(desk, policy)
    assert device.commit("1.2.3", listed, receiver, keep_s).ok
    whole(receiver.wait_report("1.2.3", WAIT_S), listed)
    assert receiver.ways == {"1.2.3": came}
    assert len(receiver.reports) == 1


def test_a_report_waits_for_the_next_association_of_its_device(desk, stored):
    device, receiver, listed = stored
    way(desk, "next")
    assert device.commit("1.2.3", listed, receiver, SHORT_S).ok
    assert receiver.reports == []  # not over the association of the request, however long it stands
    other = desk.device("ct-helical")
    stranger = desk.receivers["ct-helical"]
    assert other.collect("1.2.3", stranger, SHORT_S).ok
    assert stranger.reports == []
    assert device.collect("1.2.3", receiver, WAIT_S).ok
    whole(receiver.wait_report("1.2.3", WAIT_S), listed)
    assert receiver.ways == {"1.2.3": "later"}
    assert device.collect("1.2.3", receiver, SHORT_S).ok
    assert len(receiver.reports) == 1


def test_a_report_that_is_not_taken_is_kept(desk, stored):
    device, receiver, listed = stored
    way(desk, "next")
    device.commit("1.2.3", listed)

    class Full:
        def reported(self, request, way):
            return 0x0110

        def wait_report(self, transaction, timeout_s):
            return None

    assert device.collect("1.2.3", Full(), SHORT_S).ok
    assert device.collect("1.2.3", receiver, WAIT_S).ok
    whole(receiver.wait_report("1.2.3", WAIT_S), listed)


def test_a_report_of_a_pacs_that_was_told_nothing_of_the_device(desk, stored):
    """Where its address is not known, the association of the request is the one way that is left.

    The report over a new association cannot come then (fault K1).
    """
    device, receiver, listed = stored
    desk.systems["PACS"].archive.store.commit([("DELETE FROM destinations", [])])
    way(desk, "same")
    assert device.commit("1.2.3", listed, receiver, WAIT_S).ok
    whole(receiver.wait_report("1.2.3", WAIT_S), listed)
    way(desk, "new")
    assert device.commit("1.2.4", listed, receiver, SHORT_S).ok
    assert receiver.wait_report("1.2.4", SHORT_S) is None


@pytest.mark.parametrize("defect", ["pacs-reports-on-same", "pacs-open-report-omits-failed",
                                    "pacs-forgets-held-reports"])  # fmt: skip
def test_each_defect_is_on_its_own_way(desk, stored, defect):
    device, receiver, listed = stored
    desk.systems["PACS"].defects.add(defect)
    way(desk, "next" if defect == "pacs-forgets-held-reports" else "same")
    keep_s = WAIT_S if defect == "pacs-open-report-omits-failed" else 0.0
    assert device.commit("1.2.3", listed, receiver, keep_s).ok
    if defect == "pacs-forgets-held-reports":
        assert device.collect("1.2.3", receiver, SHORT_S).ok
    report = receiver.wait_report("1.2.3", 3 * SHORT_S + pacs_commit.KEPT_S)
    if defect == "pacs-open-report-omits-failed":
        assert told(report) == ([sop for _, sop in listed[:-1]], [])
    else:
        assert report is None


def test_there_are_three_ways_and_no_other(desk):
    with pytest.raises(InputError):
        way(desk, "pigeon")
    assert pacs_commit.WAYS == ("new", "same", "next")
