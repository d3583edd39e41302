"""The evidence archive: complete, hashed, the same twice."""

import hashlib
import json
import os
import zipfile

import pytest
import sample

from harness.errors import InputError
from harness.evidence.hashed import Hashed, state
from harness.report.evidence_zip import pack, verify
from harness.report.run import build


@pytest.fixture
def run_folder(tmp_path):
    folder = sample.write_folder(tmp_path / "run", ["result-arrives", "value-changed"])
    (folder / "run.json").write_text("{}", encoding="utf-8")
    (folder / "traces" / "blobs").mkdir()
    (folder / "traces" / "blobs" / "ab12").write_bytes(b"\x00" * 3_000_000)
    return folder


def test_every_file_is_there_with_its_hash(run_folder):
    with zipfile.ZipFile(pack(run_folder)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        names = [one["path"] for one in manifest["files"]]
        hashes = {one["path"]: one["sha256"] for one in manifest["files"]}

        assert names == [
            "plan.json",
            "run.json",
            "traces/blobs/ab12",
            "traces/result-arrives.jsonl",
            "traces/value-changed.jsonl",
        ]
        assert archive.namelist() == [*names, "manifest.json"]
        for name in names:
            raw = (run_folder / name).read_bytes()
            assert archive.read(name) == raw
            assert hashes[name] == hashlib.sha256(raw).hexdigest()


def test_the_same_folder_gives_the_same_bytes(run_folder):
    first = pack(run_folder).read_bytes()
    (run_folder / "run.json").touch()

    assert pack(run_folder).read_bytes() == first
    assert not (run_folder / "evidence.zip.partial").exists()


def test_what_changed_since_it_was_read_is_hashed_again(run_folder):
    hashed, path = Hashed(), run_folder / "traces" / "value-changed.jsonl"
    os.utime(path, (0, 0))  # what is written below is later, however coarse the clock of files
    build(run_folder, hashed)
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))  # as long as before

    for withhold, where in ((False, "files"), (True, "withheld")):
        archive = pack(run_folder, withhold=withhold, hashed=hashed)
        assert verify(archive) == []
        with zipfile.ZipFile(archive) as opened:
            manifest = json.loads(opened.read("manifest.json"))
        told = {one["path"]: (one["bytes"], one["sha256"]) for one in manifest[where]}
        for name in ("value-changed", "result-arrives"):
            raw = (run_folder / "traces" / f"{name}.jsonl").read_bytes()
            whole = (len(raw), hashlib.sha256(raw).hexdigest())
            assert told[f"traces/{name}.jsonl"] == whole


def test_what_was_hashed_is_not_hashed_again(run_folder):
    hashed, path = Hashed(), run_folder / "traces" / "value-changed.jsonl"
    with path.open("rb") as file:
        hashed.keep(path, state(file), "0" * 64)

    assert verify(pack(run_folder, hashed=hashed)) == [
        "traces/value-changed.jsonl: the SHA-256 differs"
    ]


def test_members_are_the_same_on_every_system(run_folder):
    with zipfile.ZipFile(pack(run_folder)) as archive:
        told = {
            (one.date_time, one.create_system, one.external_attr, one.compress_type)
            for one in archive.infolist()
        }

    assert told == {((1980, 1, 1, 0, 0, 0), 3, 0o644 << 16, zipfile.ZIP_DEFLATED)}


def test_a_whole_archive_has_no_problem(run_folder):
    assert verify(pack(run_folder)) == []


def rewrite(path, change):
    """The archive with its files changed by ``change``."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda files: files.update({"run.json": b"[]"}), "run.json: the SHA-256 differs"),
        (lambda files: files.pop("run.json"), "run.json: not in the archive"),
        (lambda files: files.update({"x": b""}), "x: not in the manifest, or there twice"),
    ],
)
def test_what_was_changed_is_told(run_folder, change, told):
    path = pack(run_folder)
    rewrite(path, change)

    assert verify(path) == [told]


@pytest.mark.parametrize("manifest", [b"{}", b"[]", b"x", None])
def test_an_archive_without_manifest_is_refused(run_folder, manifest):
    path = pack(run_folder)
    rewrite(
        path,
        lambda files: (
            files.pop("manifest.json")
            if manifest is None
            else files.update({"manifest.json": manifest})
        ),
    )

    with pytest.raises(InputError, match="no evidence archive"):
        verify(path)


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "evidence.zip"
    path.write_bytes(b"PK no")

    with pytest.raises(InputError, match="no evidence archive"):
        verify(path)
    with pytest.raises(InputError):
        verify(tmp_path / "missing.zip")


def test_links_are_not_followed_out_of_the_folder(run_folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="utf-8")
    try:
        (run_folder / "traces" / "link").symlink_to(secret)
    except OSError:
        pytest.skip("this account may not make links")

    with zipfile.ZipFile(pack(run_folder)) as archive:
        assert "traces/link" not in archive.namelist()
