"""The signed list of test patients: read whole, or refused whole."""

import hashlib
from pathlib import Path

import pytest

from harness import i18n
from harness.errors import InputErrors
from harness.profile import load_profile


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


HEADER = "patient_id,name,sex,birth,id_card\n"


GOOD = 'format = 1\nname = "x"\nenvironment = "test"\n[systems.LIS]\nmode = "real"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def with_list(folder: Path, rows: str, digest: str = "") -> str:
    data = (HEADER + rows).encode()
    (folder / "list.csv").write_bytes(data)
    digest = digest or hashlib.sha256(data).hexdigest()
    return GOOD + (
        f'\n[test_subjects]\nlist = "list.csv"\nsha256 = "{digest}"\nsigner = "某"\n'
        "date = 2026-01-05\n"
    )


def test_a_signed_list_of_test_patients_is_read(tmp_path):
    # 11010119900307467X: the check digit worked by hand, sum 277, 277 mod 11 = 2, the third of
    # 1 0 X 9 8 7 6 5 4 3 2.
    text = with_list(tmp_path, "T1,测试甲,M,19900307,11010119900307467X\n\nT2,测试乙,U,19800101,\n")

    subjects = load_profile(write(tmp_path, text)).test_subjects
    assert subjects is not None
    assert subjects.signer == "某"


def test_a_list_that_was_changed_after_signing_is_refused(tmp_path):
    path = write(tmp_path, with_list(tmp_path, "T1,测试甲,M,19900307,\n", "0" * 64))
    with pytest.raises(InputErrors, match="not the one that was signed"):
        load_profile(path)


def test_a_list_that_is_not_there_is_refused(tmp_path):
    path = write(tmp_path, with_list(tmp_path, ""))
    (tmp_path / "list.csv").unlink()
    with pytest.raises(InputErrors, match="cannot be read"):
        load_profile(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("T1,甲,M,19900307", "4 columns, not 5"),
        (",甲,M,19900307,", "a patient number and a name are needed"),
        ("T1,甲,男,19900307,", "sex must be M, F or U"),
        ("T1,甲,M,19900230,", "birth must be a date"),
        ("T1,甲,M,1990-3-7,", "birth must be a date"),
        ("T1,甲,M,18000101,", "birth must be a date"),
        ("T1,甲,M,19900307,110101199003074", "17 digits and a digit or X"),
        ("T1,甲,M,19900307,110101199003074670", "check digit"),
        ("T1,甲,M,19900308,11010119900307467X", "another birth date"),
        ("T1,甲,F,19900307,11010119900307467X", "another sex"),
        ("T1,甲,M,19900307,\nT1,乙,M,19900307,", "stands twice"),
    ],
)
def test_a_row_that_is_no_person_is_refused_at_its_line(tmp_path, row, message):
    path = write(tmp_path, with_list(tmp_path, row + "\n"))
    with pytest.raises(InputErrors) as caught:
        load_profile(path)

    problem = caught.value.problems[0]
    assert message in problem.message
    assert problem.where == f"{tmp_path / 'list.csv'}:{2 + row.count(chr(10))}"


def test_a_list_needs_its_header_its_encoding_and_an_end(tmp_path):
    def refusal(data: bytes) -> str:
        text = with_list(tmp_path, "", hashlib.sha256(data).hexdigest())
        (tmp_path / "list.csv").write_bytes(data)
        with pytest.raises(InputErrors) as caught:
            load_profile(write(tmp_path, text))
        return caught.value.problems[0].message

    assert "the first line must be" in refusal(b"")
    assert "UTF-8" in refusal((HEADER + "T1,甲,M,19900307,\n").encode("gbk"))
    assert "more than 1000" in refusal((HEADER + "T1,x,M,19900307,\n" * 1001).encode())
    assert "cannot be read" in refusal(HEADER.encode() + b'"x"y,\n')
