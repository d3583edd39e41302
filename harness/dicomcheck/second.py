"""A second opinion on an object, by dciodvfy of dicom3tools, where it is installed.

It knows conditions, enumerations and structured reports that our tables do not; it is as old as
its edition of the standard, reads no deflated object and takes GBK for no character set. So what it
says is shown as its own, and decides nothing. It is a program of its own, run on a file that a
stranger may have made: its time and what it says are bounded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import limits
from harness.dicomcheck.finding import Finding
from harness.i18n import tr

PROGRAM: Final = "dciodvfy"
WAIT_S: Final = 30.0
"""For one object: it needs five milliseconds for an image, and some seconds for a large report."""

SAID_BYTES_MAX: Final = limits.MIB
LINES_MAX: Final = 500
"""Errors of one object; more say nothing new."""

RULE: Final = "second-opinion"

_LINE: Final = re.compile(r"Error - (?:<(?P<path>/[^>]*)> - )?(?P<text>.*)")
_ELEMENT: Final = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})[^)]*\)(\[\d+\])?")
_VALUE: Final = re.compile(r"\s*= <.*?>(?= - |$)")
"""A value of the object may name a person."""


@dataclass(slots=True)
class SecondOpinion:
    """What was asked and said.

    Attributes:
        program: path; empty where it is not installed.
        findings: its errors, marked by their rule.
        asked: objects that it looked at.
        silent: objects on which it has no opinion, and why.
        wait_s: for one object.
    """

    program: str
    findings: list[Finding] = field(default_factory=list)
    asked: int = 0
    silent: dict[str, str] = field(default_factory=dict)
    wait_s: float = WAIT_S

    def ask(self, path: Path) -> None:
        """Let it look at one file."""
        self.asked += 1
        with tempfile.TemporaryFile() as said:
            try:
                # It takes what begins with a hyphen for a switch; a whole path never does.
                subprocess.run([self.program, "-new", str(path.resolve())], stdout=said,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
                               timeout=self.wait_s)  # fmt: skip
            except subprocess.TimeoutExpired:
                self.silent[str(path)] = tr("no answer within {limit:g} s", limit=self.wait_s)
                return
            except OSError as error:
                self.silent[str(path)] = error.strerror or str(error)
                return
            said.seek(0)
            text = said.read(SAID_BYTES_MAX).decode("utf-8", "replace")
        if not text.strip():
            self.silent[str(path)] = tr("it said nothing")  # of a good object it names the IOD
        elif "Dicom dataset read failed" in text:
            self.silent[str(path)] = tr("it cannot read this object")
        else:
            self.findings += of_text(text, str(path))

    def summary(self) -> str:
        """One line for the screen."""
        if not self.program:
            return tr("no second opinion: {program} is not installed (package dicom3tools)",
                      program=PROGRAM)  # fmt: skip
        return tr("second opinion of {program}: {objects} objects, {silent} without one,"
                  " {findings} remarks, which decide nothing", program=PROGRAM, objects=self.asked,
                  silent=len(self.silent), findings=len(self.findings))  # fmt: skip

    def data(self) -> dict[str, object]:
        """For JSON."""
        return {
            "program": PROGRAM,
            "installed": bool(self.program),
            "objects": self.asked,
            "without": self.silent,
            "findings": [one.data() for one in self.findings],
        }


def installed() -> SecondOpinion:
    """The program as it is found on the path."""
    return SecondOpinion(shutil.which(PROGRAM) or "")


def of_text(text: str, about: str) -> list[Finding]:
    """Its errors as findings, in its order; the values that it shows are left out."""
    found = []
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match is None:
            continue
        message = _VALUE.sub("", match["text"]).strip()
        found.append(Finding(rule=RULE, path=_path(match["path"] or ""), message=message,
                             clause=PROGRAM, about=about))  # fmt: skip
    return found[:LINES_MAX]


def _path(path: str) -> str:
    """``/A(0040,0275)[1]/B(0040,0007)[2]`` as our findings write it, less the value's number."""
    steps = [(f"({group},{element})".upper(), item) for group, element, item
             in _ELEMENT.findall(path)]  # fmt: skip
    return ".".join(name + (item if at < len(steps) else "")
                    for at, (name, item) in enumerate(steps, 1)) or "-"  # fmt: skip
