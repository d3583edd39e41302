"""Trees by hand: JSON (RFC 6901), XML (XML 1.0), and one inside a text of the other."""

from __future__ import annotations

import pytest

from harness.upgrade.bodies import values


def found(raw: bytes) -> dict[str, str]:
    made = values(raw)
    assert made is not None
    return dict(made)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b'{"a":{"b":[1.00,null,"x"]}}', {"/a/b[1]": "1.00", "/a/b[2]": "null", "/a/b[3]": "x"}),
        (b'{"input":"{\\"data\\":{\\"fee\\":384.07}}"}', {"/input>/data/fee": "384.07"}),
        (b'{"note":"{not json"}', {"/note": "{not json"}),
        (b'{"note":"{}"}', {"/note": "{}"}),
        ('{"name":"张三"}'.encode("gb18030"), {"@charset": "gb18030", "/name": "张三"}),
        (b'{"doc":"<R><V>4.1</V></R>"}', {"/doc>/R/V": "4.1"}),
    ],
)
def test_json(raw: bytes, wanted: dict[str, str]) -> None:
    assert found(raw) == wanted


def test_xml_by_names_attributes_and_numbers_of_siblings() -> None:
    raw = (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="urn:soap"><s:Body>'
        '<Send kind="new"><Item>K</Item><Item>NA</Item><Empty/><Note>甲</Note></Send>'
        "</s:Body></s:Envelope>"
    ).encode()

    assert found(raw) == {
        "@charset": "UTF-8", "@namespace": "urn:soap", "/Envelope/Body/Send/@kind": "new",
        "/Envelope/Body/Send/Item[1]": "K", "/Envelope/Body/Send/Item[2]": "NA",
        "/Envelope/Body/Send/Empty": "", "/Envelope/Body/Send/Note": "甲",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "path", "value"),
    [
        (b"<a><![CDATA[<r><v>1</v></r>]]></a>", "/a>/r/v", "1"),
        (b'<a>{"fee":1.50}</a>', "/a>/fee", "1.50"),
        ("<a>张三</a>".encode("gb18030"), "/a", "张三"),
        ('<?xml version="1.0" encoding="GBK"?><a>张三</a>'.encode("gbk"), "/a", "张三"),
    ],
)
def test_texts_that_are_trees_and_other_character_sets(raw: bytes, path: str, value: str) -> None:
    assert found(raw)[path] == value


@pytest.mark.parametrize("raw", [b"", b"plain", b"<a><b></a>", b"{1", b"\x00\x01"])
def test_what_is_no_tree_stays_a_text(raw: bytes) -> None:
    assert values(raw) is None


def test_no_entity_is_resolved() -> None:
    raw = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'

    assert "/a" in found(raw)
    assert found(raw)["/a"] == ""
