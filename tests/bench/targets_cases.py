"""What a case out of a large recording may cost."""

from __future__ import annotations

from typing import Final

from target import Group, Shown, Target

_SIZE: Final = ("messages", 100_000)

CASES: Final = Group(
    title="Cases from a recording",
    targets=(
        Target(name="made", text="seeded defects that became a case that fails", digits=0,
               limit=20, least=True, size=_SIZE),
        Target(name="missed", text="seeded defects that did not", digits=0, limit=0, size=_SIZE),
        Target(name="seconds_max", text="one command, the slowest of them, s", digits=1, limit=60,
               size=_SIZE),
    ),
    shown=(
        Shown("messages", "messages of the recording", 0),
        Shown("lab", "cases of laboratory links", 0),
        Shown("feeds", "cases of HL7 feeds", 0),
        Shown("insurance", "cases of the 医保 interface", 0),
        Shown("imaging", "cases of imaging", 0),
        Shown("seconds_median", "one command, the median of them, s", 1),
        Shown("cpu_seconds_max", "its processor time, the most of them, s", 1),
    ),
    how="""\
`medharness case make` on a recording of 100,000 messages in which one scenario ran with one seeded
defect: it takes the fault out, de-identifies it, searches for leaks, shows it in a replay, makes it
as small as it can and keeps it. A case counts where its replay fails with the defect and passes
without it. Each defect is one command over the same recording.
""",
)  # fmt: skip
