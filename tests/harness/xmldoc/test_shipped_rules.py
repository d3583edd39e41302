"""Every rule that ships, broken alone in a document that is otherwise right.

The samples and the changes are text; what each change breaks was worked out by hand from the rule's
own source, so a rule that cannot fail, or that fails with another, shows here.
"""

import base64
import tomllib
from pathlib import Path

import pytest

from harness.xmldoc.inside import compare, inner_documents
from harness.xmldoc.judge import fits, judge
from harness.xmldoc.rules import load, shipped
from harness.xmldoc.safe import read

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = ROOT / "fixtures" / "documents"


def sample(name):
    return (DOCUMENTS / "samples" / f"{name}.xml").read_text(encoding="utf-8")


def rules_of(text, name):
    """Ids of the rules that find something in a document."""
    rules, document = load(name), read(text.encode("utf-8"))
    assert document.findings == []
    assert fits(rules, document)
    inner = list(inner_documents(rules, document))
    found = [*judge(rules, document).findings, *compare(rules, document, inner).findings]
    found += [one for about in inner for one in about.findings]
    assert all(one.path.startswith("/") and one.line and one.offset >= 0 for one in found)
    return {one.rule for one in found}


def changed(text, old, new):
    assert old in text, old
    return text.replace(old, new)


CDA = [
    ('<realmCode code="CN"/>', '<realmCode code="US"/>', "cda.realm"),
    ('<realmCode code="CN"/>\n  <typeId root="2.16.840.1.113883.1.3" extension="POCD_MT000040"/>',
     '<typeId root="2.16.840.1.113883.1.3" extension="POCD_MT000040"/>\n  <realmCode code="CN"/>',
     "cda.order"),
    ('1.113883.1.3"', '1.113883.1.4"', "cda.type-id"),
    ("POCD_MT000040", "POCD_MT000041", "cda.type-id.extension"),
    ('root="2.16.156.10011.2.1.1.27"', 'root="1.2.3"', "cda.template-id cda.template.id"),
    ('2.1.1.27"', '2.1.1.26"', "cda.template.id"),
    ('  <id root="2.16.156.10011.1.1" extension="0f8a6c1e-5d0b-4b57-9a55-3c2f00000001"/>\n', "",
     "cda.id cda.id.extension"),
    ('<id root="2.16.156.10011.1.1"', '<id root="2.16.156.10011.1.9"', "cda.id.root"),
    ('<id root="2.16.156.10011.1.1" extension="0f8a6c1e-5d0b-4b57-9a55-3c2f00000001"',
     '<id root="2.16.156.10011.1.1" extension="1"', "cda.id.guid"),
    ('  <code code="C0007" codeSystem="2.16.156.10011.2.4" codeSystemName="卫生信息共享文档规范编码体系"/>\n',
     "", "cda.code cda.code.system cda.template.code"),
    ('codeSystem="2.16.156.10011.2.4"', 'codeSystem="2.16.156.10011.2.5"', "cda.code.system"),
    ('code="C0007"', 'code="C0099"', "cda.template.code"),
    ("<title>检验报告</title>", "<title>检查报告</title>", "cda.template.title"),
    ("  <title>检验报告</title>\n", "", "cda.title cda.template.title"),
    ('<effectiveTime value="20260105093000"/>', '<effectiveTime value="20260105093060"/>',
     "cda.effective-time"),
    ('<effectiveTime value="20260105093000"/>', '<effectiveTime value="20260105"/>',
     "cda.effective-time.14"),
    ('<confidentialityCode code="N"', "<confidentialityCode", "cda.confidentiality"),
    ("2.16.840.1.113883.5.25", "2.16.840.1.113883.5.26", "cda.confidentiality.system"),
    ("zh-CN", "zh", "cda.language"),
    ('  <setId root="2.16.156.10011.1.1" extension="0f8a6c1e-5d0b-4b57-9a55-3c2f00000001"/>\n', "",
     "cda.set-id"),
    ('<versionNumber value="1"/>', '<versionNumber value="0"/>', "cda.version-number"),
    ('<versionNumber value="1"/>', '<versionNumber value="2"/>', "cda.version-chain"),
    ("  <componentOf>", '  <relatedDocument typeCode="APND"/>\n  <componentOf>', "cda.related"),
    ("  <componentOf>", ('  <relatedDocument typeCode="RPLC"><parentDocument><id root="2.16.156.10011.1.1"'
     ' extension="0f8a6c1e-5d0b-4b57-9a55-3c2f00000001"/></parentDocument></relatedDocument>\n'
     "  <componentOf>"), "cda.related.self"),
    ("<patientRole", "<role", "cda.record-target"),
    ('      <id root="2.16.156.10011.1.12" extension="TEST26001"/>\n', "", "cda.patient.id"),
    ('extension="TEST26001"', 'extension=""', "cda.patient.id.filled"),
    ('2.16.156.10011.1.12"', '2.16.156.10011.1.99"', "cda.patient.id.kind"),
    ('code="3"', 'code="4"', "cda.patient.type"),
    ("19000119900101001", "19000119900101002", "cda.patient.id-card"),
    ("<name>测试甲</name>", "<name> </name>", "cda.patient.name"),
    ('Code code="1"', 'Code code="M"', "cda.patient.sex"),
    ('        <birthTime value="19900101"/>\n        <age unit="岁" value="36"/>\n', "",
     "cda.patient.age"),
    ('<birthTime value="19900101"', '<birthTime value="19900230"', "cda.patient.birth"),
    ('<birthTime value="19900101"', '<birthTime value="20260106"', "cda.patient.birth.past"),
    ('unit="岁"', 'unit="年"', "cda.patient.age.unit"),
    ('    <time value="20260105092500"/>\n', "", "cda.author.time"),
    ('      <id root="2.16.156.10011.1.4" extension="TESTDOC01"/>\n', "",
     "cda.author.id cda.author.id.root"),
    ('<id root="2.16.156.10011.1.4" extension="TESTDOC01"', '<id root="1.2" extension="1"',
     "cda.author.id.root"),
    ("<author ", "<AUTHOR ", "cda.author"),
    ("<custodian ", "<CUSTODIAN ", "cda.custodian"),
    ('        <id root="2.16.156.10011.1.5" extension="TESTORG01"/>\n', "", "cda.custodian.id"),
    ('        <id root="2.16.156.10011.1.5" ext', '        <id root="2.16.156.10011.1.6" ext',
     "cda.custodian.id.root"),
    ("<legalAuthenticator>", "<LEGAL>", "cda.legal-authenticator"),
    ("<encompassingEncounter>", "<ENCOUNTER>", "cda.component-of"),
    ("<asOrganizationPartOf ", "<PART ", "cda.location"),
    ("<component>\n    <structuredBody>", "<component>\n    <nonXMLBody>",
     "cda.body"),
    ('<code code="30954-2"', '<code code="30955-2"', "cda.section.C0007.30954-2"),
    ('displayName="检验报告"', 'displayName="检查报告"', "cda.section.C0007.检验报告"),
    ('<code displayName="检验报告"/>', "<title>检验报告</title>", "cda.section.code"),
    ("29548-5", "29548_5", "cda.section.loinc cda.section.C0007.29548-5"),
    ('          <code displayName="检验报告"/>\n          <text/>\n',
     '          <code displayName="检验报告"/>\n', "cda.section.text"),
    ('<value xsi:type="PQ"', "<value", "cda.entry.value"),
    ('root="2.16.156.10011.1.4" extension="TESTDOC02"', 'root="2.16..4" extension="TESTDOC02"',
     "cda.uid"),
    ('extension="TESTDOC02"', 'extension=" TESTDOC02"', "cda.bare"),
    ('extension="TESTDOC02"', 'extension="无"', "cda.placeholder"),
    ('2.16.156.10011.2.3.3.11"', '2.16.156.10011.2.3.3.1.265"', "cda.oid.slip"),
]  # fmt: skip

