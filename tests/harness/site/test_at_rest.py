"""What real systems say lies encrypted, or somebody is named who accepts that it does not."""

import json

import pytest

from harness import i18n
from harness.cli import main
from harness.doctor_privacy import privacy_checks
from harness.errors import InputError, InputErrors
from harness.evidence.trace import read
from harness.profile import load_profile
from harness.resources import scenarios_folder
from harness.scenario.plugin import _refuse_plain
from harness.scenario.session import RunSession, SessionOptions
from harness.site import vault

WORDS = "correct horse battery"
SITE = """format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "{mode}"
version = "1"
[systems.HIS]
mode = "simulated"
[endpoints.his-lis]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "127.0.0.1"
port = 9
via = "relay"
relay_port = {relay_port}
{privacy}
"""
KEY = '[privacy]\nkey_env = "MEDHARNESS_KEY"\n'
PLAIN = '[privacy]\nplain = "张三，信息科主任"\n'
SCENARIO = str(scenarios_folder() / "feeds" / "account.feature")


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


def site(folder, privacy="", mode="real", relay_port=0):
    path = folder / "site.toml"
    text = SITE.format(privacy=privacy, mode=mode, relay_port=relay_port)
    path.write_text(text, encoding="utf-8")
    return str(path)


def asked(command, folder):
    """How each command that writes down what real systems say is begun."""
    words = {"run": ["run", SCENARIO], "record": ["record"],
             "relay": ["relay", "--minutes", "0.0001"]}  # fmt: skip
    return [*words[command], "--out", str(folder / "out"), "--lang", "en", "--profile"]


@pytest.mark.parametrize("mode", ["real", "observed"])
@pytest.mark.parametrize("command", ["run", "record", "relay"])
def test_nothing_begins_while_nobody_says_how_it_will_lie(tmp_path, capsys, command, mode):
    assert main([*asked(command, tmp_path), site(tmp_path, mode=mode)]) == 2
    said = capsys.readouterr().err
    assert "LIS" in said
    assert "key_env" in said
    assert "plain" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["run", "record", "relay"])
@pytest.mark.parametrize("words", [None, "short"])
def test_nothing_begins_without_the_passphrase(tmp_path, capsys, monkeypatch, command, words):
    monkeypatch.delenv("MEDHARNESS_KEY", raising=False)
    if words:
        monkeypatch.setenv("MEDHARNESS_KEY", words)
    assert main([*asked(command, tmp_path), site(tmp_path, KEY)]) == 2
    assert "MEDHARNESS_KEY" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("privacy", [KEY + 'plain = "张三"\n', '[privacy]\nplain = " "\n'])
def test_one_of_the_two_and_by_name(tmp_path, privacy):
    with pytest.raises(InputErrors, match="plain"):
        load_profile(site(tmp_path, privacy))


@pytest.mark.slow
def test_who_accepts_plain_traces_stands_in_the_run(tmp_path, capsys):
    assert main([*asked("run", tmp_path), site(tmp_path, PLAIN)]) != 2
    assert "张三" in capsys.readouterr().err
    plan = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
    assert plan["profile"]["plain"] == "张三，信息科主任"
    trace = next((tmp_path / "out" / "traces").glob("*.jsonl"))
    assert read(trace).records[0]["profile"]["plain"] == "张三，信息科主任"


