"""Installs the Python peers into ``build/``, Spark into ``spark/``, Locust into ``locust/``.

Source packages whose tests hold HL7 messages are unpacked into ``published/``, and are only read.

They are no part of the project's environment: ``astm`` is of 2013 and can be built only where
``collections`` still has the names that Python 3.10 took away, and ``labmcp-astm-lis`` asks for
sixty packages of which its link layer uses none. So they are installed without dependencies; the
small modules in ``shim/`` stand in for the two faces (``fastmcp``, ``mcp``) that are not met here.
Spark is 450 MB, of which reconciling uses the part without pandas; it needs Java 17 beside it.
Locust brings two dozen packages, which ``make run`` has no use for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SITE = HERE / "build"

SPARK = HERE / "spark"
LOCUST = HERE / "locust"
SOURCES = HERE / "published"
LOCUST_WITH = ("locust==2.47.0",)
SPARK_WITH = ("pyspark==4.3.0", "py4j==0.10.9.9")
PLAIN = ("labmcp==0.1.2", "labmcp-astm-lis==0.1.3")
OLD = ("astm==0.5.0",)
ASYNCORE = ("pyasyncore==1.0.5",)
"""The standard library has had none since Python 3.12."""
PUBLISHED = {
    "hl7==0.4.5": "b6eb97499ebe236e00c3009d43e6b0f040de002df12a292fa5efbd2ce2a8a838",
    "hl7apy==1.3.5": "4ed02ae574ddcf9084b389bfcaf1e9023c4b2f4dfa2ce4ab42c430c4180a03fe",
    "hl7types==0.9.5": "03a87823130686bafae61142c2d5a0afde41a6bf07c9062bacb7bc4fde429cc0",
}
"""Source packages with messages in their tests, and the SHA-256 of each archive."""
BUILD = ("setuptools==80.9.0", "wheel==0.45.1", "hatchling==1.28.0")

OLD_NAMES = """
import collections, collections.abc
for name in ("Iterable", "Mapping", "MutableMapping", "Sequence", "Callable"):
    setattr(collections, name, getattr(collections.abc, name))
"""


def pip(*words: str, order: str = "install", path: str = "") -> None:
    """One pip command; its trouble is ours."""
    command = [sys.executable, "-m", "pip", order, "--quiet", "--disable-pip-version-check"]
    env = os.environ | ({"PYTHONPATH": path} if path else {})
    subprocess.run([*command, *words], check=True, env=env)


def sources(tools: Path) -> None:
    """Fetch and unpack what is only read; an archive of another content is refused."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        wanted = Path(folder, "wanted.txt")
        lines = [f"{name} --hash=sha256:{digest}\n" for name, digest in PUBLISHED.items()]
        wanted.write_text("".join(lines), encoding="ascii")
        words = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", folder)
        pip(*words, "--require-hashes", "-r", str(wanted), order="download", path=str(tools))
        for archive in sorted(Path(folder).glob("*.tar.gz")):
            with tarfile.open(archive) as packed:
                packed.extractall(SOURCES, filter="data")


def main() -> None:
    """Begin anew, so that the versions are those that stand here."""
    for before in (SITE, SPARK, LOCUST, SOURCES):
        shutil.rmtree(before, ignore_errors=True)
    pip("--no-deps", "--target", str(SPARK), *SPARK_WITH)
    pip("--target", str(LOCUST), *LOCUST_WITH)
    pip("--no-deps", "--target", str(SITE), *PLAIN)
    if sys.version_info >= (3, 12):
        pip("--no-deps", "--target", str(SITE), *ASYNCORE)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        old, tools = Path(folder, "old"), Path(folder, "tools")
        old.mkdir()
        (old / "sitecustomize.py").write_text(OLD_NAMES, encoding="ascii")
        pip("--target", str(tools), *BUILD)
        path = os.pathsep.join([str(old), str(tools)])
        pip("--no-deps", "--no-build-isolation", "--target", str(SITE), *OLD, path=path)
        sources(tools)


if __name__ == "__main__":
    main()
