"""What other commands found, as a sign-off report reads it: refused where it is of another shape.

The files are ours, but they come by hand from other days and machines. One that was cut, edited or
written by another version must not be read as one that found nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.evidence.verdict import Verdict

AMOUNT: Final = r"^-?\d{1,15}(\.\d{1,6})?$"

Amount = Annotated[str, Field(pattern=AMOUNT)]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


class Result(_Part):
    """What every result says of itself; ``strict`` takes no text for a verdict."""

    verdict: Annotated[Verdict, Field(strict=False)]


# -- compare.json ------------------------------------------------------------------------------


class _Side(_Part):
    started: str
    traces_sha256: str = ""


class _Compared(_Part):
    scenarios: Count
    volatile_places: Count


class _Difference(_Part):
    cls: Literal["verdict", "missing", "added", "type", "value", "order", "count", "latency"] = (
        Field(alias="class")
    )
    interface: str
    name: str
    path: str
    severity: int


class _Group(_Difference):
    number: int
    scenarios: Count
    signatures: list[str]


class _Signature(_Difference):
    group: int | None
    count: Count
    approved: str | None
    signature: str


class _Latency(_Part):
    interface: str
    answers: str
    name: str
    median_ms: Annotated[list[float], Field(min_length=2)]
    p95_ms: list[float] = []
    p99_ms: list[float] = []
    samples: list[int]
    delta: float
    enough: bool
    shift: bool


class _Unstable(_Part):
    scenario: str
    verdicts: list[Annotated[Verdict, Field(strict=False)]]


class Comparison(Result):
    """``compare.json``."""

    before: _Side
    after: _Side
    compared: _Compared
    groups: list[_Group]
    signatures: list[_Signature]
    latencies: list[_Latency]
    unstable: list[_Unstable] = []
    coverage: list[str]
    approval_problems: list[str]
    basis: str = "runs"


# -- totals.json -------------------------------------------------------------------------------


class _Bucket(_Part):
    side: str
    cls: str = Field(alias="class")
    difference: bool
    rows: Count
    medfee_sumamt: Amount


class _Step(_Part):
    step: str
    amount: Amount


class Totals(_Part):
    """``totals.json``; one that is not complete has its problems alone."""

    verdict: Literal["balanced", "differs", "INCOMPLETE"]
    problems: list[str]
    buckets: list[_Bucket] = []
    waterfall: list[_Step] = []
    residual: Amount = "0"


# -- the others --------------------------------------------------------------------------------


class _Change(_Part):
    cls: str
    part: str
    item: str
    old: Any
    new: Any


class Contract(Result):
    """``contract-compare.json``."""

    changes: list[_Change]
    coverage: list[str]


class _Line(_Part):
    interface: str
    link: str
    messages: Count
    outage_s: float
    median_ms: float
    p95_ms: float
    p99_ms: float
    refused: Count
    lost: Count
    duplicated: Count
    late: Count
    reordered: Count
    open: Count


class Watched(Result):
    """``watch.json``."""

    seconds: float
    lines: list[_Line]
    failed: list[str]
    open: list[str]


class _Check(_Part):
    name: str
    place: str
    status: str
    detail: str
    remedy: str


class Asked(_Part):
    """The last line of ``doctor --json``."""

    checks: list[_Check]