@pytest.mark.slow
def test_a_run_whose_report_fails_is_encrypted_all_the_same(tmp_path, monkeypatch):
    def broken(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("MEDHARNESS_KEY", WORDS)
    monkeypatch.setattr("harness.scenario.command.report.write", broken)
    assert main([*asked("run", tmp_path), site(tmp_path, KEY)]) == 70
    left = {one.name for one in (tmp_path / "out").rglob("*") if one.suffix != vault.SUFFIX}
    assert not [name for name in left if name.endswith(".jsonl")]
    assert list((tmp_path / "out" / "traces").glob("*.sealed"))


@pytest.mark.slow
def test_a_run_that_cannot_be_encrypted_is_no_good_run(tmp_path, monkeypatch, capsys):
    def full(_folder, _words):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("MEDHARNESS_KEY", WORDS)
    monkeypatch.setattr("harness.site.at_rest.vault.seal", full)
    assert main([*asked("run", tmp_path), site(tmp_path, KEY)]) == 70
    assert "medharness seal" in capsys.readouterr().err


def test_a_relay_encrypts_its_journal_and_purge_knows_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDHARNESS_KEY", WORDS)
    profile, out = site(tmp_path, KEY), tmp_path / "out"
    (tmp_path / "keep").mkdir()
    assert main([*asked("relay", tmp_path), profile, "--json"]) == 3  # nothing passed
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["sealed"] is True
    names = {one.name for one in out.iterdir()}
    assert names == {"relay.jsonl.sealed", "relay.json.sealed", vault.TIMES}

    told = json.loads((out / vault.TIMES).read_text(encoding="utf-8"))
    told["ended"] = "2020-01-01T00:00:00+08:00"
    (out / vault.TIMES).write_text(json.dumps(told), encoding="utf-8")
    assert main(["unseal", str(out), "--profile", profile]) == 0
    assert read(out / "relay.jsonl").records[0]["kind"] == "open"
    (out / vault.BLOBS).mkdir()
    (out / vault.BLOBS / ("0" * 64)).write_bytes(b"PID|1||7||X")
    assert main(["seal", str(out), "--profile", profile]) == 0
    assert [one.name for one in (out / vault.BLOBS).iterdir()] == ["0" * 64 + vault.SUFFIX]
    assert main(["purge", str(tmp_path), "--profile", profile, "--yes"]) == 0
    assert not out.exists()


def test_blobs_of_somebody_else_are_left_alone(tmp_path):
    (tmp_path / vault.BLOBS).mkdir()
    (tmp_path / vault.BLOBS / "x").write_bytes(b"x")
    (tmp_path / "recording.pcap").write_bytes(b"x")
    assert vault.recorded(tmp_path) == [tmp_path / "recording.pcap"]


@pytest.mark.parametrize(("privacy", "environ", "status", "says"), [
    ("", {}, "fail", "unencrypted"),
    (PLAIN, {}, "warn", "张三"),
    (KEY, {}, "fail", "MEDHARNESS_KEY"),
    (KEY, {"MEDHARNESS_KEY": "short"}, "fail", "MEDHARNESS_KEY"),
    (KEY, {"MEDHARNESS_KEY": WORDS}, "ok", "encrypted"),
])  # fmt: skip
def test_the_doctor_tells_how_it_will_lie(tmp_path, privacy, environ, status, says):
    (check,) = privacy_checks(load_profile(site(tmp_path, privacy)), environ)
    assert (check.name, check.status) == ("privacy", status)
    assert says in check.detail
    assert WORDS not in check.detail
    assert bool(check.remedy) == (status != "ok")


def test_the_command_of_the_doctor_fails_where_a_run_would_not_begin(tmp_path, capsys):
    assert main(["doctor", "--profile", site(tmp_path), "--json"]) == 1
    checks = json.loads(capsys.readouterr().out.splitlines()[-1])["checks"]
    assert [one["status"] for one in checks if one["name"] == "privacy"] == ["fail"]


def test_systems_that_we_play_need_neither(tmp_path):
    assert list(privacy_checks(load_profile("memory"), {})) == []
    assert load_profile("memory").theirs == []


@pytest.mark.parametrize(("privacy", "command", "refused"), [
    (KEY, (), True), (KEY, ("medharness", "run"), False), (PLAIN, (), False),
])  # fmt: skip
def test_pytest_alone_would_leave_it_plain(tmp_path, privacy, command, refused):
    given = SessionOptions(
        profile=site(tmp_path, privacy), seed=1, folder=tmp_path, command=command
    )
    if refused:
        with pytest.raises(InputError, match="pytest"):
            _refuse_plain(RunSession(given))
    else:
        _refuse_plain(RunSession(given))


def test_a_session_of_pytest_is_refused_as_the_command_is(tmp_path):
    given = SessionOptions(profile=site(tmp_path), seed=1, folder=tmp_path / "out")
    with pytest.raises(InputError, match="unencrypted"):
        RunSession(given).check()
