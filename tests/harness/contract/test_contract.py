"""Contracts without traffic: what two snapshots say, and what they may not be silent about."""

from __future__ import annotations

import json
import sqlite3
import struct
from pathlib import Path

import pytest

from harness import cli, input_files
from harness.contract import files, sql, workstation
from harness.contract.compare import compare
from harness.contract.model import Snapshot
from harness.errors import InputError
from harness.signoff import results

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:h"
 targetNamespace="urn:h"><portType name="Result">
 <operation name="Send"><input message="t:SendIn"/><output message="t:SendOut"/></operation>
 </portType></definitions>"""

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:h">
 <xs:element name="Result"><xs:complexType><xs:sequence>
 <xs:element name="Barcode" type="xs:string"/>
 <xs:element name="Unit" type="xs:string" minOccurs="0"/></xs:sequence>
 <xs:attribute name="version" use="required"/></xs:complexType></xs:element>
 <xs:simpleType name="Flag"><xs:restriction base="xs:string">
 <xs:enumeration value="H"/><xs:maxLength value="2"/></xs:restriction></xs:simpleType>
 </xs:schema>"""


def database(path: Path, *statements: str) -> Path:
    db = sqlite3.connect(path)
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return path


TABLES = (
    "CREATE TABLE results (id INTEGER PRIMARY KEY, value TEXT NOT NULL, status TEXT, name TEXT)",
    "CREATE VIEW v_results AS SELECT value, status FROM results",
    "CREATE TRIGGER t AFTER INSERT ON results BEGIN SELECT 1; END",
    *(f"INSERT INTO results VALUES ({n}, '{n}.5', '{'FPC'[n % 3]}', '张三')" for n in range(1, 13)),
)


def test_a_database_tells_its_contract_and_no_person(tmp_path: Path) -> None:
    found = sql.items(str(database(tmp_path / "lis.sqlite", *TABLES)))

    assert found["column results.value"] == "TEXT, not null"
    assert found["column results.id"] == "INTEGER, null, key 1"
    assert found["rows results"] == "12"
    assert found["codes results.status"] == "'C' 'F' 'P'"
    assert "trigger t" in found
    assert "view v_results" in found
    assert "codes results.name" not in found
    assert "张三" not in json.dumps(found, ensure_ascii=False)


def test_a_view_that_no_longer_runs_is_told(tmp_path: Path) -> None:
    path = database(tmp_path / "lis.sqlite", *TABLES, "DROP TRIGGER t",
                    "ALTER TABLE results RENAME TO result_2026")  # fmt: skip
    db = sqlite3.connect(path)
    db.execute("PRAGMA legacy_alter_table = ON")
    db.close()
    broken = database(tmp_path / "broken.sqlite", "CREATE TABLE a (x TEXT)",
                      "CREATE VIEW v AS SELECT x FROM a", "PRAGMA legacy_alter_table = ON",
                      "DROP TABLE a")  # fmt: skip

    assert "no such table" in sql.items(str(broken))["invalid v"]


def test_a_database_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        sql.items(f"sqlite:{tmp_path / 'none.sqlite'}")
    assert not (tmp_path / "none.sqlite").exists()


def test_interface_files_are_compared_by_what_they_define(tmp_path: Path) -> None:
    (tmp_path / "a.wsdl").write_text(WSDL, "utf-8")
    (tmp_path / "b.xsd").write_text(XSD, "utf-8")
    (tmp_path / "c.xsd").write_text("<xs:schema", "utf-8")
    found = files.items(tmp_path)

    assert found["operation Result.Send of a.wsdl"] == "input=SendIn output=SendOut"
    assert found["namespace a.wsdl"] == "urn:h"
    assert found["element /Result/Unit of b.xsd"] == "string, 0..1"
    assert found["element /Result/Barcode of b.xsd"] == "string, 1..1"
    assert found["attribute /Result/version of b.xsd"] == "-, required"
    assert found["code /Flag H of b.xsd"] == "present"
    assert "unreadable c.xsd" in found


def test_an_entity_of_a_file_is_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("0815", "utf-8")
    folder = tmp_path / "in"
    folder.mkdir()
    text = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><x targetNamespace="u">&e;</x>'
    (folder / "a.xsd").write_text(text, "utf-8")

    assert "0815" not in str(files.items(folder))


def program(machine: int, major: int = 3, minor: int = 7) -> bytes:
    """A PE file as far as anybody looks: headers (PE format §3), and a VS_FIXEDFILEINFO."""
    head = b"MZ" + bytes(58) + struct.pack("<I", 64)
    info = struct.pack("<IIII", 0xFEEF04BD, 0x10000, major << 16 | minor, 1 << 16 | 2)
    return head + b"PE\0\0" + struct.pack("<H", machine) + bytes(18) + info


