"""Profiles: what is read, and every form of key that is refused, at its line; keys that do not agree."""

import hashlib
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness import i18n, resources
from harness.errors import InputErrors, ProfileError
from harness.profile import Mode, load_profile, schema_text
from harness.profile_schema import write_schema

ROOT = Path(__file__).resolve().parents[2]


GOOD = """\
format = 1
name = "x"
environment = "test"

[systems.LIS]
mode = "real"
version = "1"

[systems.HIS]
mode = "simulated"

[endpoints.analyzer-lis]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
host = "192.0.2.10"
port = 5001
"""
"""The endpoint's header stands on line 12, its port on line 18."""

PROBE = '\n[probes.p]\nowner = "Li, 8001"\nreach = "stored"\nrole = "LIS"\nquery = "SELECT 1"\n'


def nowhere(host):
    return ()


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def refused(folder: Path, text: str, resolve=nowhere) -> list[tuple[int, str, str]]:
    """Line, message and remedy of every problem."""
    path = write(folder, text)
    with pytest.raises(InputErrors) as caught:
        load_profile(path, resolve=resolve)
    found = []
    for problem in caught.value.problems:
        assert isinstance(problem, ProfileError)
        file, _, line = problem.where.rpartition(":")
        assert file == str(path)
        found.append((int(line), problem.message, problem.remedy))
    return found


def one(folder: Path, text: str, resolve=nowhere) -> tuple[int, str, str]:
    problems = refused(folder, text, resolve)

    assert len(problems) == 1, problems
    return problems[0]


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


# -- what ships ------------------------------------------------------------------------------------


def test_the_built_in_profile_is_what_the_engine_needs():
    profile = load_profile("builtin")

    assert {role: str(system.mode) for role, system in profile.systems.items()} == {
        "LIS": "simulated",
        "HIS": "simulated",
        "ENGINE": "simulated",
        "centre": "simulated",
        "PACS": "simulated",
        "RIS": "simulated",
    }
    wired = {
        name: (end.interface, end.frm, end.to, str(end.protocol), str(end.via), end.host, end.port)
        for name, end in profile.endpoints.items()
    }
    assert wired == {
        "analyzer-lis": ("LIS-ASTM", "analyzer", "LIS", "astm", "direct", "127.0.0.1", 0),
        "analyzer-lis-framed": (
            "LIS-FRAMED",
            "analyzer",
            "LIS",
            "framed",
            "direct",
            "127.0.0.1",
            0,
        ),
        "analyzer-lis-poct": ("LIS-POCT", "analyzer", "LIS", "poct1a", "direct", "127.0.0.1", 0),
        "analyzer-lis-hl7": ("LIS-HL7", "analyzer", "LIS", "mllp", "direct", "127.0.0.1", 0),
        "his-engine": ("HIS-ENG", "HIS", "ENGINE", "mllp", "relay", "127.0.0.1", 0),
        "his-engine-tls": ("HIS-ENG", "HIS", "ENGINE", "mllp", "direct", "127.0.0.1", 0),
        "his-engine-hllp": ("HIS-ENG", "HIS", "ENGINE", "hllp", "direct", "127.0.0.1", 0),
        "engine-lis": ("ENG-LIS", "ENGINE", "LIS", "mllp", "relay", "127.0.0.1", 0),
        "lis-engine": ("LIS-ENG", "LIS", "ENGINE", "mllp", "relay", "127.0.0.1", 0),
        "engine-his": ("ENG-HIS", "ENGINE", "HIS", "mllp", "relay", "127.0.0.1", 0),
        "engine-ris": ("ENG-RIS", "ENGINE", "feed", "mllp", "direct", "127.0.0.1", 0),
        "engine-pacs": ("ENG-PACS", "ENGINE", "feed", "mllp", "direct", "127.0.0.1", 0),
        "engine-peis": ("ENG-PEIS", "ENGINE", "feed", "hllp", "direct", "127.0.0.1", 0),
        "engine-sender": ("ENG-ACK", "ENGINE", "feed", "mllp", "direct", "127.0.0.1", 0),
        "his-lis": ("HIS-ORD", "HIS", "LIS", "mllp", "relay", "127.0.0.1", 0),
        "lis-his": ("LIS-ORU", "LIS", "HIS", "mllp", "relay", "127.0.0.1", 0),
        "his-centre": ("HIS-YB", "HIS", "centre", "http", "direct", "127.0.0.1", 0),
        "his-callback": ("HIS-YB", "centre", "HIS", "http", "direct", "127.0.0.1", 0),
        "modality-pacs": ("PACS-DIMSE", "modality", "PACS", "dicom", "direct", "127.0.0.1", 0),
        "modality-ris": ("RIS-MWL", "modality", "RIS", "dicom", "direct", "127.0.0.1", 0),
        "modality-pacs-web": ("PACS-WEB", "modality", "PACS", "http", "direct", "127.0.0.1", 0),
        "modality-pacs-tls": ("PACS-TLS", "modality", "PACS", "dicom", "direct", "127.0.0.1", 0),
        "his-ris": ("RIS-ORD", "HIS", "RIS", "mllp", "direct", "127.0.0.1", 0),
        "ris-his": ("RIS-ORD", "RIS", "HIS", "mllp", "direct", "127.0.0.1", 0),
    }
    assert {probe.url for probe in profile.probes.values()} == {
        "builtin:LIS",
        "builtin:HIS",
        "builtin:ENGINE",
        "builtin:centre",
    }
    assert str(profile.environment) == "test"
    assert str(profile.transport) == "tcp"
    assert profile.hash == hashlib.sha256(profile.path.read_bytes()).hexdigest()


