"""Installs the Python peers into ``build/``, Spark into ``spark/`` and Locust into ``locust/``.

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
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SITE = HERE / "build"

SPARK = HERE / "spark"
LOCUST = HERE / "locust"
LOCUST_WITH = ("locust==2.47.0",)
SPARK_WITH = ("pyspark==4.3.0", "py4j==0.10.9.9")
PLAIN = ("labmcp==0.1.2", "labmcp-astm-lis==0.1.3")
OLD = ("astm==0.5.0",)
ASYNCORE = ("pyasyncore==1.0.5",)
"""The standard library has had none since Python 3.12."""
BUILD = ("setuptools==80.9.0", "wheel==0.45.1")

OLD_NAMES = """
import collections, collections.abc
for name in ("Iterable", "Mapping", "MutableMapping", "Sequence", "Callable"):
    setattr(collections, name, getattr(collections.abc, name))
"""


def pip(*words: str, path: str = "") -> None:
    """One pip command; its trouble is ours."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    env = os.environ | ({"PYTHONPATH": path} if path else {})
    subprocess.run([*command, *words], check=True, env=env)


def main() -> None:
    """Begin anew, so that the versions are those that stand here."""
    for folder in (SITE, SPARK, LOCUST):
        shutil.rmtree(folder, ignore_errors=True)
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


if __name__ == "__main__":
    main()