REST = {"cda.component", "cda.sections", "v3.ack.detail", "v3.prefix"}  # fmt: skip
"""Rules for which the change is longer than a line; each has a test of its own."""

CLOSING = {"<role": "patientRole", "<AUTHOR ": "author", "<CUSTODIAN ": "custodian",
           "<LEGAL>": "legalAuthenticator", "<ENCOUNTER>": "encompassingEncounter",
           "<PART ": "asOrganizationPartOf", "<component>\n    <nonXMLBody>": "structuredBody"}  # fmt: skip


def closed(text, new):
    """The end tag of an element that was renamed."""
    old = CLOSING.get(new)
    name = new.split("<")[-1].strip(" >") if old else ""
    return text.replace(f"</{old}>", f"</{name}>") if old else text


@pytest.mark.parametrize("name", ["report", "registration", "reply"])
def test_the_samples_are_right(name):
    for rules in shipped():
        document = read(sample(name).encode())
        if fits(load(rules), document):
            assert rules_of(sample(name), rules) == set()


@pytest.mark.parametrize(("old", "new", "wanted"), CDA, ids=[one[2] for one in CDA])
def test_a_document_breaks_one_rule(old, new, wanted):
    text = closed(changed(sample("report"), old, new), new)

    assert rules_of(text, "cda-shared") == set(wanted.split())