def test_the_memory_profile_is_the_built_in_one_in_memory():
    memory, builtin = load_profile("memory"), load_profile("builtin")

    assert str(memory.transport) == "memory"
    assert {str(endpoint.transport) for endpoint in memory.endpoints.values()} == {"memory"}
    assert memory.probes == builtin.probes
    in_real_time = {  # DIMSE has no virtual clock, and what stands beside it shares its process
        "modality-pacs",
        "modality-pacs-web",
        "modality-pacs-tls",
        "modality-ris",
        "his-ris",
        "ris-his",
    }
    assert set(builtin.endpoints) >= in_real_time
    assert [*memory.endpoints] == [one for one in builtin.endpoints if one not in in_real_time]


@pytest.mark.parametrize("name", ["template.toml", "example-site.toml"])
def test_the_other_shipped_profiles_load(name):
    profile = load_profile(resources.fixture("profiles", name), resolve=nowhere)

    assert profile.mode("LIS") is Mode.REAL
    assert profile.mode("analyzer") is Mode.SIMULATED


def test_the_probes_of_the_built_in_profile_run_on_its_tables():
    import sqlite3

    from simulators.centre.ledger import SCHEMA
    from simulators.hospital import schema

    tables = {
        "LIS": schema.LIS,
        "HIS": (*schema.HIS, *schema.HIS_SETTLE),
        "ENGINE": schema.ENGINE,
        "centre": SCHEMA,
    }
    for name, probe in load_profile("builtin").probes.items():
        database = sqlite3.connect(":memory:")
        for table in tables[probe.role]:
            database.execute(table)
        names = (
            "barcode",
            "patient_id",
            "lot",
            "bill_no",
            "psn_no",
            "certno",
            "infno",
            "day",
            "barcodes",
            "minutes",
        )
        holes = dict.fromkeys(names, "x")
        assert database.execute(probe.query, holes).fetchall() == [], name
        database.close()


def test_the_json_schema_in_the_reference_is_current(tmp_path):
    kept = ROOT / "docs" / "reference" / "profile.schema.json"

    assert kept.read_text(encoding="utf-8") == schema_text()
    write_schema(tmp_path / "schema.json")
    assert (tmp_path / "schema.json").read_bytes() == kept.read_bytes()
    schema = json.loads(schema_text())
    assert schema["additionalProperties"] is False
    assert "from" in schema["$defs"]["Endpoint"]["properties"]
    assert all("description" in field for field in schema["properties"].values())


def test_a_profile_cannot_be_changed_afterwards():
    profile = load_profile("builtin")

    with pytest.raises(ValidationError):
        profile.name = "other"


# -- reading ---------------------------------------------------------------------------------------


def test_a_good_profile_loads(tmp_path):
    profile = load_profile(write(tmp_path, GOOD), resolve=nowhere)

    assert profile.endpoints["analyzer-lis"].port == 5001
    assert profile.path == tmp_path / "site.toml"
    assert profile.file("a.pem") == tmp_path / "a.pem"


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert load_profile(path, resolve=nowhere).name == "x"


