"""Coverage-guided fuzzing of every target for a stated time.

``python tests/fuzz/guided.py [--seconds N] [TARGET]...``: each target runs in a process of its own,
``N`` seconds long; without a name all of them run. What makes one fail is kept as
``tests/corpus/crashes/<target>/<hash>.bin``, played with every test run from then on, and the
command ends with 1. It needs ``atheris`` (``pip install atheris``; Linux and macOS).
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import fuzz_targets as targets

SECONDS: Final = 30
LENGTH_MAX: Final = 4096
"""Longest input, bytes."""

MEMORY_MB: Final = 1024
"""More than that is a fault, whatever the input."""

ONE_INPUT_S: Final = 10
"""So is one input that takes longer."""

WATCHED: Final = frozenset({
    "harness", "simulators", "file_readers", "fuzz_kit", "fuzz_targets", "fuzz_targets_codecs", "fuzz_targets_link",
})  # fmt: skip
"""Imported anew where each branch is counted."""

SEEDS: Final = {
    "astm": "astm/*", "hl7": "hl7/*", "mllp": "hl7/*", "capture": "captures/*",
    "feature": "features/*", "framing": "framings/*", "deidentify": "hl7/*", "jpeg": "jpeg/*",
    "framed": "framings/*", "dicom": "dicom/*", "multipart": "http/*", "http": "http/*",
    "poct1a": "poct1a/*", "serial": "captures/*", "orders": "orders/*", "hllp": "hllp/*",
    "relay": "hllp/*", "feed": "hllp/*", "watch": "http/*",
}  # fmt: skip
"""Where a target whose name begins so gets its first inputs from."""


def _first_inputs(name: str, folder: Path) -> None:
    """Copies, so that nothing is added to the corpus that nobody has looked at."""
    patterns = [f"crashes/{name}/*", *(p for key, p in SEEDS.items() if name.startswith(key))]
    paths = [path for pattern in patterns for path in targets.CORPUS.glob(pattern)]
    if name.startswith(targets.FILE):
        paths += targets.READERS[name.removeprefix(targets.FILE)].good()
    for path in paths:
        if path.is_file():
            data = path.read_bytes()[:LENGTH_MAX]
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def run_one(name: str, seconds: int) -> bool:
    """Fuzz one target; True where it stood. The failing input is kept."""
    with tempfile.TemporaryDirectory() as work:
        first, found = Path(work) / "first", Path(work) / "found"
        first.mkdir()
        found.mkdir()
        _first_inputs(name, first)
        options = [
            f"-max_total_time={seconds}", f"-max_len={LENGTH_MAX}", f"-timeout={ONE_INPUT_S}",
            f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={found}/", str(first),
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, __file__, "--inside", name, *options],
            capture_output=True, check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
        lines = [line for line in done.stderr.splitlines() if line.startswith("Done")]
        print(f"{name}: {lines[-1] if lines else f'FAILED ({done.returncode})'}", flush=True)
        stood = done.returncode == 0 and bool(lines)
        if not stood:
            print(done.stdout[-3000:], done.stderr[-3000:], sep="\n", flush=True)
        for path in found.iterdir():
            print(f"kept: {keep(name, path.read_bytes())}", flush=True)
        return stood


def keep(name: str, data: bytes) -> Path:
    """Put a failing input where every test run plays it."""
    folder = targets.CRASHES / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
    path.write_bytes(data)
    return path


def _inside(name: str, options: list[str]) -> None:
    """In the process of one target: what it imports from the project is watched."""
    import atheris

    for module in [one for one in sys.modules if one.split(".")[0] in WATCHED]:
        del sys.modules[module]
    with atheris.instrument_imports(include=["harness", "simulators"]):
        import fuzz_targets as watched
    atheris.Setup(["guided", *options], watched.TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """All targets, or those that are named."""
    if sys.argv[1:2] == ["--inside"]:
        _inside(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="*", help=f"one of: {', '.join(targets.TARGETS)}")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    options = parser.parse_args()
    unknown = set(options.target) - set(targets.TARGETS)
    if unknown:
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    stood = [run_one(one, options.seconds) for one in options.target or targets.TARGETS]
    print(f"{sum(stood)} of {len(stood)} targets stood {options.seconds} s each")
    return 0 if all(stood) else 1


if __name__ == "__main__":
    sys.exit(main())
