"""The two error families of the project.

``HarnessError``: ours, or the user's input: a profile, a scenario, a command line.
``PeerError``: the other side of a wire broke its protocol. A fault of the system under test is
never an exception to the user; it becomes a verdict with evidence.
"""

from __future__ import annotations


class HarnessError(Exception):
    """Something that we or the user's input did wrong; says where, and what to do.

    Args:
        message: what is wrong, in the language of the run.
        where: ``file:line`` or another place a person can go to; empty if there is none.
        remedy: one next action; empty if there is none.
    """

    exit_code = 70

    def __init__(self, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  → {self.remedy}" if self.remedy else head


class InputError(HarnessError):
    """The command line, a profile, a scenario or an input file cannot be used (exit code 2)."""

    exit_code = 2


class ProfileError(InputError):
    """A site profile is wrong."""


class ScenarioError(InputError):
    """A ``.feature`` file is wrong."""


class InputErrors(InputError):  # noqa: N818 - several of them
    """Several problems found at once, in the order of their places."""

    def __init__(self, problems: list[InputError]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class PermitError(InputError):
    """The profile's safety policy refuses what was asked, before the first byte."""


class Blocked(HarnessError):  # noqa: N818 - the name of its verdict
    """What a scenario builds on did not come about, so nothing can be judged."""


class LocalProtocolError(HarnessError):
    """Our own code asked a protocol core for something that its state does not allow."""


class PeerError(Exception):
    """The other side broke its protocol.

    Args:
        message: what it did.
        clause: the clause that it broke, such as ``LIS01-A2 §6.5``; empty if unknown.
        offset: byte offset in what was received, or -1.
    """

    def __init__(self, message: str, *, clause: str = "", offset: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.clause = clause
        self.offset = offset
