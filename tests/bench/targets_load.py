"""What the load must keep: everybody at once for ten minutes."""

from __future__ import annotations

from typing import Final

from target import Group, Shown, Target

_SIZE: Final = ("seconds", 600)
_KINDS: Final = {
    "analyzer": "100 analyzers",
    "modality": "20 modalities",
    "feed": "50 connections of feeds",
    "settlement": "50 windows",
}

LOAD: Final = Group(
    title="Load",
    targets=(
        Target(name="settlement.per_s", text="settlements a second, all confirmed", digits=1,
               limit=199.5, least=True, size=_SIZE),
        Target(name="not_done", text="actions that were planned and not confirmed", digits=0,
               limit=0, size=_SIZE),
        Target(name="wrong", text="records that are missing, double, other or unasked for in a"
               " system", digits=0, limit=0, size=_SIZE),
        Target(name="passed", text="the run passed its own limits (1: yes)", digits=0, limit=1,
               least=True, size=_SIZE),
    ),
    shown=(
        Shown("seconds", "all of them together, s", 0),
        Shown("by_locust", "played by Locust (1) or by threads (0)", 0),
        *(
            Shown(f"{kind}.{name}", f"{who}: {text}", digits)
            for kind, who in _KINDS.items()
            for name, text, digits in (
                ("done", "actions", 0),
                ("found", "records found in the systems", 0),
                ("p50_s", "half of them within, s", 3),
                ("p95_s", "95 % within, s", 3),
                ("p99_s", "99 % within, s", 3),
                ("p100_s", "all within, s", 3),
            )
        ),
    ),
    how="""\
`medharness load` with the plan that ships, beside the built-in hospital on the same machine: 100
analyzers with 10 messages a second, 20 modalities with one examination, 50 connections with 10
orders and 50 windows with 200 settlements (2204, 2206, 2207). Times count from the moment that was
intended, so that who has to wait for its turn is not forgotten. Afterwards every confirmed record
is looked for in the stores of the systems.
""",
)  # fmt: skip
