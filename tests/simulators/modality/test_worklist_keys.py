"""The keys of a worklist by PS3.4 table K.6-1 and IHE RAD-5: every combination, dates and times.

The list has one step, and for each key one that differs from it in that key alone; which of them an
answer must have is told by hand from the key that differs, and from nothing of the RIS.
"""

from itertools import combinations

import imaging_desk as desk_module
import pytest

from harness.link.dicom import PENDING

pytestmark = pytest.mark.slow

BASE = {
    "patient_id": "MHAAAAAAAA01", "name": "王小东", "accession": "A1", "procedure_id": "R1",
    "date": "20260105", "modality": "CT", "station": "MHCT1", "time": "080000",
}  # fmt: skip
OTHER = {
    "patient_id": "MHAAAAAAAA02", "name": "李小东", "accession": "A2", "procedure_id": "R2",
    "date": "20260104", "modality": "DX", "station": "MHCT9",
}  # fmt: skip
ASKED = {
    "patient_id": ("PatientID", "MHAAAAAAAA01"),
    "name": ("PatientName", "*王小东*"),
    "accession": ("AccessionNumber", "A1"),
    "procedure_id": ("RequestedProcedureID", "R1"),
    "date": ("ScheduledProcedureStepStartDate", "20260105"),
    "modality": ("Modality", "CT"),
    "station": ("ScheduledStationAETitle", "MHCT1"),
}
PATIENT, BROAD = (
    ("patient_id", "name", "accession", "procedure_id"),
    ("date", "modality", "station"),
)
COMBINATIONS = [
    each
    for keys in (PATIENT, BROAD)
    for count in range(1, len(keys) + 1)
    for each in combinations(keys, count)
]
DATE, TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"


@pytest.fixture
def desk(tmp_path):
    made = desk_module.ImagingDesk(tmp_path)
    yield made
    assert made.stop() == ([], [])


def schedule(desk, ident, **more):
    row = {**BASE, **more, "sps_id": ident, "latin": "TEST^A", "birth": "19900101", "sex": "F",
           "description": "胸部", "study": "1.2.3"}  # fmt: skip
    desk.systems["RIS"].command("schedule", row)


def listed(device, keys):
    inner = {name: value for name, value in keys.items()
             if name in {*(ASKED[one][0] for one in BROAD), TIME}}  # fmt: skip
    outer = {name: value for name, value in keys.items() if name not in inner}
    *found, final = device.worklist(outer, inner, "ISO_IR 192")
    assert final.ok
    assert {one.status for one in found} <= set(PENDING)
    steps = [one.data().items("ScheduledProcedureStepSequence")[0] for one in found]
    return sorted(one.text("ScheduledProcedureStepID") for one in steps)


def near(desk):
    schedule(desk, "base")
    for key, value in OTHER.items():
        schedule(desk, key, **{key: value})


def answers(desk):
    """By combination what the list gave, and what it must give."""
    device = desk.device("ct-helical")
    return {
        keys: (listed(device, dict(ASKED[key] for key in keys)),
               sorted(["base", *(one for one in OTHER if one not in keys)]))
        for keys in COMBINATIONS
    }  # fmt: skip


def test_every_combination_of_keys_is_sound_and_complete(desk):
    near(desk)
    assert len(COMBINATIONS) == 15 + 7
    for keys, (found, wanted) in answers(desk).items():
        assert found == wanted, keys


@pytest.mark.parametrize(
    ("defect", "wrong"),
    [
        ("ris-ignores-patient-id", {"patient_id"}),
        ("ris-ignores-accession", {"accession"}),
        ("ris-ignores-procedure-id", {"procedure_id"}),
        ("ris-ignores-station", {"station"}),
        ("ris-ignores-modality", {"modality"}),
        ("ris-ignores-date", {"date"}),
        ("ris-matches-latin-only", {"name"}),
    ],
)
def test_a_key_without_effect_shows_in_each_combination_that_has_it(desk, defect, wrong):
    near(desk)
    desk.systems["RIS"].defects.add(defect)
    seen = {keys for keys, (found, wanted) in answers(desk).items() if found != wanted}
    assert seen == {keys for keys in COMBINATIONS if wrong & {*keys}}


def test_one_key_that_fits_is_not_enough(desk):
    near(desk)
    desk.systems["RIS"].defects.add("ris-any-patient-key")
    seen = {keys for keys, (found, wanted) in answers(desk).items() if found != wanted}
    assert seen == {keys for keys in COMBINATIONS if len({*keys} & {*PATIENT}) > 1}


STEPS = {"a": ("20260105", "000000"), "b": ("20260105", "080000"), "c": ("20260105", "235959"),
         "d": ("20260104", "235959"), "e": ("20260106", "000000")}  # fmt: skip
WINDOWS = [
    # PS3.4 §C.2.2.2.5: both ends belong to a range, an open end has none; a date and a time are
    # matched each by itself where nothing else was negotiated
    ({DATE: "20260105"}, "abc"),
    ({DATE: "20260105-"}, "abce"),
    ({DATE: "-20260105"}, "abcd"),
    ({DATE: "20260104-20260105"}, "abcd"),
    ({DATE: "20260105", TIME: "080000-"}, "bc"),
    ({DATE: "20260105", TIME: "-080000"}, "ab"),
    ({DATE: "20260104-20260106", TIME: "220000-235959"}, "cd"),
    ({TIME: "000000"}, "ae"),
    ({TIME: "000000-000000"}, "ae"),
    ({DATE: "20260105-", TIME: "000000-080000"}, "abe"),
]


def windows(desk):
    for ident, (date, time) in STEPS.items():
        schedule(desk, ident, date=date, time=time)
    device = desk.device("ct-helical")
    return ["".join(listed(device, keys)) for keys, _ in WINDOWS]


def test_windows_of_dates_and_times(desk):
    assert windows(desk) == [wanted for _, wanted in WINDOWS]


@pytest.mark.parametrize("defect", ["ris-ignores-time", "ris-open-range-one-day",
                                    "ris-midnight-day-before", "ris-range-open"])  # fmt: skip
def test_a_defect_of_a_window_is_seen(desk, defect):
    desk.systems["RIS"].defects.add(defect)
    assert windows(desk) != [wanted for _, wanted in WINDOWS]


@pytest.mark.parametrize(
    ("defect", "status", "counts"),
    [
        ("", 0xB000, (1, 1)),
        ("pacs-get-hides-failures", 0x0000, (2, 0)),
        ("pacs-get-ends-failed", 0xC000, (1, 1)),
        ("pacs-move-hides-failures", 0x0000, (2, 0)),
    ],
)
def test_the_end_of_a_retrieval_of_which_one_was_refused(desk, defect, status, counts):
    device = desk.device("dx-room")
    exam = desk.exam("dx-room", scheduled=False)
    objects = desk.objects(device, exam)
    assert all(one.ok for one in device.store(objects).values())
    receiver = desk.receivers["dx-room"]
    receiver.refuse.add(objects[0].text("SOPInstanceUID"))
    if defect:
        desk.systems["PACS"].defects.add(defect)
    final = device.get(exam.study, receiver)[-1]
    assert (final.status, final.counts[1:3]) == (status, counts)
    assert receiver.refused == [objects[0].text("SOPInstanceUID")]
