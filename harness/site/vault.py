"""Recordings of real systems at rest: encrypted with a passphrase, file by file.

AES-256 in GCM (NIST SP 800-38D), a chunk at a time, so a file may be larger than memory. The number
of a chunk and whether it is the last one are authenticated: a file that was cut off, or whose
chunks were swapped, does not open. The key comes from the passphrase by scrypt (RFC 7914).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

from harness import limits
from harness.errors import InputError
from harness.i18n import tr

MAGIC: Final = b"MEDHARNESS-SEALED-1\n"
SUFFIX: Final = ".sealed"
CHUNK_BYTES: Final = limits.MIB
SALT_BYTES, PREFIX_BYTES, TAG_BYTES = 16, 7, 16

SCRYPT_N: Final = 2**15
"""Work factor: a tenth of a second and 32 MiB on a workstation (RFC 7914 §2)."""

TIMES: Final = "recording.json"
"""When a recording, or the stand of a relay, began and ended."""

RECORDING: Final = ("recording.pcap", "recording.ends", TIMES)
"""What ``medharness record`` writes."""

JOURNAL: Final = "relay.jsonl"
"""What passed a relay of ``medharness relay``, message by message."""

RELAYED: Final = (JOURNAL, "relay.json")
"""What ``medharness relay`` writes, beside blobs and ``TIMES``."""

BLOBS: Final = "blobs"
"""Beside a journal: payloads that are too large for a line of it."""

KEPT_OPEN: Final = frozenset({"cleanup.csv", "cleanup.xlsx", "plan.json", TIMES})
"""What people must fill in, and what tells the age of a run; neither names a person."""


def cipher() -> tuple[Any, Any]:
    """``AESGCM`` and ``Scrypt``.

    Raises:
        InputError: the extra is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            tr("encrypting recordings needs an extra"), remedy="pip install medharness[privacy]"
        ) from error
    return AESGCM, Scrypt


def passphrase(variable: str) -> str:
    """The passphrase of an environment variable; never shown.

    Raises:
        InputError: it is not set, or too short, or the extra is missing.
    """
    cipher()
    value = os.environ.get(variable, "")
    if len(value) < limits.PASSPHRASE_CHARS_MIN:
        raise InputError(
            tr("{variable} must hold a passphrase of at least {count} characters",
               variable=variable, count=limits.PASSPHRASE_CHARS_MIN),
            remedy=tr("set the environment variable before the run"),
        )  # fmt: skip
    return value


@lru_cache(maxsize=8)
def _key(words: str, salt: bytes) -> Any:
    aes, scrypt = cipher()
    return aes(scrypt(salt=salt, length=32, n=SCRYPT_N, r=8, p=1).derive(words.encode()))


def refuse_sealed(folder: Path) -> None:
    """Refuse to read a run as if its sealed traces were not there.

    Raises:
        InputError: the folder is encrypted.
    """
    if (folder / f"run.json{SUFFIX}").exists():
        raise InputError(
            tr("this run folder is encrypted"),
            where=str(folder),
            remedy=tr("open it first: medharness unseal RUN"),
        )


def seal(folder: Path, words: str) -> list[Path]:
    """Encrypt what ``run``, ``record`` or ``relay`` wrote; returns the files that are sealed now.

    A plain file goes only after its sealed copy is whole on the disk.

    Args:
        folder: of a run or of a recording.
        words: the passphrase.

    Raises:
        InputError: the folder is neither.
        OSError: no room for the copy; that file stays plain.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    done = []
    for path in _files(folder):
        if path.suffix == SUFFIX or path.name in KEPT_OPEN:
            continue
        target = path.with_name(path.name + SUFFIX)
        partial = path.with_name(path.name + ".partial")
        try:
            with path.open("rb") as plain, partial.open("wb") as sealed:
                _write(plain, sealed, words, salt)
                sealed.flush()
                os.fsync(sealed.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        path.unlink()
        done.append(target)
    return done


def unseal(folder: Path, words: str) -> list[Path]:
    """Open what ``seal`` closed; returns the files that are plain now.

    Raises:
        InputError: another passphrase, or a file was changed or cut off; that file stays sealed.
    """
    done = []
    for path in _files(folder):
        if path.suffix != SUFFIX:
            continue
        target = path.with_name(path.name.removesuffix(SUFFIX))
        partial = path.with_name(path.name + ".partial")
        try:
            with path.open("rb") as sealed, partial.open("wb") as plain:
                for chunk in _read(sealed, path, words):
                    plain.write(chunk)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        path.unlink()
        done.append(target)
    return done


def recorded(folder: Path) -> list[Path]:
    """What ``record`` or ``relay`` wrote into a folder, plain or sealed; no link is followed.

    Empty where there is no recording. What else lies there is not named: the folder is the user's
    choice, and may be one that holds other things.
    """
    names = [name + end for name in (*RECORDING, *RELAYED) for end in ("", SUFFIX)]
    found = [folder / name for name in names]
    blobs = folder / BLOBS
    if any((folder / f"{JOURNAL}{end}").is_file() for end in ("", SUFFIX)) and blobs.is_dir():
        found += sorted(blobs.iterdir()) if not blobs.is_symlink() else []
    found = [one for one in found if one.is_file() and not one.is_symlink()]
    return found if any(one.name.startswith((RECORDING[0], JOURNAL)) for one in found) else []


def is_run(folder: Path) -> bool:
    """Whether ``medharness run`` wrote this folder."""
    return any((folder / name).is_file() for name in ("plan.json", "run.json", "run.json.sealed"))


def _files(folder: Path) -> list[Path]:
    """Everything that a run recorded, or the files of a recording; no link is followed.

    Raises:
        InputError: the folder is neither.
    """
    if is_run(folder):
        return sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink())
    found = recorded(folder)
    if not found:
        raise InputError(
            tr("neither a run folder nor a recording: {folder}", folder=folder), where=str(folder)
        )
    return found


def _write(plain: IO[bytes], sealed: IO[bytes], words: str, salt: bytes) -> None:
    prefix = secrets.token_bytes(PREFIX_BYTES)
    sealed.write(MAGIC + salt + prefix)
    key = _key(words, salt)
    chunk, number = plain.read(CHUNK_BYTES), 0
    while True:
        following = plain.read(CHUNK_BYTES)
        last = not following
        sealed.write(key.encrypt(_nonce(prefix, number, last=last), chunk, MAGIC))
        if last:
            return
        chunk, number = following, number + 1


def _read(sealed: IO[bytes], path: Path, words: str) -> Iterator[bytes]:
    head = sealed.read(len(MAGIC) + SALT_BYTES + PREFIX_BYTES)
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + SALT_BYTES + PREFIX_BYTES:
        raise InputError(tr("this is no sealed recording"), where=str(path))
    salt, prefix = head[len(MAGIC) : len(MAGIC) + SALT_BYTES], head[-PREFIX_BYTES:]
    key = _key(words, salt)
    chunk, number = sealed.read(CHUNK_BYTES + TAG_BYTES), 0
    while True:
        following = sealed.read(CHUNK_BYTES + TAG_BYTES)
        try:
            yield key.decrypt(_nonce(prefix, number, last=not following), chunk, MAGIC)
        except Exception as error:
            if type(error).__name__ != "InvalidTag":
                raise
            raise InputError(
                tr("it does not open: another passphrase, or the file was changed"),
                where=str(path),
            ) from None
        if not following:
            return
        chunk, number = following, number + 1


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    """Twelve bytes that no other chunk under this key has: SP 800-38D §8.2.1."""
    return prefix + number.to_bytes(4, "big") + bytes([last])
