r"""Runs a ``.cmd`` file as cmd.exe does, as far as ``medharness.cmd`` goes; not a test module.

What it does not know is an error: ``set``, ``if [not] exist``, ``if [not] errorlevel``, ``goto``,
``copy /y``, ``fc /b``, ``echo``, ``exit /b`` and a program in quotes. A file that is never found,
a label that is not there or a path without quotes fails here as it does there. The program stands
in for the embeddable CPython: it takes its path from the ``._pth`` beside it and from nowhere else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

STEPS_MAX = 100
_SILENT = re.compile(r"\s+2?>nul", re.IGNORECASE)
_WORD = re.compile(r'"([^"]*)"|(\S+)')

DEFAULT_PTH = "python312.zip\n.\n\n# Uncomment to run site.main() automatically\n#import site\n"
"""As the embeddable package of python.org brings it."""

_STANDS_IN = """#!{real} -I
import os, sys
words, options = sys.argv[1:], []
while words and words[0][:2] in ("-X", "-I", "-u", "-B", "-E", "-s", "-S"):
    many = 2 if words[0] == "-X" else 1
    options += words[:many]
    del words[:many]
os.execv({real!r}, [{real!r}, "-I", *options, {boot!r}, *words])
"""

_BOOT = """import os, runpy, sys
here = {here!r}
lines = open(os.path.join(here, "python312._pth"), encoding="utf-8").read().split("\\n")
paths = [one.strip() for one in lines if one.strip() and not one.startswith(("#", "import"))]
std = [one for one in sys.path if not one.endswith("-packages") and one != os.path.dirname(__file__)]
sys.path[:] = [place for one in paths for place in (
    std if one == "python312.zip" else [os.path.normpath(os.path.join(here, one.replace(chr(92), "/")))])]
sys.executable = os.path.join(here, "python.exe")
words = sys.argv[1:]
if words[0] == "-m":
    sys.argv = words[1:]
    runpy.run_module(words[1], run_name="__main__", alter_sys=True)
elif words[0] == "-c":
    sys.argv = ["-c", *words[2:]]
    exec(compile(words[1], "<string>", "exec"), {{"__name__": "__main__"}})
else:
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
"""


def embeddable(folder: Path, boot: Path) -> None:
    """Put what stands in for the unpacked embeddable CPython into a folder.

    Args:
        folder: ``python`` of the bundle.
        boot: a file outside of the bundle, which does what Windows does before ``main``.
    """
    real = str(Path(sys.executable).resolve())
    boot.write_text(_BOOT.format(here=str(folder)), encoding="utf-8")
    program = folder / "python.exe"
    program.write_text(_STANDS_IN.format(real=real, boot=str(boot)), encoding="utf-8")
    program.chmod(0o755)
    (folder / "python312._pth").write_text(DEFAULT_PTH, encoding="utf-8")


@dataclass
class Ran:
    """What came of it."""

    code: int
    out: str
    programs: list[list[str]] = field(default_factory=list)


class BatchFile:
    """One run of a file.

    Args:
        path: the ``.cmd``.
        args: what ``%*`` is.
        cwd: folder of the caller.
        read_only: nothing beside the file can be written.
    """

    def __init__(self, path: Path, args: list[str], cwd: Path, *, read_only: bool = False) -> None:
        self.path, self.args, self.cwd, self.read_only = path, args, cwd, read_only
        self.lines = path.read_bytes().decode("ascii").split("\r\n")
        self.names = {"~dp0": f"{path.parent}\\"}
        self.env = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "COV", "VIRTUAL_ENV"))
        }  # fmt: skip
        self.level = 0
        self.ran = Ran(code=-1, out="")

    def run(self) -> Ran:
        """To its end."""
        at = steps = 0
        while at < len(self.lines) and self.ran.code < 0:
            steps += 1
            assert steps < STEPS_MAX, "it never ends"
            line = self.lines[at].strip()
            at += 1
            if line and not line.startswith(":") and line.lower() not in {"@echo off", "setlocal"}:
                label = self.one(line)
                if label:
                    at = self.lines.index(f":{label}") + 1
        return self.ran

    def one(self, line: str) -> str:
        """One line; the label that it goes to."""
        text = self.filled(line)
        test = re.match(r"(?i)if (not )?(exist|errorlevel) ", text)
        if test:
            word = _WORD.match(text, test.end())
            value = word[1] or word[2]
            holds = (
                self.posix(value).exists()
                if test[2].lower() == "exist"
                else self.level >= int(value)
            )
            return self.one(text[word.end() :].strip()) if holds is not bool(test[1]) else ""
        head = text.split()[0].lower()
        if head == "goto":
            return text.split()[1]
        if head == "set":
            name, _, value = re.fullmatch(r'(?i)set "?([^"]*)"?', text)[1].partition("=")
            self.names[name] = self.env[name] = value
        elif head == "echo":
            self.ran.out += text[5:] + "\n"
        elif head == "exit":
            self.ran.code = int(text.split()[2])
        else:
            self.command(head, _SILENT.sub("", text))
        return ""

    def command(self, head: str, text: str) -> None:
        words = [quoted or plain for quoted, plain in _WORD.findall(text)]
        if head == "copy":
            assert words[1] == "/y", "it would ask"
            self.level = self.copied(self.posix(words[2]), self.posix(words[3]))
        elif head == "fc":
            assert words[1] == "/b"
            one, other = self.posix(words[2]), self.posix(words[3])
            both = one.is_file() and other.is_file()
            self.level = 2 if not both else one.read_bytes() != other.read_bytes()
        else:
            program = [str(self.posix(words[0])), *words[1:]]
            self.ran.programs.append(program)
            done = subprocess.run(program, cwd=self.cwd, env=self.env, check=False, timeout=300,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
            self.ran.out += done.stdout.decode("utf-8")
            self.level = done.returncode

    def copied(self, source: Path, target: Path) -> int:
        if self.read_only or not source.is_file():
            return 1
        shutil.copyfile(source, target)
        return 0

    def posix(self, text: str) -> Path:
        return Path(text.replace("\\", "/"))

    def filled(self, line: str) -> str:
        """``%~dp0``, ``%NAME%`` and ``%*`` as what they say."""
        line = line.replace("%*", subprocess.list2cmdline(self.args))
        line = line.replace("%~dp0", self.names["~dp0"])
        line = line.replace("%ERRORLEVEL%", str(self.level))
        return re.sub(r"%(\w+)%", lambda name: self.names[name[1]], line)
