"""Departments, doctors and test persons: what is taken in, and who never is."""

from __future__ import annotations

import hashlib
from argparse import Namespace

import pytest
import xlsxwriter

from harness.errors import InputErrors
from harness.people import check_character, generate
from simulators.centre.imports import import_codes, read_export
from simulators.centre.imports_kinds import KINDS
from simulators.centre.rules import Policy
from simulators.centre.world import HOSPITAL
from tests.simulators.centre.counter import Counter


def card(region="194301", birth="19800515", serial="123"):
    first = f"{region}{birth}{serial}"
    return first + check_character(first)


CARD = card()
REAL = card("200101")
"""Outside what is ours, as a real one would be; no region has 20, so it is nobody's."""

HEADS = "姓名,身份证号,卡号,险种,余额\n"


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


def taken(folder, **texts):
    paths = {}
    for name, text in texts.items():
        if name == "profile":
            continue
        paths[name] = folder / f"{name}.csv"
        paths[name].write_text(text, encoding="gb18030")
    told = {name: str(path) for name, path in paths.items()}
    more = {"profile": texts["profile"]} if "profile" in texts else {}
    return import_codes(
        Namespace(ledger=str(folder / "centre.db"), json=False, seed=0, **told, **more)
    )


def of(counter, number):
    tables = counter.books("persons", "insurances", "accounts")
    return [[row for row in rows if row["psn_no"] == number] for rows in tables.values()]


def test_a_test_person_has_an_insurance_and_an_account(counter, tmp_path):
    taken(tmp_path, persons=HEADS + f"测试甲,{CARD},K1,390,12.34\n")
    (person,), (insured,), (account,) = of(counter, f"T{CARD}")
    assert (person["psn_name"], person["brdy"], person["gend"]) == ("测试甲", "1980-05-15", "1")
    assert (insured["insutype"], insured["psn_insu_stas"]) == ("390", "1")
    assert account["balc"] == 1234


def test_a_second_import_without_a_balance_leaves_what_was_spent(counter, tmp_path):
    taken(tmp_path, persons=HEADS + f"测试甲,{CARD},K1,310,12.34\n")
    counter.store.commit([("UPDATE accounts SET balc = 7 WHERE psn_no = ?", [f"T{CARD}"])])
    taken(tmp_path, persons=HEADS + f"测试甲,{CARD},K1,310,\n")
    assert of(counter, f"T{CARD}")[2][0]["balc"] == 7
    taken(tmp_path, persons=HEADS + f"测试甲,{CARD},K1,310,1\n")
    assert of(counter, f"T{CARD}")[2][0]["balc"] == 100


def test_a_real_person_does_not_get_in_unless_signed_for(counter, tmp_path):
    before = counter.books("persons", "insurances", "accounts")
    text = HEADS + f"某人,{REAL},K1,310,\n"
    with pytest.raises(InputErrors, match="--profile"):
        taken(tmp_path, persons=text)
    assert counter.books("persons", "insurances", "accounts") == before

    listed = f"patient_id,name,sex,birth,id_card\nP1,某人,M,19800515,{REAL}\n"
    (tmp_path / "subjects.csv").write_text(listed, encoding="utf-8")
    digest = hashlib.sha256(listed.encode()).hexdigest()
    profile = tmp_path / "site.toml"
    profile.write_text(SITE.format(digest=digest), encoding="utf-8")
    with pytest.raises(InputErrors, match="--profile"):
        taken(tmp_path, persons=text.replace("某人", "别人"), profile=str(profile))
    taken(tmp_path, persons=text, profile=str(profile))
    assert of(counter, f"T{REAL}")[0][0]["psn_name"] == "某人"


SITE = """
format = 1
name = "现场"
environment = "test"
[systems.HIS]
mode = "real"
version = "1"
[test_subjects]
list = "subjects.csv"
sha256 = "{digest}"
signer = "信息科"
date = 2026-01-05
"""


@pytest.mark.parametrize(("row", "line"), [
    (f"测试甲,{CARD[:-1]}0,K1,310,", 2), ("测试甲,123,K1,310,", 2), (f",{CARD},K1,310,", 2),
    (f"测试甲,{CARD},K1,310,x", 2), (f"测试甲,{CARD},K1,310,\n测试甲,{CARD},K1,310,", 3),
])  # fmt: skip
def test_a_person_that_cannot_be_used_is_told_with_the_line(counter, tmp_path, row, line):
    before = counter.books("persons")
    with pytest.raises(InputErrors, match=rf"persons\.csv:{line}"):
        taken(tmp_path, persons=f"{HEADS}{row}\n")
    assert counter.books("persons") == before


def test_another_persons_card_is_refused(counter, tmp_path):
    theirs = counter.store.rows("SELECT card_no FROM persons WHERE card_no <> ''")[0]["card_no"]
    with pytest.raises(InputErrors, match="卡号"):
        taken(tmp_path, persons=HEADS + f"测试甲,{CARD},{theirs},310,\n")


def test_a_generated_person_is_one_of_ours(counter, tmp_path):
    who = generate(99, 1)
    taken(tmp_path, persons=HEADS + f"{who.name},{who.id_card},K9,310,\n")
    assert of(counter, f"T{who.id_card}")[0]


STAFF = {
    "departments": f"机构编码,科室编码,科室名称\n{HOSPITAL},NK01,内科\n",
    "doctors": f"机构编码,医师编码,医师姓名,科室编码,结束日期\n{HOSPITAL},D1,医生甲,NK01,2026-12-31\n",
}


def test_staff_leads_to_institutions_and_departments_that_are_known(counter, tmp_path):
    with pytest.raises(InputErrors, match="NK01"):
        taken(tmp_path, doctors=STAFF["doctors"])
    with pytest.raises(InputErrors, match="H99999999999"):
        taken(tmp_path, departments=STAFF["departments"].replace(HOSPITAL, "H99999999999"))
    taken(tmp_path, **STAFF)
    assert len(counter.books("doctors", "departments")["doctors"]) == 1


@pytest.mark.parametrize(("policy", "doctor", "refused"), [
    (Policy(), "D2", False), (Policy(check_staff=True), "D1", False),
    (Policy(check_staff=True), "D2", True), (Policy(check_staff=True), "", False),
])  # fmt: skip
def test_an_unregistered_doctor_is_refused_only_where_the_centre_looks(
    tmp_path, policy, doctor, refused
):
    counter = Counter(tmp_path, policy)
    try:
        taken(tmp_path, **STAFF)
        visit = counter.register()
        row = visit.row("MHD0000000001", "10.00", bilg_dr_codg=doctor)
        answer = counter.call("2204", feedetail=[row])
        assert (answer.infcode == -1) is refused
        assert not refused or doctor in answer.err_msg
    finally:
        counter.close()


def test_a_registration_that_has_ended_counts_no_more(tmp_path):
    counter = Counter(tmp_path, Policy(check_staff=True))
    try:
        taken(tmp_path, **{name: text.replace("2026-12-31", "2026-01-31")
                           for name, text in STAFF.items()})  # fmt: skip
        visit = counter.register()
        row = visit.row("MHD0000000001", "10.00", bilg_dr_codg="D1")
        assert counter.call("2204", feedetail=[row]).infcode == -1
    finally:
        counter.close()


def test_a_workbook_of_doctors_is_read_as_well(tmp_path):
    path = tmp_path / "doctors.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate(STAFF["doctors"].splitlines()):
            sheet.write_row(number, 0, line.split(","))
    (row,) = read_export(KINDS["doctors"], path)
    assert (row["dr_codg"], row["enddate"]) == ("D1", "2026-12-31")
