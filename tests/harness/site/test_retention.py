"""How long recordings and hand-carried results are kept, and who names them."""

import datetime as dt
import json
import os

import pytest

from harness.cli import main
from harness.clock import CHINA
from harness.site import retention
from harness.site.vault import SUFFIX, seal

NOW = dt.datetime(2026, 7, 1, tzinfo=CHINA)
OLD, NEW = dt.datetime(2026, 1, 1, tzinfo=CHINA), dt.datetime(2026, 6, 30, tzinfo=CHINA)
TOKEN = "0123456789abcdef"
SITE = """format = 1
name = "x"
environment = "test"
[systems.HIS]
mode = "real"
[probes.stay]
owner = "Li, 8001"
kind = "carried"
role = "HIS"
url = "folder:dba"
query = "SELECT 1 AS a FROM t WHERE b = :b"
reach = "stored"
[privacy]
retention_days = 1
"""


def aged(path, at):
    os.utime(path, (at.timestamp(), at.timestamp()))


def recording(folder, ended=None, grew=OLD):
    """One of ``medharness record``; ``ended`` as it says itself, ``grew`` as the disk says."""
    folder.mkdir(parents=True)
    (folder / "recording.pcap").write_bytes(b"PID|1||7||" + "张三".encode())
    (folder / "recording.ends").write_text("10.1.1.2:6661=LIS\n", encoding="utf-8")
    if ended is not None:
        told = json.dumps({"format": 1, "ended": ended.isoformat()})
        (folder / "recording.json").write_text(told, encoding="utf-8")
    for one in folder.iterdir():
        aged(one, grew)
    return folder


def names(found):
    return [one.name for one in found]


def test_a_recording_is_as_old_as_its_end_sealed_or_not(tmp_path):
    recording(tmp_path / "copied", ended=OLD, grew=NEW)
    recording(tmp_path / "of long ago", grew=OLD)
    recording(tmp_path / "goes on", grew=NEW)
    recording(tmp_path / "new", ended=NEW, grew=OLD)
    seal(recording(tmp_path / "sealed", ended=OLD), "correct horse battery")
    assert names(retention.recordings(tmp_path, 90, NOW)) == ["copied", "of long ago", "sealed"]


def test_only_the_recording_goes_and_what_else_lies_there_stays(tmp_path):
    whole, shared = recording(tmp_path / "whole", OLD), recording(tmp_path / "shared", OLD)
    seal(whole, "correct horse battery")
    (shared / "site.toml").write_text("x", encoding="utf-8")
    retention.remove(retention.recordings(tmp_path, 90, NOW), [])
    assert not whole.exists()
    assert [one.name for one in shared.iterdir()] == ["site.toml"]


def test_neither_a_run_nor_a_link_nor_somebody_elses_folder_is_a_recording(tmp_path):
    base = tmp_path / "runs"
    base.mkdir()
    (recording(base / "run", OLD) / "plan.json").write_text("{}", encoding="utf-8")
    (base / "notes").mkdir()
    (base / "notes" / "recording.ends").write_text("", encoding="utf-8")
    aged(base / "notes" / "recording.ends", OLD)
    try:
        (base / "link").symlink_to(recording(tmp_path / "elsewhere", OLD), target_is_directory=True)
    except OSError:
        pytest.skip("this account may not make links")
    assert retention.recordings(base, 90, NOW) == []


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    folder = tmp_path / "dba"
    folder.mkdir()
    for name in (f"stay-{TOKEN}.sql", f"stay-{TOKEN}.CSV", f"stay-{TOKEN}.xlsx",
                 f"other-{TOKEN}.csv", "stay.csv", f"stay-{TOKEN}.csv.bak"):  # fmt: skip
        (folder / name).write_text("mh_token,name\n", encoding="utf-8")
        aged(folder / name, OLD)
    (folder / "stay-fedcba9876543210.csv").write_text("x", encoding="utf-8")
    return path


def test_purge_counts_recordings_and_carried_results_and_lists_before_it_removes(
    site, tmp_path, capsys
):
    base = tmp_path / "runs"
    gone = recording(base / "old", OLD)
    kept = recording(base / "new", dt.datetime.now(CHINA))
    before = sorted((tmp_path / "dba").iterdir())
    assert main(["purge", str(base), "--profile", str(site), "--json"]) == 0
    said = capsys.readouterr().out
    told = json.loads(said.splitlines()[-1])
    carried = sorted(f"stay-{TOKEN}.{end}" for end in ("CSV", "sql", "xlsx"))
    assert told["recordings"] == [str(gone)]
    assert sorted(one.rpartition(os.sep)[2] for one in told["carried"]) == carried
    assert all(one in said.partition("{")[0] for one in (str(gone), *carried))
    assert gone.is_dir()
    assert sorted((tmp_path / "dba").iterdir()) == before

    assert main(["purge", str(base), "--profile", str(site), "--yes"]) == 0
    assert not gone.exists()
    assert kept.is_dir()
    assert {one.name for one in (tmp_path / "dba").iterdir()} == {
        f"other-{TOKEN}.csv", "stay.csv", f"stay-{TOKEN}.csv.bak", "stay-fedcba9876543210.csv",
    }  # fmt: skip


# -- the vault -------------------------------------------------------------------------------------


def test_a_recording_is_sealed_and_opened_and_its_neighbours_are_not_touched(tmp_path, monkeypatch):
    site = tmp_path / "site.toml"
    site.write_text(SITE + 'key_env = "MEDHARNESS_KEY"\n', encoding="utf-8")
    monkeypatch.setenv("MEDHARNESS_KEY", "correct horse battery")
    folder = recording(tmp_path / "out", OLD)
    (folder / "site.toml").write_text("x", encoding="utf-8")
    plain = {one.name: one.read_bytes() for one in folder.iterdir()}

    assert main(["seal", str(folder), "--profile", str(site)]) == 0
    assert {one.name for one in folder.iterdir()} == {
        f"recording.pcap{SUFFIX}", f"recording.ends{SUFFIX}", "recording.json", "site.toml",
    }  # fmt: skip
    assert not any("张三".encode() in one.read_bytes() for one in folder.iterdir())

    assert main(["unseal", str(folder), "--profile", str(site)]) == 0
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == plain


def test_where_the_disk_is_full_the_plain_file_stays_and_no_half_copy(tmp_path, monkeypatch):
    folder = recording(tmp_path / "out", OLD)
    plain = sorted(folder.iterdir())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.site.vault.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        seal(folder, "correct horse battery")
    assert sorted(folder.iterdir()) == plain
