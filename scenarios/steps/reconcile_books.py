"""What the sentences about reconciliation share: the books of both sides, and the last run.

The hospital's list is what its own export writes, the centre's what the centre delivers; nothing in
between changes a byte. The result of a run is asked for like any other look at a system, through a
probe of the scenario, so that verdicts rest on records of the trace.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness import i18n
from harness.errors import Blocked, HarnessError
from harness.i18n import tr
from harness.ledger.class_words import word
from harness.ledger.columns import BIT_FIELDS
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.scenario.world import World
from scenarios.steps import reconcile_cut, reconcile_uploads
from scenarios.steps.insurance_town import LEDGER
from simulators.centre.calc_money import yuan
from simulators.centre.export import export_ledger
from simulators.centre.export_uploads import export_uploads
from simulators.centre.provinces import load_province
from simulators.centre.transaction import Call, Handler
from simulators.centre.transactions import handlers
from simulators.centre.world import HOSPITAL

PROBE: Final = "reconcile-rows"
TOTALS: Final = "reconcile-totals"
INTERFACE: Final = "YB-BOOKS"

COLUMNS: Final = (*(name for _, name in BIT_FIELDS), "setl_id", "setl_time")
"""Columns that a verdict can name as differing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one run is done.

    Attributes:
        day: first and last day, ``yyyy-MM-dd``.
        by: whose day the hospital's list is cut by: ``setl_time`` or ``booked_at``.
        evidence: ``log``, ``trace`` or nothing.
        province: layout of the centre's file; empty for its ledger as CSV.
        clr_type: clearing type of the centre's file; its ledger has all.
        lines: with the fee lines of both sides.
        carry: with a memory of the runs before.
        channel: bill of a payment channel, as a file.
        uploads: what is reconciled beside settlements: ``visits``, ``boxes``, ``lists``.
        cuts: pieces of the hospital's list that are judged: the kind, and whose rows tell it.
    """

    day: str
    by: str = "setl_time"
    evidence: str = "log"
    province: str = ""
    clr_type: str = "11"
    lines: bool = False
    carry: bool = False
    channel: Path | None = None
    uploads: tuple[str, ...] = ()
    cuts: tuple[tuple[str, Sequence[str]], ...] = ()


@dataclass(slots=True)
class Books:
    """The books of one scenario, and what the last run made of them."""

    world: World
    folder: Path
    rows: list[dict[str, str]] | None = None
    totals: dict[str, str] = field(default_factory=dict)
    runs: int = 0
    _calls: int = 0
    _taken: list[dict[str, Any]] = field(default_factory=list)

    # -- what goes in --------------------------------------------------------------------------

    def export(self, options: Options) -> dict[str, Path]:
        """Both sides' files for one day."""
        self.runs += 1
        folder = self.folder / f"run{self.runs}"
        folder.mkdir()
        found = {"his": folder / "his.csv"}
        period = {"begin": options.day, "end": options.day}
        found["his"].write_bytes(self._pulled(what="ledger", by=options.by, **period))
        _, store = self.world.state["centre books"]
        if options.province:
            found["centre"] = folder / "result.zip"
            upload = self._pulled(what="upload", **period)
            found["centre"].write_bytes(self._delivered(options, upload))
        else:
            found["centre"] = folder / "centre.csv"
            export_ledger(store, found["centre"], **period)
        if options.lines:
            found["his_detail"] = folder / "his_lines.csv"
            found["his_detail"].write_bytes(self._pulled(what="lines", **period))
            found["centre_detail"] = folder / "centre_lines.csv"
            found["centre_detail"].write_text(_centre_lines(store), encoding="utf-8", newline="")
        for what in options.uploads:
            found[f"his_{what}"] = folder / f"his_{what}.csv"
            found[f"his_{what}"].write_bytes(self._pulled(what=what, **period))
            found[f"centre_{what}"] = folder / f"centre_{what}.csv"
            export_uploads(store, what, found[f"centre_{what}"], fixmedins_code=HOSPITAL, **period)
        if options.evidence == "log":
            found["log"] = folder / "log.jsonl"
            found["log"].write_bytes(self._pulled(what="log"))
        elif options.evidence == "trace":
            found["log"] = folder / "trace.jsonl"
            lines = (json.dumps(record, default=str) for record in self.world.trace.records)
            text = "".join(f"{line}\n" for line in lines)
            found["log"].write_text(text, encoding="utf-8", newline="\n")
        return found

    def _delivered(self, options: Options, upload: bytes) -> bytes:
        """The result file of 3202 in a province's layout, by 9101, 3202 and 9102."""
        _, store = self.world.state["centre books"]
        policy = load_province(options.province).books_policy()
        known = handlers(policy, seed=self.world.seed)
        sent = {"in": upload, "filename": "detail.zip", "fixmedins_code": HOSPITAL}
        number = self._asked(known, store, "9101", {"fsUploadIn": sent}).output["file_qury_no"]
        data = {"clr_type": options.clr_type, "setl_optins": "", "file_qury_no": number}
        data |= {"stmt_begndate": options.day, "stmt_enddate": options.day}
        told = self._asked(known, store, "3202", {"data": data}).output["fileinfo"]
        wanted = {"file_qury_no": told["file_qury_no"], "fixmedins_code": HOSPITAL}
        return self._asked(known, store, "9102", {"fsDownloadIn": wanted}).file or b""

    def _asked(
        self, known: Mapping[str, Handler], store: Any, infno: str, sent: Mapping[str, Any]
    ) -> Any:
        self._calls += 1
        call = Call(
            infno=infno,
            msgid=f"{HOSPITAL}{self.world.clock.wall():%Y%m%d%H%M%S}9{self._calls:03d}",
            fixmedins_code=HOSPITAL,
            opter="0000",
            input=sent,
            at=self.world.clock.wall(),
        )
        handled = known[infno](call, store)
        if handled.answer.infcode != 0:
            raise Blocked(f"{infno}: {handled.answer.err_msg}")
        store.commit(handled.statements)
        return handled.answer

    def _pulled(self, **args: str) -> bytes:
        answer = self.world.order("HIS", "yb-books-export", **args)
        return base64.b64decode(answer["data"])

    # -- a run ---------------------------------------------------------------------------------

    def run(self, options: Options) -> None:
        """Export both sides' books of a day and reconcile them."""
        from harness.ledger.command import Request, reconcile  # noqa: PLC0415 - brings an engine

        files = self.export(options)
        out = self.folder / f"out{self.runs}"
        sources = {"his": str(files["his"]), "centre": str(files["centre"])}
        if options.channel is not None:
            sources["channel"] = str(options.channel)
        further = {f"{side}_{what}" for side in ("his", "centre") for what in options.uploads}
        details = {name: str(files[name]) for name in ("his_detail", "centre_detail", *further)
                   if name in files}  # fmt: skip
        whose = partial(reconcile_cut.rows_of, files["his"], self.whose)
        cuts = {k: v for kind, who in options.cuts for k, v in whose(kind, who).items()}
        request = Request(
            sources=sources,
            out=str(out),
            province=options.province,
            traces=(str(files["log"]),) if "log" in files and files["log"].stat().st_size else (),
            state=str(self.folder / "state") if options.carry else "",
            further=argparse.Namespace(**details, **cuts),
            quiet=True,
            bare=True,
            take=self._take,
        )
        before = i18n.current()
        i18n.use("zh-CN")
        try:
            code = reconcile(request)
            self._read(out, code)
        except HarnessError as error:
            self.rows, self.totals = None, {"verdict": "error", "problem": error.message}
        finally:
            i18n.use(before)
        said = self.totals.get("problem") or self.totals.get("verdict", "")
        self.world.trace.add("note", text=f"reconciled {options.day}: {said}")

    def _read(self, out: Path, code: int) -> None:
        told = json.loads((out / "totals.json").read_text(encoding="utf-8"))
        self.totals = {
            "verdict": str(told["verdict"]),
            "residual": str(told.get("residual", "")),
            "exit": str(code),
            "problem": "; ".join(str(one) for one in told.get("problems", [])),
        }
        if told["verdict"] == "INCOMPLETE":
            self.rows = None
            return
        self.rows = [self._shown(row) for row in self._taken]
        self.rows += reconcile_uploads.shown(out, told, self.whose)

    def _take(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        self._taken = [dict(zip(names, row, strict=True)) for row in rows]

    def _shown(self, row: Mapping[str, Any]) -> dict[str, str]:
        """A verdict as the judges look at it; who it is about in the words of the scenario."""
        code = str(row["class"])
        fields = [one for one in str(row["field"] or "").split("+") if one]
        delta = int(row["delta_fen"] or 0)
        shown = {
            "side": str(row["side"]),
            "patient": self.whose(row["psn_no"], row["medins_setl_id"]),
            "class": code,
            "difference": "yes" if word(code).difference else "no",
            "kind": word(code).zh,
            "field": "+".join(fields),
            "delta": str(yuan(delta)),
            "medfee": str(yuan(int(row["medfee_fen"] or 0))),
            "stage": str(row["stage"] or ""),
            "cause": str(row["cause"] or ""),
            "advice": str(row["advice"] or ""),
            "number": str(row["setl_id"] or ""),
            "msgid": str(row["msgid"] or ""),
            "refund": "1" if row["refund"] else "0",
            "partner": "alone" if not row["partner"] else "paired",
        }
        if code == "rejected":
            shown["partner"] = "unreadable"
        return shown | {name: "differs" if name in fields else "agrees" for name in COLUMNS}

    def whose(self, *found: Any) -> str:
        """The label of the person or order that a number of a row belongs to."""
        numbers = {who.patient_id: label for label, who in self.world.people.items()}
        orders: Mapping[str, str] = self.world.state.get("channel orders", {})
        for number in found:
            if str(number) in numbers:
                return numbers[str(number)]
            if str(number) in orders:
                return orders[str(number)]
        return "?"


def _centre_lines(store: Any) -> str:
    """The centre's fee lines as 5204 tells them, one a line; CRLF."""
    names = ("setl_id", "mdtrt_id", "feedetl_sn", "medins_list_codg", "med_list_codg")
    rows: Sequence[Mapping[str, Any]] = store.rows(
        f"SELECT {', '.join(names)}, cnt, pric, det_item_fee_sumamt AS fen FROM fees"
        " WHERE setl_id <> '' ORDER BY mdtrt_id, feedetl_sn"
    )
    lines = [",".join((*names, "cnt", "pric", "det_item_fee_sumamt"))]
    for row in rows:
        amounts = (
            str(Decimal(int(row["cnt"])).scaleb(-4)),
            str(Decimal(int(row["pric"])).scaleb(-6)),
            str(yuan(int(row["fen"]))),
        )
        lines.append(",".join((*(str(row[name]) for name in names), *amounts)))
    return "".join(f"{line}\r\n" for line in lines)


@dataclass(slots=True)
class _Look:
    """A probe of the scenario: what the last run said."""

    books: Books
    name: str
    role: str = "HIS"

    def ask(self, args: Mapping[str, str]) -> Answer:
        """Rows of the last run; a run that could not judge has none to show."""
        if self.name == TOTALS and self.books.totals:
            return Answer(outcome=Outcome.OK, rows=[self.books.totals])
        if self.books.rows is None:
            why = self.books.totals.get("problem") or "nothing was reconciled"
            return Answer(outcome=Outcome.FAILED, error=why)
        rows = [row for row in self.books.rows
                if all(row.get(name) == value for name, value in args.items())]  # fmt: skip
        return Answer(outcome=Outcome.OK, rows=rows)

    def close(self) -> None:
        """Nothing is held."""


def books_of(world: World) -> Books:
    """The books of a scenario; its probes come and go with it.

    Raises:
        Blocked: there is no centre of ours, so nobody can export its books.
    """
    found = world.state.get("books")
    if isinstance(found, Books):
        return found
    if "centre books" not in world.state:
        raise Blocked(
            tr("the profile has no probe {name} into a file of ours", name=LEDGER),
            remedy=tr("take it from the profile that ships"),
        )
    books = Books(world, Path(tempfile.mkdtemp(prefix="medharness-books-")))
    world.state["books"] = books
    looks = [_Look(books, PROBE), _Look(books, TOTALS)]
    for look in looks:
        world.bench.look(look)

    def gone() -> None:
        for look in looks:
            world.bench.look_away(look.name)
        shutil.rmtree(books.folder, ignore_errors=True)

    world.at_end.append(gone)
    return books
