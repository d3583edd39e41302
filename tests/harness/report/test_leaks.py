"""The search of a page for outside knows what the mask does not: JSON, DICOM, cards, the list."""

import hashlib
import re

import pytest
from told import ADDRESS, CARD, NAME, PHONE, TOLD, http, image, insured, made, stored, written

from harness.errors import InputError
from harness.evidence.trace import pack
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.model import Person
from harness.report import gather, leaks, mask, personal
from harness.report.decode import hex_dump
from harness.report.mask import Mask


@pytest.fixture
def blind(monkeypatch):
    """A mask that knows nobody: what is found then is found by the search alone."""
    monkeypatch.setattr(Mask, "of", lambda *_: Mask(active=True))
    monkeypatch.setattr(gather, "PLACES", ())
    monkeypatch.setattr(mask, "_foreign", lambda text: text)
    monkeypatch.setattr(mask, "COLUMNS", re.compile("(?!)"))


@pytest.mark.parametrize("records", TOLD.values(), ids=TOLD.keys())
@pytest.mark.usefixtures("blind")
def test_a_name_that_the_mask_does_not_know_is_found_in_a_note(tmp_path, records):
    folder = made(tmp_path, NAME, *records)
    assert NAME in (folder / "report.html").read_text(encoding="utf-8")  # the mask missed it
    with pytest.raises(InputError) as caught:
        leaks.check(folder)
    assert not (folder / "report.html").exists()
    assert not (folder / "evidence.zip").exists()
    assert NAME not in str(caught.value)


@pytest.mark.usefixtures("blind")
def test_a_body_whose_escapes_the_mask_did_not_hide_is_a_leak_itself(tmp_path):
    with pytest.raises(InputError):
        leaks.check(made(tmp_path, "", *TOLD["as escapes of JSON"]))


@pytest.mark.parametrize("records", TOLD.values(), ids=TOLD.keys())
def test_where_nothing_is_said_of_anybody_the_page_stays(tmp_path, records):
    folder = made(tmp_path, "", *records)
    leaks.check(folder)
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize("says", [
    f"{NAME[:2]}^{NAME[2:]}", " ".join(NAME), "".join(f"\\u{ord(one):04X}" for one in NAME),
    "".join(f"&#{ord(one)};" for one in NAME), ADDRESS, "Ce^Shi", "CeShi",
])  # fmt: skip
@pytest.mark.usefixtures("blind")
def test_it_is_found_however_it_is_written(tmp_path, says):
    folder = made(tmp_path, says, http(written(insured())), *stored(image(), EXPLICIT))
    with pytest.raises(InputError):
        leaks.check(folder)


@pytest.mark.parametrize("says", ["SpaCeShip", "1990-03-07", "P77", "葡萄糖", "测试", "***451X"])
def test_what_tells_nobody_is_no_leak(tmp_path, says):
    answer = ("probe", {"probe": "results", "role": "HIS", "place": "x", "args": {},
                        "outcome": "ok", "rows": [{"item_name": "葡萄糖", "id": 7}], "error": "",
                        "ask": "e1"})  # fmt: skip
    folder = made(tmp_path, says, http(written(insured())), answer, *stored(image(), EXPLICIT))
    leaks.check(folder)


def test_what_a_probe_answered_is_found_by_the_names_of_its_columns():
    rows = [{"HZXM": NAME, "PatientName": "Ce^Shi", "PHONE": PHONE, "item_name": "葡萄糖"}]
    assert personal.values([{"kind": "probe", "rows": [*rows, "junk"]}]) == {NAME, "Ce^Shi", PHONE}


def test_bytes_that_are_no_dicom_and_damaged_dicom_are_passed_over():
    good = [dict(fields, kind=kind) for kind, fields in stored(image(), EXPLICIT)]
    wild = [{"kind": "bytes", "link": "x", "conn": "x", "frm": "HIS", "raw": pack(raw)}
            for raw in (b"MSH|", b"\x01\x00\x00\x00\x00\x01?")]  # fmt: skip
    broken = [dict(one, link="y") for one in (good[0], good[1], good[3])]
    assert NAME in personal.values([*wild, *broken, *good])
    assert NAME not in personal.values([*wild, *broken])