def test_a_document_has_one_body():
    text = changed(sample("report"), "</ClinicalDocument>",
                   "<component><structuredBody><component><section><code code='8716-3'/><text/>"
                   "</section></component></structuredBody></component></ClinicalDocument>")  # fmt: skip

    assert rules_of(text, "cda-shared") == {"cda.component"}


def test_a_body_has_sections():
    head, _, rest = sample("report").partition("<structuredBody>")
    text = f"{head}<structuredBody>{'</structuredBody>'}{rest.partition('</structuredBody>')[2]}"

    assert rules_of(text, "cda-shared") == {
        "cda.sections", "cda.section.C0007.29548-5", "cda.section.C0007.30954-2",
        "cda.section.C0007.检验报告"}  # fmt: skip


REQUEST = [
    (' ITSVersion="XML_1.0"', "", "v3.its-version"),
    ('  <processingCode code="P"/>\n  <processingModeCode code="T"/>',
     '  <processingModeCode code="T"/>\n  <processingCode code="P"/>', "v3.order"),
    ('  <id root="2.16.156.10011.2.5.1.1" extension="7d1b0f44-2f6e-4a51-8a3f-9b7e00000001"/>\n', "",
     "v3.id v3.id.extension"),
    ('2.16.156.10011.2.5.1.1"', '2.16.156.10011.2.5.1.9"', "v3.id.root"),
    ("7d1b0f44-2f6e-4a51-8a3f-9b7e00000001", "1", "v3.id.guid"),
    ("20260105093100", "20261305093100", "v3.creation-time"),
    ("20260105093100", "202601050931", "v3.creation-time.14"),
    ('<creationTime value="20260105093100"/>',
     '<creationTime value="20260105093100" extension="20260105093100"/>', "v3.creation-time.place"),
    ('extension="RCMR_IN000002UV02"', 'extension="RCMR_IN000031UV01"', "v3.interaction-id"),
    ('2.16.156.10011.2.5.1.2"', '1.2"', "v3.interaction-id.root"),
    ("RCMR_IN000002UV02", "RCMR_IN000099UV02", "v3.interaction-known"),
    ('processingCode code="P"', 'processingCode code="X"', "v3.processing-code"),
    ('processingModeCode code="T"', 'processingModeCode code="P"', "v3.processing-mode"),
    ('acceptAckCode code="AL"', 'acceptAckCode code="AA"', "v3.accept-ack"),
    ("receiver", "RECEIVER", "v3.receiver"),
    ("sender", "SENDER", "v3.sender"),
    ('<id root="2.16.156.10011.2.5.1.3" extension="TESTLIS"/>', "", "v3.device v3.device.id"),
    ('root="2.16.156.10011.2.5.1.3" extension="TESTLIS"', 'root="1.2" extension="TESTLIS"',
     "v3.device.root"),
    ('extension="TESTLIS"', 'extension="TESTLIS "', "v3.device.id v3.bare"),
    ('root="2.16.156.10011.1.5"', 'root="a b"', "v3.uid cross.custodian"),
    ('code="C0007"', 'code="C0006"', "cross.document-type"),
    ('<versionNumber value="1"', '<versionNumber value="2"', "cross.document-version"),
    ("TESTORG01", "TESTORG02", "cross.custodian"),
    ('<id root="2.16.156.10011.1.1" ext', '<id root="2.16.156.10011.1.2" ext', "cross.document-id"),
    ("TEST26001", "TEST26002", "cross.patient-id"),
    ("originalText", "thumbnail", "v3.document"),
]  # fmt: skip