def test_a_file_saved_as_gbk_is_refused_at_its_line(tmp_path):
    path = tmp_path / "site.toml"
    path.write_bytes(GOOD.replace('name = "x"', 'name = "检验科"').encode("gbk"))
    with pytest.raises(InputErrors) as caught:
        load_profile(path)

    assert caught.value.problems[0].where == f"{path}:2"
    assert "UTF-8" in caught.value.problems[0].remedy


def test_what_is_not_toml_is_refused_at_its_line(tmp_path):
    line, message, _ = one(tmp_path, GOOD.replace("port = 5001", "port 5001"))

    assert (line, message[:9]) == (18, "not TOML:")


def test_toml_that_breaks_off_is_refused_at_its_last_line(tmp_path):
    line, message, _ = one(tmp_path, GOOD + '[policy]\npermit = "x')

    assert (line, message[:9]) == (20, "not TOML:")


def test_toml_nested_beyond_reason_is_refused(tmp_path):
    line, message, _ = one(tmp_path, "x = " + "[" * 20_000)

    assert (line, message[:9]) == (1, "not TOML:")


def test_a_missing_file_points_to_init(tmp_path):
    with pytest.raises(InputErrors) as caught:
        load_profile(tmp_path / "no.toml")

    assert "medharness init" in caught.value.problems[0].remedy
    with pytest.raises(InputErrors) as caught:
        load_profile("biultin")
    assert "builtin" in caught.value.problems[0].remedy


def test_a_file_that_cannot_be_opened_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path, GOOD)

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputErrors, match="Permission denied"):
        load_profile(path)


def test_a_file_without_end_is_refused(tmp_path):
    path = tmp_path / "site.toml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(InputErrors, match="1048576 bytes"):
        load_profile(path)


# -- the form of keys ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ('version = "1"', 'vesion = "1"', 7, "unknown key “vesion”", "“version”"),
        ('name = "x"', 'nam = "x"\nname = "x"', 2, "unknown key “nam”", "“name”"),
        ("port = 5001", "port = 5001\nprot = 1", 19, "unknown key “prot”", "“port”"),
        ('environment = "test"', 'environment = "tst"', 3, "cannot be “tst”", "“test”"),
        ('mode = "real"', 'mode = "reel"', 6, "cannot be “reel”", "“real”"),
        ('mode = "real"', 'mode = "zzz"', 6, "cannot be “zzz”", "observed, real, simulated"),
        ("format = 1", "format = 2", 1, "“format” cannot be “2”", "1"),
        ("port = 5001", 'port = "5001"', 18, "must be a number without quotes", ""),
        ("port = 5001", "port = 70000", 18, "≤ 65535", ""),
        ("port = 5001", "port = -1", 18, "≥ 0", ""),
        ("port = 5001", "port = 1.5", 18, "must be a number", ""),
        ('name = "x"', "name = 3", 2, "must be a text in quotes", ""),
        ('name = "x"', 'name = ""', 2, "must not be empty", ""),
        ('version = "1"', f'version = "{"1" * 501}"', 7, "longer than 500", ""),
        ('version = "1"', 'required = "no"', 7, "must be true or false", ""),
        ('[systems.HIS]\nmode = "simulated"', '[systems]\nHIS = "x"', 10, "must be a table", ""),
        ("[systems.HIS]", '[systems."H I S"]', 9, "must have the form", ""),
        ("port = 5001", 'port = 1\nencoding = "gbq"', 19, "unknown encoding “gbq”", "gb18030"),
        ("port = 5001", 'port = 1\nencoding = "hex"', 19, "unknown encoding “hex”", "gb18030"),
        ('host = "192.0.2.10"', 'host = "10.1"', 17, "neither a host name", "10.20.30.40"),
        ('host = "192.0.2.10"', 'host = "0x7f000001"', 17, "neither a host name", ""),
        ('host = "192.0.2.10"', 'host = "lis:5001"', 17, "neither a host name", "port"),
        ('host = "192.0.2.10"', f'host = "{"a." * 140}b"', 17, "neither a host name", ""),
    ],
)
def test_a_wrong_key_is_refused_at_its_line(tmp_path, old, new, line, message, remedy):
    assert old in GOOD
    where, said, advice = one(tmp_path, GOOD.replace(old, new, 1))

    assert where == line
    assert message in said
    assert remedy in advice


