"""``medharness documents check`` as a person meets it: exit codes, schemas, waivers, site rules."""

import json
import time
from datetime import date
from pathlib import Path

import pytest

from harness import cli, i18n
from harness.errors import InputError
from harness.xmldoc.command import run_check
from harness.xmldoc.finding import TEXTS

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "fixtures" / "documents" / "samples"
TODAY = date(2026, 1, 5)

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"
 targetNamespace="urn:site" xmlns="urn:site"><xs:element name="orders"><xs:complexType><xs:sequence>
<xs:element name="order" maxOccurs="unbounded"><xs:complexType><xs:sequence>
<xs:element name="no" type="xs:string"/><xs:element name="amount" type="xs:decimal"/>
</xs:sequence><xs:attribute name="ward" use="required"/></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""

SCH = """<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt">
<ns prefix="s" uri="urn:site"/><pattern id="money"><rule context="s:order">
<assert id="positive" test="s:amount &gt; 0">the amount of <value-of select="s:no"/> is not above 0</assert>
<report id="old" role="warning" test="@ward='OLD'">a ward that was closed</report>
</rule></pattern></schema>"""

ORDERS = """<?xml version="1.0" encoding="{charset}"?>
<orders xmlns="urn:site">
  <order ward="一病区"><no>1</no><amount>1.50</amount></order>
  <order ward="OLD"><no>2</no><amount>-1</amount></order>
  <order><no>3</no><amount>x</amount></order>
</orders>
"""


@pytest.fixture(autouse=True)
def _english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site.xsd").write_text(XSD, encoding="utf-8")
    (tmp_path / "site.sch").write_text(SCH, encoding="utf-8")
    (tmp_path / "orders.xml").write_bytes(ORDERS.replace("{charset}", "GBK").encode("gbk"))
    return tmp_path


def check(capsys, *paths, **options):
    code = run_check([str(one) for one in paths], today=TODAY, as_json=True, **options)
    lines = capsys.readouterr().out.splitlines()
    said = json.loads(lines[-1])
    assert said["exit_code"] == code
    return code, said, "\n".join(lines[:-1])


def rules(said):
    return [one["rule"] for one in said["findings"]]


# -- exit codes ----------------------------------------------------------------------------------


def test_right_documents_pass(capsys):
    code, said, _ = check(capsys, SAMPLES / "report.xml", SAMPLES / "registration.xml",
                          SAMPLES / "reply.xml")  # fmt: skip

    assert (code, said["documents"], said["judged"], said["findings"]) == (0, 3, 3, [])
    assert {"cda.custodian", "v3.interaction-id", "cross.patient-id"} <= set(said["rules"])


def test_broken_documents_fail_at_their_places(capsys):
    code, said, shown = check(capsys, SAMPLES / "report-broken.xml")
    text = (SAMPLES / "report-broken.xml").read_text(encoding="utf-8")
    places = {one["rule"]: (one["line"], one["offset"]) for one in said["findings"]}
    at = text.index('<effectiveTime value="20260230')

    assert code == 1
    assert sorted(rules(said)) == [
        "cda.bare", "cda.custodian", "cda.effective-time", "cda.order",
        "cda.section.C0007.30954-2", "cda.template.id"]  # fmt: skip
    assert places["cda.effective-time"] == (text.count("\n", 0, at) + 1, len(text[:at].encode()))
    assert "/ClinicalDocument/effectiveTime/@value" in shown


def test_no_number_of_a_patient_is_shown(capsys):
    code, said, shown = check(capsys, SAMPLES / "registration-broken.xml")
    different = [one for one in said["findings"] if one["rule"] == "cross.patient-id"]

    assert code == 1
    assert len(different) == 1
    assert (different[0]["expected"], different[0]["actual"]) == (
        "envelope: AAAA99999", "body: AAAA99999 @9")  # fmt: skip
    assert "!/ClinicalDocument/recordTarget/patientRole/id" in different[0]["path"]
    assert "TEST2600" not in shown + json.dumps(said)


def test_nothing_to_check_is_not_a_pass(capsys, tmp_path):
    code, said, shown = check(capsys, tmp_path)

    assert (code, said["documents"]) == (3, 0)
    assert "nothing was checked" in shown


