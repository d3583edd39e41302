"""A HIS with foreign codes: refused before its codes are imported, settles afterwards."""

from argparse import Namespace

import pytest
import xlsxwriter

from harness.cli import build_parser
from harness.errors import InputError, InputErrors
from simulators.centre.imports import import_codes, read_export
from simulators.centre.imports_kinds import KINDS
from tests.simulators.centre.counter import Counter

HOSPITAL = "H43019900777"
FILES = {
    "institution": "定点医药机构编号,定点医药机构名称,医院等级,收费等级\n"
    f"{HOSPITAL},现场医院,2,3\n",
    "catalogue": "医保目录编码,项目名称,目录类别,收费项目等级,职工先行自付比例,三级限价\n"
    "XJ00100000000A,现场药品,101,02,0.1,20.0\n",
    "mapping": "定点医药机构编号,院内项目编码,院内项目名称,目录类别,医保目录编码,开始日期\n"
    f"{HOSPITAL},0077,现场药品,101,XJ00100000000A,2026/1/1\n",
}


def saved(folder, encoding="gb18030", **changed):
    paths = {}
    for name, text in (FILES | changed).items():
        paths[name] = folder / f"{name}.csv"
        paths[name].write_text(text, encoding=encoding)
    return paths


def arguments(ledger, paths, **more):
    told = {name: str(path) for name, path in paths.items()}
    return Namespace(ledger=str(ledger), json=False, seed=0, **told | more)


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    made.hospital = HOSPITAL
    yield made
    made.close()


def charged(counter):
    visit = counter.register()
    visit.upload(visit.row("XJ00100000000A", "10.00", medins_list_codg="0077"))
    return visit.settle()["setlinfo"]


def test_foreign_codes_fail_before_the_import_and_settle_after_it(counter, tmp_path):
    before = counter.count
    with pytest.raises(AssertionError, match=HOSPITAL):
        charged(counter)
    assert counter.count == before + 1, "refused at the first message"

    import_codes(arguments(tmp_path / "centre.db", saved(tmp_path)))

    assert str(charged(counter)["medfee_sumamt"]) in {"10.00", "10"}


def test_without_its_items_the_hospital_is_known_and_its_charge_is_not(counter, tmp_path):
    paths = {"institution": saved(tmp_path)["institution"]}
    import_codes(arguments(tmp_path / "centre.db", paths))
    with pytest.raises(AssertionError, match="XJ00100000000A"):
        charged(counter)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_encoding_gives_the_same_rows(tmp_path, encoding):
    paths = saved(tmp_path, encoding)
    assert (
        read_export(KINDS["institution"], paths["institution"])[0]["fixmedins_name"] == "现场医院"
    )
    (row,) = read_export(KINDS["mapping"], paths["mapping"])
    assert (row["fixmedins_hilist_id"], row["begndate"]) == ("0077", "2026-01-01")


def test_a_workbook_is_read_as_well(tmp_path):
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate(FILES["catalogue"].splitlines()):
            sheet.write_row(number, 0, line.split(","))
    (row,) = read_export(KINDS["catalogue"], path)
    assert (row["ratio_310"], row["limit_3"]) == read_numbers(tmp_path)


def read_numbers(tmp_path):
    (row,) = read_export(KINDS["catalogue"], saved(tmp_path)["catalogue"])
    return row["ratio_310"], row["limit_3"]


@pytest.mark.parametrize(("name", "old", "new", "line"), [
    ("institution", HOSPITAL, "abc", 2), ("catalogue", "0.1", "1.1", 2),
    ("catalogue", "20.0", "x", 2), ("catalogue", "现场药品", "", 2),
    ("mapping", "2026/1/1", "2026/13/1", 2), ("mapping", "2026/1/1", "2100-01-01", 2),
    ("mapping", "目录类别", "别的", 1),
])  # fmt: skip
def test_a_row_that_cannot_be_used_is_told_with_its_line_and_nothing_is_written(
    counter, tmp_path, name, old, new, line
):
    before = counter.books("hospitals", "catalogue", "mappings")
    paths = saved(tmp_path, **{name: FILES[name].replace(old, new)})
    with pytest.raises(InputErrors, match=f"{name}.csv:{line}"):
        import_codes(arguments(tmp_path / "centre.db", paths))
    assert counter.books("hospitals", "catalogue", "mappings") == before


def test_a_row_that_stands_twice_and_a_mapping_to_nothing_are_refused(counter, tmp_path):
    twice = FILES["catalogue"] + FILES["catalogue"].splitlines()[1] + "\n"
    with pytest.raises(InputErrors, match=r"catalogue\.csv:3"):
        import_codes(arguments(tmp_path / "centre.db", saved(tmp_path, catalogue=twice)))
    paths = {"mapping": saved(tmp_path)["mapping"]}
    before = counter.books("mappings")
    with pytest.raises(InputErrors, match="XJ00100000000A"):
        import_codes(arguments(tmp_path / "centre.db", paths))
    assert counter.books("mappings") == before


def test_nothing_to_import_and_no_ledger_are_refused(tmp_path):
    with pytest.raises(InputError):
        import_codes(arguments(tmp_path / "x.db", {}))
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(InputError):
        import_codes(arguments(tmp_path / "x.db", saved(tmp_path)))


def test_a_new_ledger_has_the_world_of_its_seed_too(tmp_path):
    assert import_codes(arguments(tmp_path / "new.db", saved(tmp_path))) == 0
    assert (tmp_path / "new.db").is_file()


def test_the_command_line_knows_it():
    args = build_parser().parse_args(
        ["centre", "import", "--ledger", "x", "--mapping", "y", "--json"]
    )
    assert (args.centre, args.mapping, args.json) == ("import", "y", True)