@pytest.mark.parametrize(
    ("added", "line", "message"),
    [
        ("[limits.LIS]\nanswer_s = 'x'", 20, "“answer_s” must be a number"),
        ("[quirks.LIS]\nx = 2026-01-05", 20, "“x” must be true or false"),
        ("[encodings]\nLIS = 3", 20, "“LIS” must be a table"),
        ("[encodings.LIS]\naliases = { A = 'gbq' }", 20, "unknown encoding “gbq”"),
        ("[policy]\nforbidden_addresses = [1]", 20, "must be a text in quotes"),
        ("[policy]\nforbidden_addresses = 'x'", 20, "forbidden_addresses: Input should be"),
        ("[test_subjects]\nlist = 'x'\nsha256 = 'x'", 21, "“sha256” must have the form"),
    ],
)
def test_a_wrong_value_deep_down_is_refused_at_its_line(tmp_path, added, line, message):
    where, said, _ = refused(tmp_path, f"{GOOD}{added}")[-1]

    assert (where, message in said) == (line, True), said


def test_a_missing_key_is_refused_at_its_table(tmp_path):
    line, message, remedy = one(tmp_path, GOOD.replace('from = "analyzer"\n', ""))

    assert (line, message, remedy) == (
        12,
        "the key “from” is missing",
        "add it to [endpoints.analyzer-lis]",
    )
    line, message, remedy = one(tmp_path, GOOD.replace('name = "x"\n', ""))
    assert (line, message, remedy) == (
        1,
        "the key “name” is missing",
        "add it at the top of the file",
    )


def test_all_problems_come_at_once_and_in_order(tmp_path):
    text = (
        GOOD.replace('environment = "test"', 'environment = "tset"')
        .replace('version = "1"', "vendro = 1")
        .replace("LIS-ASTM", "LIS-ASTN")
    )
    text += PROBE.replace("SELECT 1", "DELETE FROM x") + 'url = "sqlite:x"\n'

    assert [line for line, _, _ in refused(tmp_path, text)] == [3, 7, 13, 24]


def test_a_profile_without_systems_is_refused(tmp_path):
    text = 'format = 1\nname = "x"\nenvironment = "test"\n'

    assert one(tmp_path, text)[1] == "the key “systems” is missing"
    assert "must not be empty" in one(tmp_path, text + "[systems]\n")[1]


# -- secrets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        'url_env = "hunter2-secret"',
        'url = "postgresql://u:hunter2@192.0.2.1/db"',
        'url = "postgresql://u@192.0.2.1/db"\n#hunter2',
        'url = "postgresql://192.0.2.1/db?password=hunter2"',
        'url = "postgresql://[hunter2/db"',
        'url_env = "A"\npassword = "hunter2"',
        'url_env = "A"\ncolumns = 1 #hunter2',
        'url_env = "A"\n[quirks.LIS]\ndb_password = "hunter2"',
        'url_env = "A"\n[quirks.LIS]\n"口令" = "hunter2"',
    ],
)
def test_a_secret_in_the_profile_is_refused_and_never_repeated(tmp_path, wrong):
    problems = refused(tmp_path, GOOD + PROBE + wrong)

    assert "hunter2" not in str(problems)
    assert len(problems) == 1


def test_a_quirk_may_name_the_variable_of_a_secret(tmp_path):
    text = GOOD + '[quirks.LIS]\ntoken_env = "LIS_TOKEN"\nretries = 3\nslow = true\nrate = 0.5\n'

    assert load_profile(write(tmp_path, text)).quirks["LIS"] == {
        "token_env": "LIS_TOKEN",
        "retries": 3,
        "slow": True,
        "rate": 0.5,
    }


def test_a_limit_needs_a_unit_in_its_name(tmp_path):
    line, message, _ = one(tmp_path, GOOD + "\n[limits.LIS]\nanswer = 5\n")

    assert (line, "no unit" in message) == (21, True)
    assert load_profile(write(tmp_path, GOOD + "[limits.LIS]\nanswer_s = 5\n")).limits == {
        "LIS": {"answer_s": 5}
    }
    assert refused(tmp_path, GOOD + "[limits.LIS]\nanswer_s = 0\n")[0][0] == 20


