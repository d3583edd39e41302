"""Hostile and badly declared XML; expat, which shares no line with libxml2, says where things are."""

import socket
import subprocess
import sys
import xml.parsers.expat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from harness.xmldoc.safe import Limits, path_of, read, read_file


def codes(document):
    return [one.rule for one in document.findings]


def only(data, **limits):
    document = read(data, Limits(**limits))
    assert document.root is None
    (one,) = document.findings
    return one


def expat_starts(data):
    """Byte offset, line and name of every start tag; None if expat says it is not well-formed."""
    parser = xml.parsers.expat.ParserCreate()
    found = []
    parser.StartElementHandler = lambda name, _: found.append(
        (parser.CurrentByteIndex, parser.CurrentLineNumber, name)
    )
    try:
        parser.Parse(data, True)
    except xml.parsers.expat.ExpatError:
        return None
    return found


# -- entities, document types, the network -------------------------------------------------------


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary.txt"
    path.write_text("CANARY", encoding="ascii")
    return path


def test_no_file_is_read_by_an_entity(canary):
    text = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{canary.as_uri()}">]>\n<a>&x;</a>'

    one = only(text.encode())

    assert (one.rule, one.offset, one.line, one.path) == ("xml.doctype", 0, 1, "/")


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/a.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:{port}/x"> %x;]><a/>',
        '<?xml-stylesheet href="http://127.0.0.1:{port}/s.xsl"?><a/>',
        '<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="http://127.0.0.1:{port}/"/></a>',
        '<a xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="a http://127.0.0.1:{port}/a.xsd"/>',
    ],
)
def test_nobody_is_called(body):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        read(body.replace("{port}", str(server.getsockname()[1])).encode())
        with pytest.raises(BlockingIOError):
            server.accept()


def test_billion_laughs_is_refused_before_it_is_read():
    lines = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    text = f'<?xml version="1.0"?>\n<!-- c --><!DOCTYPE a [<!ENTITY l0 "lol">{lines}]><a>&l9;</a>'

    one = only(text.encode())

    assert (one.rule, one.offset, one.line) == ("xml.doctype", text.index("<!DOCTYPE"), 2)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_no_character_set_hides_a_document_type(codec):
    name = "utf-16" if codec.startswith("utf-16") else "utf-8"
    text = f'<?xml version="1.0" encoding="{name}"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'

    assert only(text.encode(codec)).rule == "xml.doctype"


def test_utf_7_is_no_character_set_here():
    text = b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>'

    assert "xml.encoding-unknown" in codes(read(text))
    assert read(text).root is None


def test_the_five_entities_of_xml_itself_are_read():
    document = read(b'<a b="&#x4E2D;">&lt;&amp;&gt;&quot;&apos;</a>')

    assert (document.root.text, document.root.get("b"), codes(document)) == ("<&>\"'", "中", [])


def test_an_entity_that_nobody_declared_has_a_place():
    one = only(b"<a>\n <b>12&x;</b></a>")

    assert (one.rule, one.path, one.line) == ("xml.malformed", "/a/b", 2)
    assert 7 < one.offset <= 13
    assert "x" in one.actual


def test_include_is_not_followed(canary):
    text = f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{canary.as_uri()}"/></a>'

    assert b"CANARY" not in etree.tostring(read(text.encode()).root)


# -- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "limits", "rule", "offset"),
    [
        (b"<a><b><c/></b></a>", {"depth_max": 2}, "xml.too-deep", 6),
        (b"<a><b/><c/></a>", {"elements_max": 2}, "xml.too-many-elements", 7),
        (b"<a><b/><c/></a>", {"children_max": 1}, "xml.too-many-children", 7),
        (b'<a><b x="1" y="2"/></a>', {"attributes_max": 1}, "xml.too-many-attributes", 3),
        (b"<a></a>", {"bytes_max": 6}, "xml.too-large", 6),
    ],
)
def test_each_bound_holds_and_is_not_met_early(data, limits, rule, offset):
    one = only(data, **limits)
    ((name, bound),) = limits.items()

    assert (one.rule, one.offset, one.expected) == (rule, offset, str(bound))
    assert read(data, Limits(**{name: bound + 1})).findings == []


def test_levels_beyond_those_of_libxml2_are_the_same_finding():
    assert only(b"<a>" * 5000).rule == "xml.too-deep"


@pytest.mark.slow
def test_a_text_of_ten_million_bytes_is_refused():
    assert only(b"<a>" + b"x" * 10_500_000 + b"</a>").rule == "xml.text-too-long"


MEASURED = """
import sys, tracemalloc
from pathlib import Path
from harness.xmldoc.safe import read_file
tracemalloc.start()
document = read_file(Path(sys.argv[1]))
print(document.findings[0].rule, document.root is None, tracemalloc.get_traced_memory()[1])
"""


@pytest.mark.slow
def test_100_mb_are_refused_without_being_read(tmp_path):
    path = tmp_path / "big.xml"
    with path.open("wb") as file:
        file.write(b"<a>")
        file.truncate(100 * 1024 * 1024)
    done = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True,
                          text=True, check=True)  # fmt: skip
    rule, refused, peak = done.stdout.split()

    assert (rule, refused) == ("xml.too-large", "True")
    assert int(peak) < 1024 * 1024