def test_a_document_without_rules_is_not_a_pass(capsys, site):
    code, said, shown = check(capsys, site / "orders.xml")

    assert (code, said["judged"]) == (3, 0)
    assert said["silent"] == [{"file": str(site / "orders.xml"), "what": "/orders"}]
    assert "not judged" in shown


def test_rules_that_were_asked_for_and_met_nothing_are_not_a_pass(capsys):
    code, said, _ = check(capsys, SAMPLES / "reply.xml", rules=["v3-message", "cda-shared"])

    assert (code, said["silent"]) == (3, [{"file": "-", "what": "cda-shared"}])


def test_another_namespace_is_an_error_not_silence(capsys, tmp_path):
    text = (SAMPLES / "report.xml").read_text(encoding="utf-8").replace("urn:hl7-org:v3", "urn:v3")
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    code, said, _ = check(capsys, tmp_path)

    assert (code, rules(said)) == (1, ["rules.namespace"])


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError):
        run_check([str(tmp_path / "none.xml")], today=TODAY)


def test_hostile_files_do_not_stop_the_others(capsys, tmp_path):
    (tmp_path / "a.xml").write_bytes(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')
    (tmp_path / "b.xml").write_bytes(b"")
    (tmp_path / "c.xml").write_bytes(b"<a>" * 400)
    (tmp_path / "d.XML").write_bytes((SAMPLES / "report.xml").read_bytes())
    code, said, _ = check(capsys, tmp_path)

    assert (code, said["documents"], said["judged"]) == (1, 4, 1)
    assert sorted(rules(said)) == ["xml.doctype", "xml.empty", "xml.too-deep"]


def test_an_embedded_document_is_read_with_the_same_care(capsys, tmp_path):
    import base64

    text = (SAMPLES / "registration.xml").read_text(encoding="utf-8")
    body = text.partition("<originalText>")[2].partition("</originalText>")[0]
    inner = (
        base64.b64decode(body)
        .decode()
        .replace("<ClinicalDocument", "<!DOCTYPE a><ClinicalDocument", 1)
    )
    (tmp_path / "a.xml").write_text(text.replace(body, base64.b64encode(inner.encode()).decode()),
                                    encoding="utf-8")  # fmt: skip
    code, said, _ = check(capsys, tmp_path)

    assert (code, rules(said)) == (1, ["xml.doctype"])
    assert said["findings"][0]["path"].endswith("/storageCode/originalText!/")
    assert said["findings"][0]["offset"] == inner.index("<!DOCTYPE")


def test_an_identifier_is_used_once(capsys, tmp_path):
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_bytes((SAMPLES / "report.xml").read_bytes())
    code, said, _ = check(capsys, tmp_path)

    assert (code, rules(said)) == (1, ["cross.id-reused"])
    assert said["findings"][0]["file"].endswith("b.xml")
    assert said["findings"][0]["expected"].endswith("a.xml")


# -- schemas of the site -------------------------------------------------------------------------


def test_findings_of_a_schema_have_path_line_and_offset(capsys, site):
    code, said, _ = check(capsys, site / "orders.xml", schemas=[str(site / "site.xsd")])
    data = (site / "orders.xml").read_bytes()
    found = [(one["rule"], one["path"], one["line"], one["offset"]) for one in said["findings"]]

    assert code == 1
    assert found == [
        ("xsd.cvc-complex-type-4", "/orders/order[3]", 5, data.index(b"<order><no>3")),
        ("xsd.cvc-datatype-valid-1-2-1", "/orders/order[3]/amount", 5, data.index(b"<amount>x")),
    ]


def test_findings_of_a_schematron_have_rule_path_and_severity(capsys, site):
    code, said, _ = check(capsys, site / "orders.xml", schematrons=[str(site / "site.sch")])
    found = [(one["severity"], one["rule"], one["path"], one["line"]) for one in said["findings"]]

    assert code == 1
    assert found == [
        ("error", "sch.positive", "/orders/order[2]", 4),
        ("error", "sch.positive", "/orders/order[3]", 5),
        ("warning", "sch.old", "/orders/order[2]", 4),
    ]
    assert said["findings"][0]["message"] == "the amount of 2 is not above 0"


def test_a_schematron_that_never_fires_is_not_a_pass(capsys, site):
    (site / "other.sch").write_text(SCH.replace('"s:order"', '"s:nothing"'), encoding="utf-8")
    code, said, _ = check(capsys, site / "orders.xml", schematrons=[str(site / "other.sch")])

    assert (code, said["findings"], said["silent"][0]["what"]) == (3, [], "Schematron")


def test_a_valid_document_passes_its_schemas(capsys, site):
    text = ORDERS.replace("{charset}", "UTF-8").splitlines()
    (site / "orders.xml").write_text("\n".join([*text[:3], text[-1]]), encoding="utf-8")
    code, said, _ = check(capsys, site / "orders.xml", schemas=[str(site / "site.xsd")],
                          schematrons=[str(site / "site.sch")])  # fmt: skip

    assert (code, said["findings"], said["rules"]) == (0, [], ["sch.money", "xsd"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("a.xsd", "<a/>", "schema"), ("a.xsd", "junk", "schema"),
     ("a.sch", SCH.replace("xslt", "xslt2"), "xslt2"), ("a.sch", "<schema/>", "schema")],
)  # fmt: skip
def test_a_schema_that_cannot_judge_is_refused(site, name, text, said):
    (site / name).write_text(text, encoding="utf-8")
    kind = "schemas" if name.endswith("xsd") else "schematrons"

    with pytest.raises(InputError, match=said):
        run_check([str(site / "orders.xml")], today=TODAY, **{kind: [str(site / name)]})


# -- waivers -------------------------------------------------------------------------------------


def waivers(folder, *entries):
    path = folder / "waivers.toml"
    tables = [f'[[waiver]]\nreason = "until the move"\n{one}\n' for one in entries]
    path.write_text("\n".join(tables), encoding="utf-8")
    return str(path)


NEVER = "expires = 2026-12-31"


def test_a_waiver_takes_its_findings_away_and_they_stay_countable(capsys, tmp_path):
    file = waivers(tmp_path, f'rule = "cda.template.id"\n{NEVER}')
    code, said, _ = check(capsys, SAMPLES / "report-broken.xml", waivers=file)

    assert code == 1
    assert "cda.template.id" not in rules(said)
    assert [one["rule"] for one in said["waived"]] == ["cda.template.id"]


def test_everything_waived_passes(capsys, tmp_path):
    _, before, _ = check(capsys, SAMPLES / "report-broken.xml")
    file = waivers(tmp_path, *(f'rule = "{one}"\n{NEVER}' for one in rules(before)))
    code, said, _ = check(capsys, SAMPLES / "report-broken.xml", waivers=file)

    assert (code, said["findings"], len(said["waived"])) == (0, [], 6)


@pytest.mark.parametrize(
    ("entry", "rule", "severity"),
    [(f'rule = "cda.realm"\n{NEVER}', "waiver.unused", "warning"),
     ('rule = "cda.template.id"\nexpires = 2026-01-04', "waiver.expired", "error"),
     (f'rule = "xml.doctype"\n{NEVER}', "waiver.refused", "error"),
     (f'rule = "cross.patient-id"\n{NEVER}', "waiver.refused", "error")],
)  # fmt: skip
def test_a_waiver_that_waives_nothing_is_a_finding(capsys, tmp_path, entry, rule, severity):
    file = waivers(tmp_path, entry)
    code, said, _ = check(capsys, SAMPLES / "report-broken.xml", waivers=file)

    assert code == 1
    assert (rule, severity) in [(one["rule"], one["severity"]) for one in said["findings"]]
    assert said["waived"] == []


def test_a_waiver_holds_on_its_last_day(capsys, tmp_path):
    file = waivers(tmp_path, 'rule = "cda.template.id"\nexpires = 2026-01-05')

    assert len(check(capsys, SAMPLES / "report-broken.xml", waivers=file)[1]["waived"]) == 1


@pytest.mark.parametrize(
    ("path", "taken"),
    [("/orders/order[2]", 1), ("/orders/order", 2), ("/orders/ord", 0), ("/orders", 2)],
)
def test_a_waiver_is_for_a_place_and_what_is_below(capsys, site, path, taken):
    file = waivers(site, f'rule = "sch.positive"\npath = "{path}"\n{NEVER}')
    _, said, _ = check(capsys, site / "orders.xml", schematrons=[str(site / "site.sch")],
                       waivers=file)  # fmt: skip

    assert len(said["waived"]) == taken


@pytest.mark.parametrize(
    "entry",
    ['rule = "a"', f'rule = ""\n{NEVER}', 'rule = "a"\nexpires = "soon"', f'rule = "a"\nx = 1\n{NEVER}',
     'rule = "a"\nexpires = 2026-12-31T00:00:00', "rule ="],
)  # fmt: skip
def test_a_waiver_file_that_is_wrong_is_an_input_error(tmp_path, entry):
    with pytest.raises(InputError):
        run_check([str(SAMPLES)], today=TODAY, waivers=waivers(tmp_path, entry))


# -- rules of the site ---------------------------------------------------------------------------

OWN = """format = 1
name = "orders"
roots = "orders"
namespace = "urn:site"
namespaces = { s = "urn:site" }

[[rule]]
id = "orders.ward"
severity = "error"
basis = "site"
clause = "interface book 3.2"
context = "//s:order"
select = "@ward"
min = 1
pattern = "[^O].*"
en = "the ward"
zh = "病区"
"""


def test_a_site_writes_its_own_rules(capsys, site):
    (site / "own.toml").write_text(OWN, encoding="utf-8")
    code, said, _ = check(capsys, site / "orders.xml", rules=[str(site / "own.toml")])

    assert code == 1
    assert [(one["path"], one["expected"], one["actual"]) for one in said["findings"]] == [
        ("/orders/order[2]/@ward", "[^O].*", "OLD"), ("/orders/order[3]", "1..* @ward", "0")]  # fmt: skip


def test_a_site_extends_what_ships(capsys, tmp_path):
    (tmp_path / "own.toml").write_text(
        'format = 1\nextends = ["cda-shared"]\noff = ["cda.order", "cda.bare"]\n', encoding="utf-8")  # fmt: skip
    _, said, _ = check(capsys, SAMPLES / "report-broken.xml", rules=[str(tmp_path / "own.toml")])

    assert sorted(rules(said)) == [
        "cda.custodian", "cda.effective-time", "cda.section.C0007.30954-2", "cda.template.id"]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [("format = 1", "format = 2"), ('"error"', '"loud"'), ('"site"', '"single"'), ("min = 1", "mni = 1"),
     ("//s:order", "//s:["), ("//s:order", "//q:order"), ("[^O].*", "["), ('zh = "病区"', ""),
     ('min = 1\npattern = "[^O].*"\n', ""), ('select = "@ward"\n', ""), ("pattern", "check"),
     ("format = 1", 'format = 1\noff = ["x"]'), ("format = 1", 'format = 1\nextends = ["own.toml"]'),
     ("format = 1", 'format = 1\nextends = ["none"]')],
)  # fmt: skip
def test_a_rule_file_that_is_wrong_is_an_input_error(site, old, new):
    assert old in OWN
    (site / "own.toml").write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError):
        run_check([str(site / "orders.xml")], today=TODAY, rules=[str(site / "own.toml")])