# -- agreement between keys ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('"LIS-ASTM"', '"LIS-ASTN"', 13, "unknown interface “LIS-ASTN”"),
        ('"LIS-ASTM"', '"LIS-ASTM"\nalso = ["LIS-ORUU"]', 14, "unknown interface “LIS-ORUU”"),
        ('protocol = "astm"', 'protocol = "mllp"', 16, "LIS-ASTM is not spoken over mllp"),
        ('from = "analyzer"', 'from = "analyser"', 14, "no role “analyser”"),
        ('to = "LIS"', 'to = "LSI"', 15, "no role “LSI”"),
        ('to = "LIS"', 'to = "feed"', 12, "neither side of this link is a system"),
        ("port = 5001", "port = 0", 12, "a real LIS needs a host and a port"),
        ('host = "192.0.2.10"\n', "", 12, "a real LIS needs a host and a port"),
        ("port = 5001", 'port = 1\nurl = "COM3"', 19, "url is for serial links"),
        ("port = 5001", "port = 1\nline = {}", 19, "line is for serial links"),
        ("port = 5001", "port = 1\ntls = {}", 19, "certificates are for TLS links"),
        ("port = 5001", 'port = 1\ntransport = "serial"', 12, "a serial link needs a url"),
        ("port = 5001", 'port = 1\ntransport = "tls"', 12, "a TLS link needs a table “tls”"),
        (
            "port = 5001",
            'port = 1\ntransport = "tls"\ntls = { certificate = "a.pem" }',
            20,
            "certificate and key_env belong together",
        ),
        ("port = 5001", 'port = 1\ntransport = "memory"', 19, "this link's is memory"),
        (
            "port = 5001",
            'port = 1\nvia = "relay"\nrelay_host = "0.0.0.0"',
            20,
            "other machines could reach our listener on 0.0.0.0",
        ),
        ('version = "1"', 'worked_by = "person"\n[policy]', 0, ""),
        ('mode = "simulated"', 'mode = "simulated"\nworked_by = "person"', 11, "nobody sits"),
    ],
)
def test_keys_must_agree(tmp_path, old, new, line, message):
    if not line:
        load_profile(write(tmp_path, GOOD.replace(old, new, 1)))
        return
    where, said, _ = one(tmp_path, GOOD.replace(old, new, 1))

    assert (where, message in said) == (line, True), said


FROM_OUTSIDE = GOOD.replace(
    'from = "analyzer"\nto = "LIS"\nprotocol = "astm"\nhost = "192.0.2.10"\nport = 5001\n',
    'from = "LIS"\nto = "HIS"\nprotocol = "mllp"\n',
).replace("LIS-ASTM", "LIS-ORU")


def test_a_real_system_that_connects_needs_a_fixed_port(tmp_path):
    assert "so port must be fixed" in one(tmp_path, FROM_OUTSIDE)[1]
    assert "so relay_port must be fixed" in one(tmp_path, FROM_OUTSIDE + 'via = "relay"\n')[1]
    load_profile(write(tmp_path, FROM_OUTSIDE + "port = 6000\n"))
    load_profile(write(tmp_path, FROM_OUTSIDE + 'relay_port = 6000\nvia = "relay"\n'))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.5", False),
        ("bench.local", False),
    ],
)
def test_listeners_bind_to_loopback_unless_the_profile_says_so(tmp_path, host, allowed):
    text = FROM_OUTSIDE + f'port = 6000\nhost = "{host}"\n'
    if allowed:
        load_profile(write(tmp_path, text))
    else:
        assert "other machines could reach" in one(tmp_path, text)[1]
    load_profile(write(tmp_path, text + "expose = true\n"))


def test_where_we_listen_with_tls_we_need_a_certificate(tmp_path):
    text = FROM_OUTSIDE + 'port = 6000\ntransport = "tls"\n'
    ours = 'tls = { certificate = "a.pem", key_env = "KEY" }\n'

    assert "where we listen with TLS" in one(tmp_path, text + "tls = {}\n")[1]
    load_profile(write(tmp_path, text + ours))


def test_memory_is_for_simulated_systems_only(tmp_path):
    text = 'transport = "memory"\n' + GOOD.replace("port = 5001", 'transport = "memory"')

    assert "a real system cannot be reached over memory" in one(tmp_path, text)[1]


