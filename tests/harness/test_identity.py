"""The guard: our people pass in every protocol and character set, nobody else does."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness import identity
from harness.errors import PermitError
from harness.identity import IdentityGuard
from harness.model import Person
from harness.people import KINDS, barcode, generate

US = generate(7, 0)
OTHER = generate(7, 1)
TUBE = barcode(7, 0)
REAL_CARD = "11010519491231002X"
"""The example of GB 11643-1999 appendix A."""


def guard() -> IdentityGuard:
    made = IdentityGuard([US])
    made.allow_specimen(TUBE)
    return made


def refused(protocol: str, payload: str | bytes) -> str:
    """Where the guard saw somebody else."""
    data = payload if isinstance(payload, bytes) else payload.encode("gb18030")
    with pytest.raises(PermitError) as caught:
        guard().check(protocol, data)
    return caught.value.where


def pid(**fields: str) -> str:
    row = ["PID", *[""] * 30]
    for name, value in fields.items():
        row[int(name[1:])] = value
    return "MSH|^~\\&|A|B\r" + "|".join(row) + "\r"


# -- HL7 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_our_people_pass_in_hl7(kind, encoding):
    for index in range(20):
        who = generate(3, index, kind=kind)
        ours = IdentityGuard([who])
        text = pid(
            f2=who.patient_id,
            f3=f"{who.patient_id}^^^^PatientNO~{who.id_card}^^^^IdentifyNO",
            f5=who.name,
            f7=f"{who.birth}000000",
            f8=who.sex,
            f13='""',
            f19=who.id_card,
        )
        ours.check("mllp", (text + f"MRG|{who.patient_id}^^^^PatientNO\r").encode(encoding))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"f2": OTHER.patient_id}, "PID-2"),
        ({"f3": f"{OTHER.patient_id}^^^^PatientNO"}, "PID-3"),
        ({"f3": f"{US.patient_id}^^^^PatientNO~00123456^^^^Card_No"}, "PID-3"),
        ({"f3": f"{US.patient_id}^^^13800000000"}, "PID-3"),
        ({"f4": "00123456"}, "PID-4"),
        ({"f5": OTHER.name}, "PID-5"),
        ({"f5": f"{US.name}~张三"}, "PID-5"),
        ({"f5": f"{US.name}^^张三"}, "PID-5"),
        ({"f5": "雷^锋"}, "PID-5"),
        ({"f6": "王氏"}, "PID-6"),
        ({"f7": OTHER.birth}, "PID-7"),
        ({"f7": "1"}, "PID-7"),
        ({"f9": "小明"}, "PID-9"),
        ({"f11": "某路1号^^某市"}, "PID-11"),
        ({"f13": "13800000000"}, "PID-13"),
        ({"f13": "^^^^^^^^0571-88888888"}, "PID-13"),
        ({"f14": "^PRN^PH^^^^88888888"}, "PID-14"),
        ({"f19": REAL_CARD}, "PID-19"),
        ({"f20": "330100000000"}, "PID-20"),
        ({"f21": "00123456"}, "PID-21"),
    ],
)
def test_anybody_else_is_refused_in_hl7(fields, place):
    assert refused("hl7", pid(**fields)) == place


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"f2": "  ", "f5": '""', "f7": ""},
        {"f5": f"{US.name[0]}^{US.name[1:]}"},
        {"f5": f"{US.name}^^^^^^L"},
        {"f3": f"  {US.patient_id}^^^ASSIGNED BY US^PatientNO"},
        {"f3": US.patient_id.lower()},
        {"f7": US.birth[:4]},
        {"f7": US.birth[:6]},
        {"f11": "^^^^^^H"},
        {"f19": US.id_card},
    ],
)
def test_forms_of_our_people_and_of_nobody_pass(fields):
    guard().check("hl7", pid(**fields).encode("gb18030"))


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ("MSH|^~\\&|A\rMRG|00123456^^^^PatientNO\r", "MRG-1"),
        ("MSH|^~\\&|A\rMRG|||||||张三\r", "MRG-7"),
        ("MSH|^~\\&|A\rNK1|1|张三\r", "NK1-2"),
        ("MSH|^~\\&|A\rNK1|1||SPO|某路1号\r", "NK1-4"),
        ("MSH|^~\\&|A\nPID|1||||张三\n", "PID-5"),
        ("MSH|^~\\&|A\r  PID|1||||张三\r", "PID-5"),
        ("MSH|^~\\&|A\rpid|1||||张三\r", "PID-5"),
        ("\ufeffPID|1||||张三\r", "PID-5"),
        ("PID|1||||张三\r", "PID-5"),
        ("MSH#*~\\&#A\rPID#1####张三\r", "PID-5"),
        ("MSH|^\rPID|1||||张三\r", "PID-5"),
        ("\x0bMSH|^~\\&|A\rPID|1||||张三\r\x1c\r", "PID-5"),
        ("MSH|^~\\&|A\rPID|1||||A\\T\\B\r", "PID-5"),
    ],
)
def test_other_segments_and_odd_forms_are_read_too(payload, place):
    assert refused("hl7", payload) == place


def test_delimiters_are_those_of_the_message():
    text = f"MSH#*~\\&#A\rPID#1##{US.patient_id}*****##{US.name}\r"

    guard().check("hl7", text.encode())


def test_an_identity_card_number_is_found_anywhere():
    where = refused("hl7", f"MSH|^~\\&|A\rOBX|1|ST|A^B||患者{REAL_CARD}来院\r")

    assert where
    guard().check("hl7", f"MSH|^~\\&|A\rNTE|1||{US.id_card}\r".encode())
    # The check digit does not hold, the month does not exist, or it is part of a longer number.
    for number in ("110105194912310021", "11010519493231002X", f"1{REAL_CARD}"):
        guard().check("hl7", f"MSH|^~\\&|A|B|||||{number}\r".encode())


# -- ASTM ------------------------------------------------------------------------------------------


def astm(patient: str = "P|1", order: str = "O|1", header: str = "H|\\^&") -> str:
    return f"{header}\r{patient}\r{order}\rL|1|N\r"


NEAR_NUMBERS = st.lists(
    st.sampled_from(
        [REAL_CARD, REAL_CARD.lower(), US.id_card, US.id_card[1:], US.id_card[:-1], "1",
         "0", "X", "x", ".", " ", "中", '"phar_cert_no":"', "prac_psn_certno=", "９", "\n"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(NEAR_NUMBERS)
@example(REAL_CARD.lower())
def test_the_first_glance_at_a_text_overlooks_no_number(text):
    quick = list(identity.card_numbers(text))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(identity, "_DIGITS", re.compile(""))
        assert list(identity.card_numbers(text)) == quick


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_our_people_pass_in_astm(kind, encoding):
    for index in range(20):
        who, tube = generate(3, index, kind=kind), barcode(3, index)
        ours = IdentityGuard([who])
        ours.allow_specimen(tube)
        # LIS02-A2 §7.1: P.3 practice id, P.6 name, P.8 birth date, P.9 sex.
        text = astm(f"P|1|{who.patient_id}|||{who.name}||{who.birth}|{who.sex}", f"O|1|{tube}")
        ours.check("astm", text.encode(encoding))


@pytest.mark.parametrize(
    ("patient", "place"),
    [
        (f"P|1|{OTHER.patient_id}", "P.3"),
        ("P|1||00123456", "P.4"),
        ("P|1|||张三", "P.5"),
        ("P|1||||张^三", "P.6"),
        ("P|1|||||王氏", "P.7"),
        (f"P|1||||||{OTHER.birth}", "P.8"),
        (f"P|1||||||{OTHER.birth}^30^Y", "P.8"),
        ("P|1|||||||||||13800000000", "P.13"),
        (f"P|1|{US.patient_id}^张三", "P.3"),
        (f"P|1|{US.patient_id}\\00123456", "P.3"),
        ("\x021P|1||||张三", "P.6"),
    ],
)
def test_anybody_else_is_refused_in_astm(patient, place):
    assert refused("astm", astm(patient)) == place


@pytest.mark.parametrize(
    "patient",
    [
        "P|1",
        f"P|1|||{US.name}||M",
        f"P|1||||{US.name[0]}^{US.name[1:]}||{US.birth}^30^Y|M",
        f"P|1|{US.patient_id}^MR|||||M",
    ],
)
def test_shifted_fields_of_our_people_pass(patient):
    guard().check("astm", astm(patient).encode())


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ("O|1|26010500123", "O.3"),
        ("O|1|12", "O.3"),
        ("O|1|12^26010500123", "O.3"),
        (f"O|1|{TUBE}|26010500123", "O.4"),
        ("O|1||1^2^         26010500123^B", "O.4"),
        ("Q|1|^26010500123", "Q.3"),
        (f"Q|1|^{TUBE}\\^26010500123", "Q.3"),
    ],
)
def test_a_foreign_specimen_is_refused(order, place):
    assert refused("astm", astm(order=order)) == place


@pytest.mark.parametrize(
    "order",
    [
        "O|1",
        f"O|1|{TUBE}",
        f"O|1|{TUBE}^12^3",
        f"O|1||1^2^          {TUBE}^B",
        f"Q|1|^{TUBE}||ALL",
        "Q|1|ALL",
    ],
)
def test_our_specimens_pass(order):
    guard().check("astm", astm(order=order).encode())


def test_astm_delimiters_are_those_of_the_header():
    guard().check("astm", astm(f"P!1!{US.patient_id}", f"O!1!{TUBE}@1", "H!~@#").encode())

    assert refused("astm", astm("P!1!00123456", "O!1", "H!~@#")) == "P.3"
    assert refused("astm", astm("P|1|A&F&B", "O|1")) == "P.3"
    assert refused("astm", astm("P|1|00123456", "O|1", "H|")) == "P.3"


# -- who may be let in -----------------------------------------------------------------------------


def test_only_generated_people_and_signed_subjects_are_let_in():
    subject = Person(patient_id="T1", name="测试甲", sex="M", birth="19800101")
    with pytest.raises(PermitError):
        guard().allow(subject)
    with pytest.raises(PermitError):
        IdentityGuard([subject])
    signed = IdentityGuard([subject], subjects=[subject])

    signed.check("hl7", pid(f3="T1", f5="测试甲", f7="19800101").encode("gb18030"))


def test_the_refusal_of_a_person_does_not_tell_who_it_is():
    subject = Person(patient_id="T1000000", name="测试甲", sex="M", birth="19800101")
    with pytest.raises(PermitError) as caught:
        guard().allow(subject)

    assert "测试甲" not in str(caught.value)
    assert "T1000000" not in str(caught.value)


def test_a_specimen_id_outside_our_namespaces_is_refused():
    with pytest.raises(PermitError, match="26010500123"):
        guard().allow_specimen("26010500123")


def test_the_refusal_of_a_payload_does_not_repeat_the_identity():
    with pytest.raises(PermitError) as caught:
        guard().check("hl7", pid(f5="雷锋").encode())

    assert "雷锋" not in str(caught.value)


def test_a_protocol_without_a_reader_is_refused():
    with pytest.raises(PermitError, match="dicom"):
        guard().check("dicom", b"")


def test_bytes_of_no_character_set_are_refused():
    with pytest.raises(PermitError):
        guard().check("hl7", b"MSH|^~\\&|A\rPID|1||||\xff\xff\r")


def test_messages_without_people_pass():
    ack = b"MSH|^~\\&|A|B|C|D|20260105||ACK^A01|1|P|2.4\rMSA|AA|1\r"

    guard().check("hl7", ack)
    guard().check("hl7", b"")
    guard().check("astm", b"H|\\^&\rL|1|N\r")


NASTY = st.text(st.sampled_from('MSHPIDRGNKOQ|^~\\&\r\n\x02 1张"5'), max_size=60)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["hl7", "astm"]), st.one_of(NASTY.map(str.encode), st.binary(max_size=60)))
def test_whatever_comes_the_guard_passes_or_refuses(protocol, payload):
    try:
        guard().check(protocol, payload)
    except PermitError as error:
        assert error.message


@settings(max_examples=100, deadline=None)
@given(st.text("张王李赵刘陈杨黄周吴", min_size=2, max_size=4), st.sampled_from([5, 6, 9]))
def test_no_name_but_ours_gets_through(name, number):
    if name == US.name:
        return
    assert refused("hl7", pid(**{f"f{number}": name})) == f"PID-{number}"