# -- the command line ----------------------------------------------------------------------------


def test_the_command_is_there(capsys):
    code = cli.main(["documents", "check", str(SAMPLES / "reply-broken.xml"), "--lang", "en"])

    assert code == 1
    assert "v3.interaction-id" in capsys.readouterr().out


def test_rules_speak_chinese(capsys):
    cli.main(["documents", "check", str(SAMPLES / "reply-broken.xml"), "--lang", "zh-CN"])

    assert "消息" in capsys.readouterr().out or "应答" in capsys.readouterr().out


def test_input_errors_have_their_exit_code(capsys):
    assert cli.main(["documents", "check", "nowhere.xml", "--lang", "en"]) == 2
    assert "nowhere.xml" in capsys.readouterr().err


def test_every_fixed_text_is_english():
    assert [one for one in TEXTS.values() if not one.isascii()] == []


@pytest.mark.slow
def test_many_findings_take_no_quadratic_time(capsys, tmp_path):
    """As many siblings as are allowed, each wrong: places are made for what is kept alone."""
    rows = "".join(f'<id root="x y" extension=" {n}"/>' for n in range(4_990))
    (tmp_path / "a.xml").write_text(
        f'<ClinicalDocument xmlns="urn:hl7-org:v3">{rows}</ClinicalDocument>', encoding="utf-8")  # fmt: skip
    begun = time.process_time()
    code, said, _ = check(capsys, tmp_path)

    assert code == 1
    assert said["dropped"] > 4_000
    assert time.process_time() - begun < 30
