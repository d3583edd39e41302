"""Recordings of real systems: encrypted at rest, withheld from evidence, searched for leaks."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
import sample

from harness.cli import main
from harness.errors import InputError
from harness.report import evidence_zip, leaks
from harness.report.run import write
from harness.site import vault
from harness.site.vault import CHUNK_BYTES, SUFFIX, seal, unseal

WORDS = "correct horse battery"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "traces").mkdir(parents=True)
    (folder / "plan.json").write_text('{"started": "x"}', encoding="utf-8")
    (folder / "traces" / "a.jsonl").write_bytes(b"PID|1||MH1||" + "张三".encode() * 10)
    (folder / "traces" / "empty.jsonl").write_bytes(b"")
    (folder / "traces" / "big.jsonl").write_bytes(bytes(range(256)) * (CHUNK_BYTES // 128) + b"x")
    (folder / "cleanup.csv").write_text("x", encoding="utf-8")
    return folder


def content(folder):
    return {one.name: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_what_was_sealed_opens_as_it_was_and_shows_nothing_before(run):
    before = content(run)
    seal(run, WORDS)
    sealed = content(run)
    assert set(sealed) == {"plan.json", "cleanup.csv"} | {
        f"{name}{SUFFIX}" for name in ("a.jsonl", "empty.jsonl", "big.jsonl")
    }
    assert not any("张三".encode() in data for data in sealed.values())
    unseal(run, WORDS)
    assert content(run) == before


def test_another_passphrase_opens_nothing(run):
    seal(run, WORDS)
    sealed = content(run)
    with pytest.raises(InputError):
        unseal(run, WORDS + "?")
    assert content(run) == sealed


@pytest.mark.parametrize("change", [
    lambda data: data[:-1], lambda data: data[:60], lambda data: data + b"x",
    lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
    lambda data: data[: -(CHUNK_BYTES // 2)],
    lambda data: data[: 43 + CHUNK_BYTES + 16],
    lambda data: data[:43] + data[43 + CHUNK_BYTES + 16 : 43 + 2 * (CHUNK_BYTES + 16)]
    + data[43 : 43 + CHUNK_BYTES + 16] + data[43 + 2 * (CHUNK_BYTES + 16) :],
    lambda data: b"",
])  # fmt: skip
def test_a_file_that_was_changed_cut_or_swapped_does_not_open(run, change):
    seal(run, WORDS)
    path = run / "traces" / f"big.jsonl{SUFFIX}"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError):
        unseal(run, WORDS)
    assert path.is_file()
    assert not (run / "traces" / "big.jsonl").exists()
    assert not list(run.rglob("*.partial"))


def test_two_files_never_share_a_nonce(run):
    seal(run, WORDS)
    heads = [data[len(vault.MAGIC) : 43] for name, data in content(run).items() if SUFFIX in name]
    assert len(set(heads)) == len(heads) == 3


def test_no_run_folder_and_no_passphrase_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError):
        seal(tmp_path, WORDS)
    monkeypatch.setenv("MEDHARNESS_KEY", "short")
    with pytest.raises(InputError, match="MEDHARNESS_KEY") as caught:
        vault.passphrase("MEDHARNESS_KEY")
    assert "short" not in str(caught.value)


def test_the_commands_seal_and_unseal(run, tmp_path, monkeypatch):
    site = tmp_path / "site.toml"
    site.write_text(
        'format = 1\nname = "x"\nenvironment = "test"\n[systems.LIS]\nmode = "real"\n'
        '[privacy]\nkey_env = "MEDHARNESS_KEY"\n',
        encoding="utf-8",
    )
    before = content(run)
    assert main(["seal", str(run), "--profile", str(site)]) == 2
    monkeypatch.setenv("MEDHARNESS_KEY", WORDS)
    assert main(["seal", str(run), "--profile", str(site)]) == 0
    assert content(run) != before
    assert main(["unseal", str(run), "--profile", str(site)]) == 0
    assert content(run) == before
    assert main(["seal", str(run), "--profile", "builtin"]) == 2


def test_a_sealed_run_is_not_read_as_an_empty_one(real, capsys):
    write(real)
    seal(real, WORDS)
    sealed = content(real)
    assert main(["report", str(real)]) == 2
    assert main(["run", "--resume", str(real), "--profile", "memory"]) == 2
    assert content(real) == sealed
    assert capsys.readouterr().err.count("unseal") == 2


def test_a_run_with_real_systems_does_not_begin_without_its_passphrase(tmp_path, capsys):
    site = tmp_path / "site.toml"
    site.write_text(
        'format = 1\nname = "x"\nenvironment = "test"\n[systems.LIS]\nmode = "real"\n'
        '[privacy]\nkey_env = "MEDHARNESS_NO_SUCH_KEY"\n',
        encoding="utf-8",
    )
    assert main(["run", "--profile", str(site), "--out", str(tmp_path / "run")]) == 2
    assert "MEDHARNESS_NO_SUCH_KEY" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_with_real_systems_is_sealed_when_it_ends(tmp_path, monkeypatch):
    site, out = tmp_path / "site.toml", tmp_path / "run"
    site.write_text(
        'format = 1\nname = "x"\nenvironment = "test"\n'
        '[systems.LIS]\nmode = "real"\nversion = "1"\n'
        '[systems.HIS]\nmode = "simulated"\n[privacy]\nkey_env = "MEDHARNESS_KEY"\n'
        '[endpoints.his-lis]\ninterface = "HIS-ORD"\nfrom = "HIS"\nto = "LIS"\n'
        'protocol = "mllp"\nhost = "127.0.0.1"\nport = 9\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("MEDHARNESS_KEY", WORDS)
    scenario = str(ROOT / "scenarios" / "feeds" / "account.feature")
    assert main(["run", scenario, "--profile", str(site), "--out", str(out)]) != 0
    plain = {one.name for one in out.rglob("*") if one.is_file() and one.suffix != SUFFIX}
    assert plain <= vault.KEPT_OPEN
    assert list(out.glob("traces/*.jsonl.sealed"))
    unseal(out, WORDS)
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["scenarios"]


# -- what leaves the house -------------------------------------------------------------------------


@pytest.fixture
def real(tmp_path):
    """A run whose systems are said to be real."""
    folder = sample.write_folder(tmp_path / "real")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    for system in plan["systems"]:
        system["mode"] = "real"
    (folder / "plan.json").write_text(json.dumps(plan, ensure_ascii=False), encoding="utf-8")
    return folder


def names(folder):
    with zipfile.ZipFile(folder / "evidence.zip") as archive:
        return set(archive.namelist()), json.loads(archive.read("manifest.json"))


def test_evidence_of_a_real_role_holds_the_masked_page_and_hashes(real):
    write(real)
    inside, manifest = names(real)
    assert inside == {"report.html", "manifest.json"}
    told = {one["path"]: one["sha256"] for one in manifest["withheld"]}
    assert any(path.startswith("traces/") for path in told)
    for path, digest in told.items():
        assert hashlib.sha256((real / path).read_bytes()).hexdigest() == digest
    assert evidence_zip.verify(real / "evidence.zip") == []


def test_for_the_house_nothing_is_withheld(real):
    write(real, internal=True)
    inside, manifest = names(real)
    assert any(name.startswith("traces/") for name in inside)
    assert "withheld" not in manifest


def pictured(folder):
    """A picture of a card with its list, and a file that somebody put beside it."""
    base = folder / "attachments"
    base.mkdir()
    data = b"\x89PNG a screen"
    name = hashlib.sha256(data).hexdigest()
    (base / name).write_bytes(data)
    (base / "index.csv").write_text("card,sha256\n1," + name + "\n", encoding="utf-8-sig")
    (base / "notes.txt").write_text("x", encoding="utf-8")
    return {f"attachments/{name}", "attachments/index.csv"}


def test_pictures_of_cards_are_evidence_in_the_house(real):
    wanted = pictured(real)
    write(real, internal=True)
    inside, _ = names(real)
    assert {one for one in inside if one.startswith("attachments/")} == wanted
    assert evidence_zip.verify(real / "evidence.zip") == []


def test_a_screen_shows_people_so_only_the_hash_of_a_picture_leaves_the_house(real):
    wanted = pictured(real)
    write(real)
    inside, manifest = names(real)
    assert not {one for one in inside if one.startswith("attachments/")}
    told = {one["path"]: one["sha256"] for one in manifest["withheld"]}
    assert wanted <= told.keys()
    assert all(path.endswith((told[path], "index.csv")) for path in wanted)


def test_a_page_for_outside_that_leaks_is_removed(real):
    write(real, masked=True)
    leaks.check(real)
    assert (real / "report.html").is_file()
    write(real, internal=True)
    with pytest.raises(InputError) as caught:
        leaks.check(real)
    assert not (real / "report.html").exists()
    assert not (real / "evidence.zip").exists()
    assert "report.html" in str(caught.value)


def test_the_command_tells_the_audiences_apart(real):
    main(["report", str(real), "--for", "internal"])
    whole = (real / "report.html").read_text(encoding="utf-8")
    main(["report", str(real), "--for", "external"])
    assert (real / "report.html").read_text(encoding="utf-8") != whole
    assert names(real)[0] == {"report.html", "manifest.json"}