def station(folder: Path, name: str, machine: int = 0x14C, server: str = "10.0.0.5") -> Path:
    place = folder / name
    place.mkdir(parents=True)
    (place / "Client.exe").write_bytes(program(machine))
    ini = f"[DB]\nServer={server}\nPassword=geheim\n"
    (place / "client.ini").write_bytes(ini.encode("gb18030"))
    (place / "odbc.reg").write_bytes(
        '[HKEY_LOCAL_MACHINE\\ODBC\\LIS]\r\n"Driver"="SQL Server"\r\n'.encode("utf-16")
    )
    (place / "hosts").write_text("10.0.0.9 his-db  # old\n", "utf-8")
    return place


def test_a_workstation_tells_versions_widths_and_settings_but_no_password(tmp_path: Path) -> None:
    found = workstation.items(station(tmp_path, "W1"))

    assert found["program client.exe"].startswith("3.7.1.2, 32 bit, ")
    assert found["setting client.ini [DB] Server"] == "10.0.0.5"
    assert found["setting odbc.reg [HKEY_LOCAL_MACHINE\\ODBC\\LIS] Driver"] == "SQL Server"
    assert found["hosts his-db"] == "10.0.0.9"
    assert "geheim" not in str(found)
    assert workstation.width(program(0x8664)) == "64 bit"
    assert workstation.width(b"text") == "?"
    assert workstation.version(b"MZ") == "-"


def test_the_window_that_differs_from_the_majority_is_named(tmp_path: Path) -> None:
    windows = {
        name: workstation.items(station(tmp_path, name, machine))
        for name, machine in (("W1", 0x14C), ("W2", 0x14C), ("W3", 0x8664))
    }

    odd = workstation.odd_ones(windows)
    assert list(odd) == ["program client.exe"]
    assert list(odd["program client.exe"]) == ["W3"]
    assert workstation.matrix(windows)[1][2:4] == ["=", "="]
    assert workstation.odd_ones({"W1": windows["W1"], "W3": windows["W3"]}) == {}, "no majority"


def snapshot(items: dict[str, str], **missed: str) -> Snapshot:
    return Snapshot(parts={"sql LIS": items}, missed=missed)


def test_changes_have_classes_and_growing_tables_are_none() -> None:
    old = snapshot({"column a.x": "TEXT", "rows a": "100", "view v": "1", "rows b": "100"})
    new = snapshot({"column a.x": "INTEGER", "rows a": "150", "table c": "present", "rows b": "0"})

    found = [(one.cls, one.item) for one in compare(old, new).changes]
    assert found == [
        ("changed", "column a.x"), ("removed", "view v"), ("rows", "rows b"), ("added", "table c"),
    ]  # fmt: skip


def test_what_nobody_could_look_at_is_not_the_same() -> None:
    one = snapshot({"column a.x": "TEXT"}, PACS="it cannot be reached")

    assert compare(one, one).verdict.value == "inconclusive"
    assert compare(snapshot({}), snapshot({})).verdict.value == "inconclusive"
    assert compare(snapshot({"a": "1"}), snapshot({"a": "1"})).verdict.value == "pass"


def test_the_commands_from_end_to_end(tmp_path: Path) -> None:
    before = database(tmp_path / "a.sqlite", *TABLES)
    after = database(tmp_path / "b.sqlite", *TABLES, "ALTER TABLE results DROP COLUMN name")
    (tmp_path / "wsdl").mkdir()
    (tmp_path / "wsdl" / "a.wsdl").write_text(WSDL, "utf-8")
    for name, path in (("one", before), ("two", after)):
        words = ["contract", "snapshot", "--database", f"LIS={path}", "--out", str(tmp_path / name)]
        words += ["--files", f"WS={tmp_path / 'wsdl'}", "--lang", "en"]
        words += ["--workstation", f"W1={station(tmp_path / name / 'ws', 'W1')}"]
        assert cli.main(words) == 0
    sides = [str(tmp_path / "one"), str(tmp_path / "two")]

    assert cli.main(["contract", "compare", *sides, "--out", str(tmp_path / "out")]) == 1
    data = input_files.json_of(tmp_path / "out" / "contract-compare.json")
    assert input_files.shaped(results.Contract, data, "-").changes, "as sign reads it"
    assert [one["item"] for one in data["changes"]] == ["column results.name"]
    assert cli.main(["contract", "compare", sides[0], sides[0], "--out", str(tmp_path / "o")]) == 0


def test_a_snapshot_that_was_edited_or_is_none_is_refused(tmp_path: Path) -> None:
    path = snapshot({"column a.x": "TEXT"}).write(tmp_path / "one")
    path.write_text(path.read_text("utf-8").replace("TEXT", "INTEGER"), "utf-8")

    assert cli.main(["contract", "compare", str(path), str(path), "--out", str(tmp_path)]) == 2
    assert cli.main(["contract", "snapshot", "--out", str(tmp_path / "none")]) == 2
    assert cli.main(["contract", "snapshot", "--files", "x", "--out", str(tmp_path)]) == 2