REPLY = [
    ("acknowledgement", "ACK", "v3.ack v3.control-act"),
    (' typeCode="AA"', ' typeCode="OK"', "v3.ack.type"),
    (' typeCode="AA"', ' typeCode="CA"', "v3.ack.level"),
    ("targetMessage", "target", "v3.ack.target"),
    ('extension="7d1b0f44-2f6e-4a51-8a3f-9b7e00000001"', 'extension=""', "v3.ack.target.filled"),
    ("9b7e00000001", "9b7e00000003", "v3.ack.self"),
    ('<text value="处理成功">处理成功</text></acknowledgementDetail>', "</acknowledgementDetail>", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wanted"), REQUEST, ids=[one[2] for one in REQUEST])
def test_a_message_breaks_one_rule(old, new, wanted):
    assert rules_of(changed(sample("registration"), old, new), "v3-message") == set(wanted.split())


@pytest.mark.parametrize(("old", "new", "wanted"), REPLY, ids=[one[2] for one in REPLY])
def test_a_reply_breaks_one_rule(old, new, wanted):
    assert rules_of(changed(sample("reply"), old, new), "v3-message") == set(wanted.split())


def test_a_refusal_says_why():
    text = changed(sample("reply"), '"AA"', '"AE"')
    silent = changed(text, '<text value="处理成功">处理成功</text>', "")

    assert rules_of(text, "v3-message") == set()
    assert rules_of(silent, "v3-message") == {"v3.ack.detail"}


def test_a_prefix_at_the_root_is_told():
    text = changed(sample("reply"), "xmlns=", "xmlns:p=")
    for name in ("MCCI_IN000002UV01 ", "MCCI_IN000002UV01>"):
        text = text.replace(f"<{name}", f"<p:{name}").replace(f"</{name}", f"</p:{name}")

    assert "v3.prefix" in rules_of(text, "v3-message")


# -- the other two carriers ----------------------------------------------------------------------

SOAP = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<HIPMessageServer xmlns="urn:hl7-org:v3"><action>S0014</action><message><![CDATA[{}]]></message>
</HIPMessageServer></s:Body></s:Envelope>"""


IN_SOAP = [
    ("S0014", "S0014", ""),
    ("S0014", "DocumentRegister", ""),
    ("S0014", "14", "soap.action"),
    ("s:Body", "s:Boby", "soap.body"),
    ("http://schemas.xmlsoap.org/soap/envelope/", "urn:x", "soap.namespace"),
    ("message>", "text>", "embedded.missing"),
]


@pytest.mark.parametrize(("old", "new", "wanted"), IN_SOAP)
def test_soap(old, new, wanted):
    inner = sample("reply").partition("?>")[2]

    assert rules_of(changed(SOAP.replace("{}", inner), old, new), "soap-carrier") == set(
        wanted.split()
    )


XDS = """<x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007"
 xmlns:r="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><r:RegistryObjectList>
<r:ExtrinsicObject id="D1"><r:ExternalIdentifier value="TEST26001^^^&amp;2.16.156.10011.1.12&amp;ISO"
 identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"/></r:ExtrinsicObject>
<r:RegistryPackage><r:ExternalIdentifier value="TEST26001^^^&amp;2.16.156.10011.1.12&amp;ISO"
 identificationScheme="urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"/></r:RegistryPackage>
</r:RegistryObjectList><x:Document id="D1">{}</x:Document></x:ProvideAndRegisterDocumentSetRequest>"""


IN_XDS = [
        ('"D1"', '"D1"', ""),
        ("ExtrinsicObject", "Other", "xds.entry cross.xds.patient-id"),
        ("RegistryPackage", "Other", "xds.submission-set cross.xds.patient-id"),
        ('value="TEST26001^^^&amp;2.16.156.10011.1.12&amp;ISO"\n identificationScheme="urn:uuid:58',
         'value="TEST26001"\n identificationScheme="urn:uuid:58',
         "xds.entry.patient cross.xds.patient-id"),
        ('<r:ExtrinsicObject id="D1"', '<r:ExtrinsicObject id="D2"', "xds.documents"),
        ('<r:RegistryPackage><r:ExternalIdentifier value="TEST26001',
         '<r:RegistryPackage><r:ExternalIdentifier value="TEST26002', "cross.xds.patient-id"),
        ("TEST26001", "TEST26003", "cross.xds.patient-id"),
        ("x:Document ", "x:Other ", "embedded.missing xds.documents"),
        ('<x:Document id="D1">', '<x:Document id="D1">*', "embedded.not-base64"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wanted"), IN_XDS)
def test_xds(old, new, wanted):
    packed = base64.b64encode(sample("report").encode()).decode()
    text = changed(XDS, old, new).replace("{}", packed).replace("</x:Document>", "</x:Document>")
    if "x:Other" in new:
        text = text.replace("</x:Document>", "</x:Other>")

    assert rules_of(text, "xds-registration") == set(wanted.split())


# -- nothing that ships is left out --------------------------------------------------------------


def test_every_rule_is_broken_by_a_test_here():
    tables = (CDA, REQUEST, REPLY, IN_SOAP, IN_XDS)
    told = {name for table in tables for one in table for name in one[2].split()}
    there = {
        one["id"]
        for path in DOCUMENTS.glob("*.toml")
        for key in ("rule", "equal")
        for one in tomllib.loads(path.read_text(encoding="utf-8")).get(key, ())
    }

    assert there - told - REST == set()
    assert there >= REST


@pytest.mark.parametrize(
    ("code", "tail", "title", "sections"),
    [  # typed from the table of shared documents, not read from the file
        ("C0001", 21, "病历概要", 9), ("C0004", 24, "西药处方", 3), ("C0006", 26, "检查报告", 7),
        ("C0011", 31, "麻醉记录", 12), ("C0032", 52, "住院病案首页", 13),
        ("C0046", 66, "术前小结", 8), ("C0053", 73, "出院小结", 8),
    ],
)  # fmt: skip
def test_kinds_of_documents(code, tail, title, sections):
    one = load("cda-shared").templates[code]

    assert (one.tail, one.title, len(one.sections)) == (str(tail), title, sections)


def test_there_are_53_kinds_with_tails_in_a_row():
    templates = load("cda-shared").templates

    assert [(f"C{n:04d}", str(n + 20)) for n in range(1, 54)] == [
        (code, one.tail) for code, one in templates.items()
    ]


def test_both_languages_are_there():
    for name in shipped():
        for rule in load(name).rules.values():
            assert rule.texts["en"] != rule.texts["zh-CN"]
            assert not rule.texts["zh-CN"].isascii()


def test_a_rule_speaks_no_louder_than_its_basis():
    """One public source is no error, and what is inferred fails nobody."""
    loudest = {"standard": "error", "public": "error", "single": "warning", "guess": "note"}
    order = ["note", "warning", "error"]
    for name in shipped():
        loaded = load(name)
        for rule in [*loaded.rules.values(), *loaded.equalities]:
            assert order.index(rule.severity) <= order.index(loudest[rule.basis]), rule.id
