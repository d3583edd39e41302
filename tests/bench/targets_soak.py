"""What must hold over a hundred thousand stores."""

from __future__ import annotations

from typing import Final

from target import Group, Shown, Target

_SIZE: Final = ("stores", 100_000)

SOAK: Final = Group(
    title="Soak: no answer lost",
    targets=(
        Target(name="lost", text="stores whose answer was lost, 8 threads", digits=0, limit=0,
               size=_SIZE),
        Target(name="refused", text="stores that were refused", digits=0, limit=0, size=_SIZE),
        Target(name="answered", text="stores that were answered with success", digits=0,
               limit=100_000, least=True, size=_SIZE),
    ),
    shown=(
        Shown("threads", "threads, an association each", 0),
        Shown("seconds", "all of them, s", 0),
        Shown("plain_stores", "plain pynetdicom: stores", 0),
        Shown("plain_lost", "plain pynetdicom: stores whose answer was lost", 0),
    ),
    how="""\
`tests/soak/stores.py` (`make soak` plays it too): objects of 200 bytes over eight associations at a
time to a DCMTK storescp that discards them. A store is lost where no answer came within 5 s; the
association is then opened anew, as a device would. Plain pynetdicom stores a fifth as many beside
it: an association of its own sometimes takes the answer from the thread that waits for it.
""",
)  # fmt: skip
