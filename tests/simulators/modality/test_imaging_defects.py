"""Every defect of PACS and RIS changes what a peer sees, and the sound systems show none of it.

One tour asks everything that a peer can ask and notes what came. The tour of a sound pair is the
measure: it is checked by hand-written facts, and each defect must differ from it.
"""

from pathlib import Path

import imaging_desk as desk_module
import pytest

from harness.link.dicom import PENDING
from harness.link.dicom_data import walk
from simulators.hospital import defects
from simulators.hospital.defects_imaging import DEFECTS

ImagingDesk = desk_module.ImagingDesk


def told(answers):
    """Statuses, counts, and every element of every data set."""
    seen = []
    for one in answers:
        elements = []
        if one.payload:
            data = one.data()
            elements = [(path, value) for path, _, _, value in walk(data)]
        seen.append((one.status, one.counts if one.status not in PENDING else None, elements))
    return seen


def tour_of_pacs(desk, seen):
    ct, old = desk.device("ct-helical"), desk.device("ct-implicit-only")
    for modality, kind, charset in (
        (ct, "ordinary", "GB18030"),
        (ct, "rare", "GB18030"),
        (ct, "trail-byte", "GB18030"),
        (old, "ordinary", "\\ISO 2022 IR 58"),
    ):
        exam = desk.exam(modality.model.name, kind, scheduled=False)
        objects = desk.objects(modality, exam)
        seen.append([one.status for one in modality.store(objects).values()])
        seen.append([one.status for one in modality.store(objects).values()])
        keys = dict.fromkeys(
            (
                "PatientName",
                "StudyDate",
                "StudyTime",
                "ModalitiesInStudy",
                "AccessionNumber",
                "NumberOfStudyRelatedInstances",
            ),
            "",
        )
        seen.append(told(modality.find("STUDY", {**keys, "StudyInstanceUID": exam.study})))
        keys["PatientName"] = f"*{exam.person.name}*"
        seen.append(len(modality.find("STUDY", {**keys, "StudyInstanceUID": ""}, charset)))
    receiver = desk.receivers["ct-helical"]
    exam = desk.exam(scheduled=False)
    objects = desk.objects(ct, exam)
    ct.store(objects)
    seen.append(told(ct.get(exam.study, receiver)))
    seen.append({sop: one.payload for sop, one in receiver.stored.items()})
    receiver.refuse.add(objects[1].text("SOPInstanceUID"))
    seen.append(told(ct.move(exam.study, ct.model.ae_title)))
    seen.append(told(ct.move(exam.study, "MHNOBODY")))
    listed = [(ct.model.sop_class, one.text("SOPInstanceUID")) for one in objects]
    listed.append((ct.model.sop_class, "2.25.1"))
    for _ in range(2):
        seen.append(ct.commit("2.25.77", listed).status)
    report = receiver.wait_report("2.25.77", 0.7)
    seen.append([(path, value) for path, _, _, value in walk(report)] if report else None)
    tour_of_conflicts(desk, seen, ct, exam, objects)


def tour_of_conflicts(desk, seen, ct, exam, objects):
    changed = desk.objects(ct, exam)[0]
    changed.set("PixelData", b"\1" * 8192, "OW")
    seen.append([one.status for one in ct.store([changed]).values()])
    stranger = desk_module.instance(ct.model, exam, 99)
    stranger.set("PatientID", "MHOTHER")
    seen.append([one.status for one in ct.store([stranger]).values()])
    receiver = desk.receivers["ct-helical"]
    receiver.refuse.clear()
    receiver.stored.clear()
    seen.append(told(ct.get(exam.study, receiver)))
    seen.append({sop: one.payload for sop, one in receiver.stored.items()})
    renumbered = desk.objects(ct, exam)[0]
    renumbered.set("InstanceNumber", "77")
    seen.append([one.status for one in ct.store([renumbered]).values()])
    undeclared = {"SpecificCharacterSet": "", "PatientName": "", "StudyInstanceUID": exam.study}
    seen.append(told(ct.find("STUDY", undeclared)))
    seen.append(told(ct.find("STUDY", unreadable(exam))))


def unreadable(exam):
    """Keys that say UTF-8, and are GB 18030."""
    name = f"*{exam.person.name}*".encode("gb18030")
    return {"SpecificCharacterSet": "ISO_IR 192", "PatientName": name, "PatientID": ""}


