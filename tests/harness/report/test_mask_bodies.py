"""A page for outside of a run whose bodies and images tell who somebody is: hidden, and read."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told import ADDRESS, CARD, NAME, PHONE, TOLD, http, insured, made, stored, written

from harness.errors import InputError
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.report import hide, leaks
from harness.report.decode import hex_dump
from harness.report.html import render
from harness.report.mask import Mask
from harness.report.model import FindingEntry, Run, parse


def record(pair):
    kind, fields = pair
    return {"kind": kind, "n": 1, **fields}


def mask_of(*pairs):
    return Mask.of([record(one) for one in pairs])


def page_of(folder):
    return html.unescape((folder / "report.html").read_text(encoding="utf-8"))


SAID = (f"{NAME}(证件 {CARD[:6]} {CARD[6:14]} {CARD[14:]})结算未成立",
        f"电话 +86{PHONE},住{ADDRESS}")  # fmt: skip


def note(text):
    return ("note", {"text": text})


@pytest.mark.parametrize("records", TOLD.values(), ids=TOLD.keys())
def test_the_page_names_nobody_and_can_be_read(tmp_path, records):
    folder = made(tmp_path, f"{NAME}:结算未成立", *records)
    leaks.check(folder)
    assert "卡 1 ****:结算未成立" in page_of(folder)


def test_everything_of_a_body_is_hidden_in_texts(tmp_path):
    folder = made(tmp_path, SAID[0], http(written(insured())), note(SAID[1]))
    leaks.check(folder)
    page = page_of(folder)
    assert "****(证件" in page
    assert "结算未成立" in page
    assert not any(one in page for one in (NAME, CARD, PHONE, ADDRESS, CARD[6:14]))


@pytest.mark.parametrize("masked", [True, False])
def test_what_a_finding_says_of_somebody_is_hidden(tmp_path, masked):
    """Expected and actual values, a whole body among them; the place and the rest stay."""
    folder = made(tmp_path, "", http(written(insured())), *TOLD["implicit DICOM"])
    run = parse(Run, folder / "run.json")
    body = written(insured(med_type="11")).decode()
    found = [
        FindingEntry(interface="HIS-YB", place="HIS-YB sql bills.psn_name", expected=NAME,
                     actual=f"{NAME} (Ce^Shi)", message=f"1101 {CARD}: 结算未成立"),
        FindingEntry(interface="HIS-YB", place="HIS-YB /input", expected=body, actual="-",
                     message="", sentence=0),
    ]  # fmt: skip
    (one,) = run.scenarios
    text = render(replace(run, scenarios=(replace(one, findings=tuple(found)),)), folder,
                  lang="en", masked=masked)  # fmt: skip
    (folder / "report.html").write_text(text, encoding="utf-8")
    if not masked:
        with pytest.raises(InputError):
            leaks.check(folder)
        return
    leaks.check(folder)
    page = page_of(folder)
    assert "**** (**^***)" in page
    assert "结算未成立" in page
    assert '"med_type": "11"' in page
    assert "HIS-YB sql bills.psn_name" in page


@pytest.mark.parametrize("said", [0, 1])
def test_without_the_mask_that_page_is_refused(tmp_path, monkeypatch, said):
    monkeypatch.setattr(Mask, "text", lambda _, text: text)
    folder = made(tmp_path, SAID[said], http(written(insured())))
    with pytest.raises(InputError):
        leaks.check(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", f"Ouyang^Lan={NAME[:2]}^{NAME[2:]}=ou1yang2^lan2"),
        ("GB18030", f"Ouyang^Lan={NAME[:2]}^{NAME[2:]}=ou1yang2^lan2"),
        ("GB18030", f"{NAME}^=="),
        ("ISO_IR 192", f"={NAME}"),
    ],
)
def test_a_name_of_an_image_is_hidden_in_each_of_its_groups(tmp_path, syntax, charset, name):
    data = DataSet.of({"SpecificCharacterSet": charset, "PatientID": "P77", "PatientName": name})
    groups = [one.replace("^", "") for one in name.split("=") if one.strip("^")]
    notes = [note(f"{one} 的图像到了 P77") for one in (*groups, *name.split("="), name)]
    notes += [note(one.replace("^", " ")) for one in name.split("=")]
    folder = made(tmp_path, "", *stored(data, syntax), *notes)
    leaks.check(folder)
    page = page_of(folder)
    assert "的图像到了 P77" in page
    assert not any(one in page for one in (NAME, "Ouyang", "OuyangLan", "ou1yang2"))


def test_a_name_in_an_item_of_a_worklist_and_a_telephone_are_hidden():
    item = DataSet.of({"PatientName": f"={NAME}", "PatientTelephoneNumbers": PHONE})
    data = DataSet.of({"SpecificCharacterSet": "GB18030", "ReferencedPatientSequence": [item]})
    mask = mask_of(*stored(data, EXPLICIT))
    assert mask.text(f"{NAME} {PHONE[:3]}-{PHONE[3:7]}-{PHONE[7:]}") == "**** *************"


@pytest.mark.parametrize(
    "body",
    [
        f"<R><psn_name>{NAME}</psn_name></R>",
        f"<s:B><x:PatientName type='a'>{NAME}</x:PatientName></s:B>",
        f"<data><![CDATA[<HZXM>{NAME}</HZXM>]]></data>",
        f"<return>&lt;psn_name&gt;{NAME}&lt;/psn_name&gt;</return>",
        f'<input>{{"psn_name":"{NAME}"}}</input>',
        f"<患者姓名>{NAME}</患者姓名>",
        f"<patient><id/><name use='L'>{NAME}</name></patient>",
        f'<PT><PT.name V="{NAME}"/></PT>',
        "<psn_name>" + "".join(f"&#{ord(one)};" for one in NAME) + "</psn_name>",
        f"<psn_name>{NAME}",  # cut off
    ],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_names_of_elements_are_known(body, codec):
    mask = mask_of(http(body.encode(codec), "soap"))
    assert mask.text(f"“{NAME}”没有结算") == "“****”没有结算"
    assert NAME.encode(codec) not in mask.raw(body.encode(codec), "soap")


@pytest.mark.parametrize(
    "name", ["psn_name", "psnName", "patient_name", "HZXM", "姓名", "userName"]
)
def test_names_of_members_are_known_as_vendors_call_them(name):
    mask = mask_of(http(written({"list": [{"more": {name: NAME}}]})))
    assert mask.text(NAME) == "****"


def test_a_broken_body_is_read_as_far_as_it_goes():
    mask = mask_of(http(written(insured())[:-9]))
    assert mask.text(f"{NAME} {ADDRESS}") == "**** " + "*" * len(ADDRESS)


def test_what_names_no_patient_stays():
    body = written({"item_name": "血糖测定", "fixmedins_name": "某医院", "psn_no": "P0001234567",
                    "tel": "-", "address": "192.168.10.23", "idNo": "88"})  # fmt: skip
    text = "血糖测定 某医院 P0001234567 192.168.10.23 88"
    assert mask_of(http(body)).text(text) == text


def test_what_went_wrong_can_be_read_in_a_masked_body():
    body = written({"infcode": -1, "err_msg": f"{NAME}的目录编码不存在", "hzbz": "张冠李戴"})
    mask = mask_of(http(written(insured())))
    shown = mask.raw(body, "http").decode()
    assert shown == '{"infcode": -1, "err_msg": "****的目录编码不存在", "hzbz": "****"}'


def test_escapes_of_what_nobody_knows_are_blanked_as_the_characters_are():
    for body in (rb'{"hzbz":"\u5f20\u4e09 ok"}', b"<a>&#24352;&#x4E09; ok</a>"):
        shown = Mask(active=True).raw(body, "http")
        assert b"u5f20" not in shown
        assert b"24352" not in shown
        assert b" ok" in shown
    assert Mask(active=True).raw(rb'{"a":"\u000a&#65;"}', "http") == rb'{"a":"\u000a&#65;"}'


def test_a_member_in_a_text_is_blanked_though_no_message_said_it():
    text = '{"psn_name": "张冠", "tel": "0531-8888", "item_name": "血糖"} <certno>12345678</certno>'
    assert Mask(active=True).text(text) == (
        '{"psn_name": "**", "tel": "*********", "item_name": "血糖"} <certno>********</certno>'
    )


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("Fang", "Fangzhou Fang's FANG fang", "Fangzhou ****'s **** ****"),
        ("Ouyang Lan", "OUYANG^LAN Ouyang, Lan Ouyanglan xOuyanglan",
         "******^*** *********** ********* xOuyanglan"),
        ("李四", "李四 李^四 桃李 四月 李四光", "** *^* 桃李 四月 **光"),
        ("欧阳兰", "欧 阳 兰 欧阳^兰", "***** **^*"),
        ("𠮷田", r"\ud842\udfb7\u7530", "*" * 18),
    ],
)  # fmt: skip
def test_a_name_is_hidden_however_it_is_written_and_not_in_the_middle_of_a_word(name, text, shown):
    mask = mask_of(http(written({"psn_name": name})))
    assert mask.text(text) == shown


@pytest.mark.parametrize(("name", "text", "shown"), [
    ("金额", "结算金额 金额的 “金额” 姓名:金额", "结算金额 金额的 “**” 姓名:**"),
    ("测试", "测试环境 测试", "测试环境 **"),
    ("Test", "a Test run “Test” [TEST]", "a Test run “****” [****]"),
])  # fmt: skip
def test_a_name_that_is_a_word_of_the_report_is_hidden_where_it_stands_alone(name, text, shown):
    assert hide.ordinary(name)
    assert mask_of(http(written({"psn_name": name}))).text(text) == shown


def test_a_patient_called_by_a_word_of_the_report_leaves_a_page_that_can_be_read(tmp_path):
    plain = page_of(made(tmp_path / "a", "结算金额", http(written(insured(psn_name="欧阳兰")))))
    folder = made(tmp_path / "b", "结算金额", http(written(insured(psn_name="金额"))))
    leaks.check(folder)
    assert page_of(folder).count("结算") == plain.count("结算")
    assert page_of(folder).count("金额") == plain.count("金额")


def test_names_are_no_words():
    assert not any(
        hide.ordinary(one)
        for one in ("李四", "张三", "王五", "欧阳兰", "Ouyang", CARD, ADDRESS, "张伟")
    )


@pytest.mark.parametrize("text", [
    f"{CARD[:6]} {CARD[6:14]} {CARD[14:]}", f"{CARD[:6]}-{CARD[6:10]}-{CARD[10:14]}-{CARD[14:]}",
    f"ID{CARD}", f"CN{CARD.lower()}", f"86{PHONE}", f"+86-{PHONE}", f"{PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}",
    f"tel:{PHONE}",
])  # fmt: skip
@pytest.mark.parametrize("known", [True, False], ids=["of the run", "of nobody"])
def test_numbers_are_hidden_with_separators_and_prefixes(tmp_path, text, known):
    body = insured() if known else {}
    folder = made(tmp_path, f"号 {text} 完", http(written(body)))
    leaks.check(folder)
    shown = re.search("号 (.*?) 完", page_of(folder))[1]
    assert re.sub(r"\D", "", shown).removeprefix("86") in {"", re.sub(r"\D", "", text[-4:])}


@pytest.mark.parametrize("text", [f"ID{CARD}", f"86{PHONE}", f"{PHONE[:3]}-{PHONE[3:7]}-{PHONE[7:]}",
                                  f"{CARD[:6]} {CARD[6:14]} {CARD[14:]}"])  # fmt: skip
def test_the_search_finds_them_where_the_mask_did_not(tmp_path, monkeypatch, text):
    monkeypatch.setattr(Mask, "text", lambda _, text: text)
    with pytest.raises(InputError):
        leaks.check(made(tmp_path, text, http(b"{}"), ("probe", {
            "probe": "x", "role": "HIS", "place": "x", "args": {}, "outcome": "ok", "error": "",
            "rows": [{"certno": CARD, "tel": PHONE}], "ask": "e1"})))  # fmt: skip


def test_what_only_looks_like_them_stays():
    text = "2026-03-02 09:30:00 1760000000000 20260302093000123 6901234567892 12.5 139-00"
    assert Mask(active=True).text(text) == text


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='欧阳兰金额ab1 ^=&\\u{}":<>/', max_size=40))
def test_what_is_hidden_keeps_its_length_and_any_text_can_be_taken(text):
    mask = mask_of(http(written(insured(psn_name="欧阳兰"))))
    assert len(mask.text(text)) == len(text)
    assert "欧阳兰" not in mask.text(text)


def test_a_hex_dump_of_a_masked_body_shows_no_name():
    mask = mask_of(http(written(insured())))
    for codec in ("utf-8", "gb18030"):
        dump = hex_dump(mask.raw(written(insured(), codec=codec), "http"))
        assert not leaks._Page.of(f"<pre>{dump}</pre>").shows(NAME)