def test_a_name_in_a_hex_dump_is_found_across_its_lines():
    for codec in leaks.CODECS:
        dump = hex_dump(b"PID|1||7||abc" + NAME.encode(codec) + b"|")
        page = leaks._Page.of(f"<pre>{dump}</pre>")
        assert page.shows(NAME)
        assert not page.shows("测试司马")


def test_an_association_whose_beginning_was_not_seen_is_read():
    for syntax in (IMPLICIT, EXPLICIT):
        late = [dict(fields, kind=kind) for kind, fields in stored(image(), syntax)][2:]
        other = dict(late[0], raw=pack(b"GET / HTTP/1.1"))
        assert NAME in personal.values(late)
        assert NAME in personal.values([other, *late])


def test_a_name_of_two_is_found_in_parts_and_not_in_two_words():
    assert leaks._Page.of("PID-5 李^四").shows("李四")
    assert not leaks._Page.of("桃李 四月").shows("李四")


# -- the signed list -------------------------------------------------------------------------------

SUBJECT = Person(patient_id="T1", name="测试上官", sex="F", birth="19900307", id_card=CARD)


def site(tmp_path):
    """A profile with a list of one, and what a plan says of it."""
    text = "patient_id,name,sex,birth,id_card\nT1,测试上官,F,19900307,\n"
    (tmp_path / "subjects.csv").write_text(text, encoding="utf-8")
    digest = hashlib.sha256((tmp_path / "subjects.csv").read_bytes()).hexdigest()
    path = tmp_path / "site.toml"
    path.write_text(
        'format = 1\nname = "x"\nenvironment = "test"\n[systems.HIS]\nmode = "real"\n'
        f'[test_subjects]\nlist = "subjects.csv"\nsha256 = "{digest}"\nsigner = "x"\n'
        "date = 2026-01-01\n",
        encoding="utf-8",
    )
    told = {"name": "x", "hash": hashlib.sha256(path.read_bytes()).hexdigest()}
    return path, told


def test_a_signed_test_patient_whom_no_message_named_is_found(tmp_path):
    folder = made(tmp_path, SUBJECT.name)
    leaks.check(folder)
    with pytest.raises(InputError):
        leaks.check(folder, [SUBJECT])
    assert not (folder / "report.html").exists()


def test_the_list_is_that_of_the_profile_of_the_run_or_of_the_one_that_is_named(tmp_path):
    path, told = site(tmp_path)
    words = ["medharness", "run", "--profile", str(path)]
    folder = made(tmp_path, "", profile=told, words=words)
    assert [one.name for one in leaks.signed_of(folder)] == [SUBJECT.name]
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert leaks.signed_of(folder) is None
    assert [one.name for one in leaks.signed_of(folder, str(path))] == [SUBJECT.name]
    assert leaks.signed_of(folder, "memory") == ()
    with pytest.raises(InputError):
        leaks.signed_of(folder, str(tmp_path / "none.toml"))


def test_the_command_hides_them(tmp_path):
    from harness.cli import main

    path, told = site(tmp_path)
    folder = made(tmp_path, SUBJECT.name, profile=told,
                  words=["medharness", "run", "--profile", str(path)])  # fmt: skip
    main(["report", str(folder), "--for", "external"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert SUBJECT.name not in page
    assert "卡 1 ****" in page


@pytest.mark.usefixtures("blind")
def test_the_command_searches_for_them(tmp_path, capsys):
    from harness.cli import main

    path, told = site(tmp_path)
    folder = made(tmp_path, SUBJECT.name, profile=told,
                  words=["medharness", "run", "--profile", str(path)])  # fmt: skip
    assert main(["report", str(folder), "--for", "external"]) == 2
    assert SUBJECT.name not in capsys.readouterr().err
    assert not (folder / "report.html").exists()


def test_the_command_says_so_where_nobody_can_tell_the_list(tmp_path, capsys):
    from harness.cli import main

    folder = made(tmp_path, "")
    main(["report", str(folder), "--for", "external"])
    assert "--profile" in capsys.readouterr().out
    main(["report", str(folder), "--for", "external", "--profile", str(site(tmp_path)[0])])
    assert "--profile" not in capsys.readouterr().out
    assert (folder / "report.html").is_file()


def test_a_trace_that_cannot_be_read_leaves_no_page(tmp_path):
    folder = made(tmp_path, "")
    (folder / "traces" / "one.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    with pytest.raises(InputError):
        leaks.check(folder)
    assert not (folder / "report.html").exists()