def test_serial_lines_have_settings_and_forms_of_url(tmp_path):
    serial = GOOD.replace('host = "192.0.2.10"\nport = 5001', 'transport = "serial"\nurl = "COM3"')

    profile = load_profile(write(tmp_path, serial + "line = { baud = 19200 }\n"))
    line = profile.endpoints["analyzer-lis"].line
    assert line is not None
    assert (line.baud, line.data_bits, line.parity, line.stop_bits) == (19200, 8, "none", 1)
    assert "spy://" in one(tmp_path, serial.replace("COM3", "spy://COM3?file=x"))[1]


@pytest.mark.parametrize("table", ["limits", "encodings", "quirks"])
def test_tables_by_role_name_roles_that_exist(tmp_path, table):
    line, message, remedy = one(tmp_path, GOOD + f"\n[{table}.LISS]\n")

    assert (line, message) == (20, "no role “LISS” in [systems]")
    assert "“LIS”" in remedy


# -- probes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('query = "DELETE FROM x"\nurl_env = "A"', "a probe may only SELECT"),
        ('query = "SELECT 1; DROP TABLE x"\nurl_env = "A"', "a probe may only SELECT"),
        ('query = ""\nurl_env = "A"', "a probe may only SELECT"),
        ('query = "SELECT 1"\ncontrol = "DROP TABLE x"\nurl_env = "A"', "a probe may only SELECT"),
        ('query = "SELECT 1"\nclock = "CALL x()"\nurl_env = "A"', "a probe may only SELECT"),
        ('query = "SELECT 1"', "one of url and url_env"),
        ('query = "SELECT 1"\nurl_env = "A"\nurl = "sqlite:x"', "one of url and url_env"),
        ('query = "SELECT 1"\nurl = "oracle://x"', "no probe can look into this URL"),
        ('query = "SELECT 1"\nurl = "builtin:LIS"', "we do not run a LIS"),
        ('query = "SELECT 1"\nurl = "builtin:PACS"', "we do not run a PACS"),
        ('query = "SELECT 1"\nurl_env = "A"\nkind = "sq"', "“kind” cannot be “sq”"),
        ('query = "SELECT 1"\nurl_env = "A"\nrows_max = 0', "must be > 0"),
        ('query = "SELECT 1"\nurl_env = "A"\ntimeout_s = 1e9', "must be ≤ 3600"),
    ],
)
def test_a_probe_that_could_harm_or_cannot_work_is_refused(tmp_path, wrong, message):
    probe = PROBE.partition("query")[0]
    assert message in one(tmp_path, f"{GOOD}{probe}{wrong}\n")[1]


def test_a_probe_names_a_system(tmp_path):
    text = GOOD + PROBE.replace("LIS", "LISX") + 'url_env = "A"\n'

    assert one(tmp_path, text)[:2] == (23, "no role “LISX” in [systems]")


@pytest.mark.parametrize("mode", ["real", "observed"])
@pytest.mark.parametrize("kind", [
    'url = "sqlite:x"\n', 'kind = "carried"\nurl = "folder:dba"\n',
    'kind = "files"\nurl = "folder:out"\n',
])  # fmt: skip
def test_somebody_answers_for_every_look_into_a_system_that_is_not_ours(tmp_path, mode, kind):
    text = GOOD.replace('mode = "real"', f'mode = "{mode}"') + PROBE + kind
    load_profile(write(tmp_path, text))
    for line, told in (('owner = "Li, 8001"\n', "needs an owner"),
                       ('reach = "stored"\n', "how far it sees")):  # fmt: skip
        assert told in one(tmp_path, text.replace(line, ""))[1]


def test_a_look_into_a_system_of_ours_needs_nobody(tmp_path):
    text = '\n[probes.q]\nrole = "HIS"\nurl = "builtin:HIS"\nquery = "SELECT 1"\n'
    load_profile(write(tmp_path, GOOD + text))


DICOM = PROBE.replace("SELECT 1", "C-FIND C-GET QIDO-RS") + 'kind = "dicom"\n'


def test_looks_into_an_archive_are_declared_as_a_kind(tmp_path):
    probe = load_profile(write(tmp_path, GOOD + DICOM)).probes["p"]
    assert (probe.kind, probe.reach, probe.owner) == ("dicom", "stored", "Li, 8001")