def tour_of_ris(desk, seen):
    ct = desk.device("ct-helical")
    exams = [desk.exam("ct-helical", kind) for kind in ("ordinary", "rare", "trail-byte")]
    other_day = desk.exam("ct-helical", date="20260106")
    desk.exam("ct-implicit-only")
    desk.exam("dx-room")
    charset = "ISO_IR 192"
    for keys in (
        {"ScheduledProcedureStepStartDate": "20260105"},
        {"Modality": "CT"},
        {"ScheduledStationAETitle": "MHCT1"},
        {},
        {},
    ):
        seen.append(told(ct.worklist({}, keys, charset)))
    seen.append(told(ct.worklist({"PatientName": f"*{exams[1].person.name}*"}, {}, charset)))
    for uid, group in (("2.25.5", exams[:2]), ("2.25.6", exams[2:])):
        seen.append([ct.begin(uid, group).shown for _ in range(2)])
    seen.append(told(ct.worklist({}, {"Modality": "CT"}, charset)))
    seen.append(
        [ct.finish("2.25.5", exams[0], state).status for state in ("COMPLETED", "DISCONTINUED")]
    )
    seen.append(ct.finish("2.25.404", exams[0]).status)
    desk.systems["RIS"].command("cancel", {"sps_id": other_day.step_id})
    renamed = exams[2].person
    desk.systems["RIS"].command(
        "rename", {"patient_id": renamed.patient_id, "name": "改名", "latin": "NEW"}
    )
    seen.append(told(ct.worklist({}, {}, charset)))
    seen.append(told(ct.worklist({"SpecificCharacterSet": ""}, {}, charset)))
    seen.append(told(ct.worklist(unreadable(exams[0]), {}, charset)))


def tour(folder, ident=""):
    desk = ImagingDesk(folder, [ident] if ident else [])
    seen = []
    try:
        if not ident.startswith("ris-"):
            tour_of_pacs(desk, seen)
        pacs, seen = seen, []
        if not ident.startswith("pacs-"):
            tour_of_ris(desk, seen)
    finally:
        left, troubles = desk.stop()
    assert (left, troubles) == ([], [])
    return pacs, seen


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return tour(tmp_path_factory.mktemp("sound"))


@pytest.mark.slow
def test_the_sound_pair_answers_as_it_should(sound):
    pacs, ris = sound
    assert pacs[0] == [0, 0, 0, 0] == pacs[1]
    assert pacs[3] == pacs[15] == 2  # one match, and the end
    assert pacs[17].keys() and len(pacs[17]) == 4
    assert pacs[18][-1][:2] == (0xB000, (None, 3, 1, 0))
    assert pacs[19][-1][0] == 0xA801
    assert pacs[20:22] == [0, 0x0110]
    assert pacs[23:25] == [[0x0111], [0xA900]]
    assert pacs[26] == pacs[17]
    assert pacs[27] == [0x0111]
    assert [path for path, value in pacs[28][0][2] if value == b"ISO_IR 192"] == ["(0008,0005)"]
    assert [len(pacs[28]), *(one[0] for one in pacs[29])] == [2, 0xC001]
    assert [len(one) - 1 for one in ris[:6]] == [5, 5, 4, 6, 6, 1]
    assert ris[3] == ris[4]
    assert ris[6:8] == [["0000", "0111"], ["0000", "0111"]]
    assert ris[9:11] == [[0, 0x0110], 0x0112]
    assert len(ris[11]) - 1 == 3  # two are done, one is cancelled
    assert {value for one in ris[12] for path, value in one[2] if path == "(0008,0005)"} == {
        b"ISO_IR 192"
    }
    assert [len(ris[12]), *(one[0] for one in ris[13])] == [4, 0xC001]


@pytest.mark.slow
@pytest.mark.parametrize("ident", [defect.id for defect in DEFECTS])
def test_a_defect_is_seen_by_a_peer(sound, tmp_path, ident):
    assert tour(tmp_path, ident)[ident.startswith("ris-")] != sound[ident.startswith("ris-")]


def test_the_defects_are_known_by_their_ids():
    idents = [defect.id for defect in DEFECTS]
    assert len(set(idents)) == len(idents) >= 20
    defects.check(idents)


def test_every_defect_id_is_in_the_code_once_more():
    """An id that nobody looks for changes nothing."""
    folder = Path(defects.__file__).parent
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in folder.glob("*.py")
        if not path.name.startswith("defects")
    )
    for defect in DEFECTS:
        suffix = defect.id.partition("-")[2]
        assert f'"{defect.id}"' in text or f"}}-{suffix}" in text, defect.id