def test_a_file_that_is_allowed_is_read(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(b"<a/>")

    assert read_file(path).root.tag == "a"


# -- character sets ------------------------------------------------------------------------------


def declared(name, body="<a>\n <b>中文</b></a>"):
    return f'<?xml version="1.0" encoding="{name}"?>{body}'


@pytest.mark.parametrize(
    ("name", "codec"),
    [("UTF-8", "utf-8"), ("GBK", "gbk"), ("GB18030", "gb18030"), ("GB2312", "gb2312"),
     ("utf-8", "utf-8-sig"), ("UTF-16", "utf-16"), ("Big5", "big5")],
)  # fmt: skip
def test_what_is_declared_and_written_is_read(name, codec):
    document = read(declared(name).encode(codec))

    assert (codes(document), document.root[0].text) == ([], "中文")


@pytest.mark.parametrize(
    ("name", "codec", "actual"),
    [("UTF-8", "gbk", "gb18030"), ("GBK", "utf-8", "utf-8"), ("GB18030", "utf-8", "utf-8"),
     ("GB2312", "utf-8", "utf-8")],
)  # fmt: skip
def test_what_is_declared_otherwise_is_read_and_told(name, codec, actual):
    data = declared(name).encode(codec)
    document = read(data)
    (one,) = document.findings

    assert document.root[0].text == "中文"
    assert (one.rule, one.path, one.line, one.expected, one.actual) == (
        "xml.encoding-differs", "/a/b", 2, name, actual)  # fmt: skip
    assert one.offset == len(declared(name).split("中", maxsplit=1)[0])


def test_nothing_declared_means_utf_8():
    assert codes(read("<a>中文</a>".encode())) == []
    assert codes(read("<a>中文</a>".encode("gbk"))) == ["xml.encoding-differs"]


@pytest.mark.parametrize(("name", "sign"), [("GBK", "𠮷"), ("GB2312", "镕"), ("GBK", "䶮")])
def test_a_character_beyond_the_declared_set_is_a_warning(name, sign):
    data = declared(name, f"<a>{sign}</a>").encode("gb18030")
    document = read(data)
    (one,) = document.findings

    assert document.root.text == sign
    assert (one.rule, one.severity, one.path) == ("xml.encoding-superset", "warning", "/a")
    assert one.offset == data.index(b"<a>") + 3


def test_bytes_of_no_character_set_have_offset_and_path():
    data = declared("UTF-8").encode().replace("文".encode(), b"\xff\xff")
    one = only(data)

    assert (one.rule, one.path, one.offset) == (
        "xml.encoding-undecodable", "/a/b", data.index(b"\xff"))  # fmt: skip


def test_delimiters_in_the_second_byte_of_gbk_are_characters():
    """葉 is A8 7E in Big5-like sets; in GBK 運 and 錦 end in bytes of ASCII punctuation."""
    text = declared("GBK", "<a>葉錦運頭質</a>")

    assert read(text.encode("gbk")).root.text == "葉錦運頭質"


# -- places --------------------------------------------------------------------------------------


def test_lines_beyond_65535_are_counted():
    data = b"<a>" + b"\n" * 70_001 + b"<c/></a>"
    document = read(data)

    assert document.place(document.root[-1]) == (70_002, data.index(b"<c/>"))


def test_offsets_are_those_of_the_file_not_of_our_utf_8():
    data = declared("GBK", "<a><b>中文中文</b>\n<c/></a>").encode("gbk")
    document = read(data)

    assert document.place(document.root[1]) == (2, data.index(b"<c/>"))


def test_paths_number_twins_alone():
    document = read(b'<r xmlns="urn:x"><a/><p:b xmlns:p="urn:y"/><a><c/></a></r>')

    assert [path_of(one) for one in document.root.iter()] == [
        "/r", "/r/a[1]", "/r/b", "/r/a[2]", "/r/a[2]/c"]  # fmt: skip


PIECES = st.sampled_from(
    ["<a>", "</a>", "<b x='1'>", "</b>", "<c/>", "<!-- <d> -->", "<![CDATA[<e>]]>", "<?p <f> ?>",
     "中", "\n", "&lt;", "&#65;", "&x;", '<g h=">"/>', "]]>", "<", "&", "--", "\t", "𠮷"]
)  # fmt: skip


@pytest.mark.slow
@given(st.lists(PIECES, max_size=12).map("".join))
def test_expat_agrees_on_what_is_well_formed_and_where_it_stands(body):
    data = f"<r>{body}</r>".encode()
    document = read(data)
    starts = expat_starts(data)

    assert (document.root is None) == (starts is None)
    if starts is not None:
        assert [
            (*reversed(document.place(one)), one.tag) for one in document.root.iter(etree.Element)
        ] == starts
    else:
        (one,) = document.findings
        assert one.rule == "xml.malformed"
        assert 0 <= one.offset <= len(data)
        assert one.path.startswith("/")
        assert one.line >= 1


HEADS = st.sampled_from(
    [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b'<?xml version="1.0" encoding="GBK"?>',
     b'<?xml version="1.0" encoding="UTF-16"?>', b'<?xml version="1.0" encoding="x"?>',
     b"<!DOCTYPE ", b"<a>", b"<?xml ", b"<!--", b"<a b='"]
)  # fmt: skip


@given(HEADS, st.binary(max_size=80), st.sampled_from([b"", b"</a>", b"'/>", b"-->"]))
def test_whatever_comes_in_ends_in_a_tree_or_in_a_finding_with_a_place(head, middle, tail):
    data = head + middle + tail
    document = read(data)

    assert document.root is not None or document.findings
    for one in document.findings:
        assert one.rule.startswith("xml.")
        assert 0 <= one.offset <= len(data)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"<a", b"<a '", b"<!--", b"<?p", b"<![CDATA[", b'<a b="'])
def test_hostile_repetition_takes_linear_time(piece):
    import time

    def cost(times):
        begun = time.process_time()
        read(b"<r>" + piece * times)
        return time.process_time() - begun

    cost(1000)
    small = min(cost(10_000) for _ in range(3))
    large = min(cost(80_000) for _ in range(3))

    assert large < 40 * max(small, 0.002)
