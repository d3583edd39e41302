"""Every leaf filled with its own token; read back with a split of our own, not with the codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import i18n
from harness.errors import InputError
from harness.fingerprint.make import Request, make
from harness.fingerprint.tokens import Mint


@pytest.fixture(autouse=True)
def _english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


ORU = Request(type="ORU^R01", repeats={"OBX": 20}, time="20260105080000")


def fields(message, name, encoding="gb18030"):
    rows = [line.split("|") for line in message.decode(encoding).split("\r")]
    return [row for row in rows if row[0] == name]


def test_an_oru_with_twenty_obx_has_a_token_in_every_leaf():
    message, sheet = make(ORU)

    assert len(fields(message, "OBX")) == 20
    texts = [token.text for token in sheet.searched]
    assert len(texts) == len(set(texts)) > 4_000
    [pid] = fields(message, "PID")
    first, second = pid[3].split("~")  # PID-3 repeats: both are filled, and differ
    by_path = {token.path: token.text for token in sheet.tokens}
    assert by_path["PID[1]-3[1].1"] == first.split("^")[0]
    assert by_path["PID[1]-3[2].1"] == second.split("^")[0]
    assert by_path["PID[1]-3[2].4.1"] == second.split("^")[3].split("&")[0]


def test_types_are_legal():
    message, sheet = make(ORU)

    [pid] = fields(message, "PID")
    assert len(pid[7]) == 14
    assert pid[7].isdecimal()  # TS
    for number, obx in enumerate(fields(message, "OBX"), 1):
        assert obx[1] == str(number)  # SI: the set id stays what it is
        kind, value = obx[2], obx[5]
        assert kind in {"ST", "NM", "TX"}
        assert (kind == "NM") == (value.replace(".", "").isdecimal())
        assert (kind == "TX") == value.startswith(" ")
    assert max(len(token.text) for token in sheet.tokens if token.data_type == "IS") <= 20
    assert max(len(token.text) for token in sheet.tokens if token.data_type == "NM") <= 16


def test_coded_leaves_hold_legal_codes_and_are_not_searched():
    _, sheet = make(ORU)
    sex = next(token for token in sheet.tokens if token.path == "PID[1]-8[1]")

    assert sex.text in {"A", "F", "M", "N", "O", "U"}  # HL7 table 0001
    assert sex.shared
    assert sex not in sheet.searched


def test_fixed_values_stand_and_are_no_tokens():
    fixed = {"PID-3": "P77", "PID-5.1": "测试", "OBR-4.1": "K"}
    message, sheet = make(Request(type="ORU^R01", fixed=fixed))

    [pid] = fields(message, "PID")
    assert pid[3].split("~")[0] == "P77"
    assert pid[5].split("~")[0].split("^")[0] == "测试"
    paths = {token.path for token in sheet.tokens}
    assert not {path for path in paths if path.startswith("PID[1]-3[1]")}
    assert "PID[1]-5[1].1" not in paths
    assert "PID[1]-5[1].2" in paths
    assert "PID[1]-3[2].1" in paths


def test_another_seed_gives_other_tokens_at_the_same_leaves():
    one, two = (make(Request(type="ADT^A01", seed=seed))[1] for seed in (1, 2))

    assert [token.path for token in one.tokens] == [token.path for token in two.tokens]
    assert not {t.text for t in one.searched} & {t.text for t in two.searched}


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Request(type="ADT^Q99X"), "no structure"),
        (Request(type="ADT^A01", charset="EBCDIC"), "character set"),
        (Request(type="ADT^A01", version="9.9"), "dictionary"),
        (Request(type="ADT^A01", fixed={"RXO-5": "1"}), "no place"),
        (Request(type="ORU^R01", repeats={"OBX": 5_000}), "at most"),
        (Request(type="ADT^A01", charset="8859/1"), "cannot be written"),
    ],
)
def test_what_cannot_be_made_is_said(request_, text):
    with pytest.raises(InputError, match=text):
        make(request_)


def test_without_chinese_the_message_is_ascii():
    message, _ = make(Request(type="ADT^A01", charset="8859/1", chinese=False))

    assert message.isascii()


@given(seed=st.integers(0, 10**9), count=st.integers(1, 400))
def test_tokens_of_any_seed_are_all_different(seed, count):
    mint = Mint(seed=seed)
    kinds = ("ST", "NM", "TX", "DTM", "IS", "TN")

    made = [mint.text(kinds[number % len(kinds)]) for number in range(count)]

    assert len(set(made)) == count