@pytest.mark.parametrize(("old", "new", "told"), [
    ('owner = "Li, 8001"\n', "", "needs an owner"),
    ('reach = "stored"', 'reach = "displayed"', "what an archive holds"),
    ('reach = "stored"', 'reach = "sent"', "what an archive holds"),
    ("QIDO-RS", "C-STORE", "no way to look into an archive"),
    ('kind = "dicom"', 'kind = "dicom"\nurl = "http://127.0.0.1:1"', "has no url"),
    ('kind = "dicom"', 'kind = "dicom"\ncontrol = "SELECT 1"', "has no control"),
])  # fmt: skip
def test_a_declared_look_into_an_archive_claims_no_more_than_it_sees(tmp_path, old, new, told):
    assert old in DICOM
    assert told in one(tmp_path, GOOD + DICOM.replace(old, new))[1]


def test_the_url_of_a_probe_comes_from_the_environment_or_the_profile(tmp_path):
    text = GOOD + PROBE + 'url_env = "LIS_DB"\n' + PROBE.replace("probes.p", "probes.q")
    profile = load_profile(write(tmp_path, text + 'url = "sqlite:lis.sqlite"\n'))

    assert profile.probe_url("p", {"LIS_DB": "postgresql://u:p@h/d"}) == "postgresql://u:p@h/d"
    assert profile.probe_url("p", {}) == ""
    assert profile.probe_url("q", {}) == f"sqlite:{tmp_path / 'lis.sqlite'}"


# -- forbidden addresses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "host", "refused_"),
    [
        ("192.0.2.10", "192.0.2.10", True),
        ("192.0.2.10:5001", "192.0.2.10", True),
        ("192.0.2.10:5002", "192.0.2.10", False),
        ("192.0.2.0/24", "192.0.2.10", True),
        ("192.0.3.0/24", "192.0.2.10", False),
        ("192.0.2.0/24", "::ffff:192.0.2.10", True),
        ("192.0.2.0/24", "::ffff:c000:20a", True),
        ("2001:db8::/32", "2001:db8::7", True),
        ("2001:db8::/32", "2001:db8::7%1", True),
        ("[2001:db8::7]:5001", "2001:DB8:0:0::7", True),
        ("[2001:db8::7]", "2001:db8::7", True),
        ("2001:db8::7", "2001:db8::7", True),
        ("LIS.Example", "lis.example.", True),
        ("lis.example:5001", "lis.example", True),
        ("192.0.2.10", "lis.example", True),
        ("other.example", "lis.example", False),
        ("alias.example", "lis.example", True),
    ],
)
def test_forbidden_addresses_are_refused_in_every_environment(tmp_path, entry, host, refused_):
    names = {"lis.example": ("192.0.2.10",), "alias.example": ("192.0.2.10",)}
    text = GOOD.replace("192.0.2.10", host) + f'\n[policy]\nforbidden_addresses = ["{entry}"]\n'

    def resolve(name):
        return names.get(name, ())

    for environment in ("test", "production"):
        text = text.replace('"test"', f'"{environment}"')
        if refused_:
            line, message, _ = one(tmp_path, text, resolve)
            assert (line, "is forbidden by" in message) == (17, True)
        else:
            load_profile(write(tmp_path, text), resolve=resolve)


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "a b", "10.0.0.1:0", "lis:abc", "10.1", "[::1]:x"])
def test_an_entry_that_names_no_address_is_refused(tmp_path, entry):
    text = GOOD + f'\n[policy]\nforbidden_addresses = ["{entry}"]\n'

    assert one(tmp_path, text)[0] == 21


def test_the_device_server_of_a_serial_line_can_be_forbidden(tmp_path):
    text = GOOD.replace(
        'host = "192.0.2.10"\nport = 5001', 'transport = "serial"\nurl = "socket://192.0.2.10:4001"'
    )
    text += '\n[policy]\nforbidden_addresses = ["192.0.2.10"]\n'

    assert one(tmp_path, text)[0] == 18


def test_no_name_is_looked_up_where_nothing_is_forbidden(tmp_path):
    def resolve(host):
        raise AssertionError(host)

    load_profile(write(tmp_path, GOOD.replace("192.0.2.10", "lis.example")), resolve=resolve)
