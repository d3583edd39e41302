"""``watch.json`` and ``watch.html``: what a window showed, and what it could not show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from harness import __version__, output_files
from harness.evidence.verdict import Verdict
from harness.i18n import tr
from harness.report.words import verdict_name
from harness.signoff import paper
from harness.signoff.rules import Conclusion
from harness.signoff.sections import Section, Table
from harness.watch.reading import reader_of
from harness.watch.window import Window

FORMAT: Final = 1

TROUBLES: Final = ("lost", "duplicated", "late", "reordered")

_MARKS: Final = {Verdict.PASS: Conclusion.GO, Verdict.FAIL: Conclusion.NO_GO}


def trouble_name(what: str) -> str:
    """In the language in use."""
    return {"lost": tr("lost"), "duplicated": tr("came twice"), "late": tr("late"),
            "reordered": tr("out of order")}[what]  # fmt: skip


def reason_name(reason: str) -> str:
    """Why a line was out of service, in the language in use; what a network says stays."""
    return {"refused": tr("connection refused"), "no answer": tr("no answer"),
            "closed with a question open": tr("closed with a question open"),
            "reset": tr("connection reset")}.get(reason, reason)  # fmt: skip


def as_json(window: Window, outage_max_s: float | None = None) -> dict[str, Any]:
    """The contents of ``watch.json``."""
    ended = window.ended or window.clock.wall()
    lines = [_line(window, name) for name in window.lines.accounts]
    data: dict[str, Any] = {
        "format": FORMAT,
        "harness_version": __version__,
        "complete": window.ended is not None,
        "profile": {"name": window.profile.name, "hash": window.profile.hash,
                    "environment": str(window.profile.environment)},
        "systems": [
            {"role": role, "mode": str(one.mode), "product": one.product, "version": one.version}
            for role, one in window.profile.systems.items()
        ],
        "begin": window.began.isoformat(timespec="milliseconds"),
        "end": ended.isoformat(timespec="milliseconds"),
        "seconds": round((ended - window.began).total_seconds(), 3),
        "active": bool(window.probers),
        "outage_max_s": outage_max_s,
        "lines": lines,
        "follows": [one.data() for one in window.lines.follows],
        "hours": [one.data() for one in window.hours],
        "probes": [_prober(window, name) for name in window.probers],
        "relay_failed": window.failed,
        "unwatched": dict(window.unwatched),
        "unprobed": dict(window.unprobed),
    }  # fmt: skip
    failed, unsure = list(_failed(data)), list(_unsure(data))
    verdict = Verdict.FAIL if failed else Verdict.INCONCLUSIVE if unsure else Verdict.PASS
    return data | {"verdict": verdict.value, "failed": failed, "open": unsure}


def _line(window: Window, name: str) -> dict[str, Any]:
    link = name.partition(" ")[0]
    spec, account = window.lines.specs[link], window.lines.accounts[name]
    return {
        "link": name, "interface": spec.interface, "from": spec.frm, "to": spec.to,
        "protocol": spec.protocol, "messages_read": account.answers,
        "probes_only": account.answers and reader_of(spec.protocol) is None,
        "late_limit_s": account.late_s, **account.data(),
    }  # fmt: skip


def _prober(window: Window, name: str) -> dict[str, Any]:
    one = window.probers[name]
    effects = one.effects
    return {
        "link": name, "sent": one.sent, "refused": one.refused,
        "turned_down": one.turned_down,
        "effects_checked": 0 if effects is None else effects.checked,
        "effects_missing": [] if effects is None else list(effects.missing),
        "effects_doubled": [] if effects is None else list(effects.doubled),
        "effects_failed": "" if effects is None else effects.failed,
        "effects": effects is not None,
    }  # fmt: skip


def _failed(data: Mapping[str, Any]) -> Iterator[str]:
    blind = {one["link"] for one in data["lines"] if one["unread"]}
    for one in (*data["lines"], *data["follows"]):
        where = one.get("link") or f"{one['before']} → {one['after']}"
        unseen = {"lost"} if blind & {one.get("before"), one.get("after")} else set()
        told = [f"{trouble_name(what)} {one[what]}" for what in TROUBLES
                if one[what] and what not in unseen]  # fmt: skip
        if told:
            yield f"{where}: {', '.join(told)}"
    limit = data["outage_max_s"]
    for one in data["lines"]:
        if limit is not None and one["outage_s"] > limit:
            yield tr("{link}: out of service for {seconds:.1f} s, allowed {limit:g} s",
                     link=one["link"], seconds=one["outage_s"], limit=limit)  # fmt: skip
    for hour in data["hours"]:
        if hour["says"] in {"low", "high"}:
            yield tr("{name} from {begin}: {count} rows, in the weeks before {weeks}",
                     name=hour["name"], begin=hour["begin"], count=hour["count"],
                     weeks=", ".join(map(str, hour["weeks"])))  # fmt: skip
    for one in data["probes"]:
        for key, text in (("effects_missing", tr("accepted and not stored")),
                          ("effects_doubled", tr("stored more than once"))):  # fmt: skip
            if one[key]:
                yield f"{one['link']}: {text}: {', '.join(one[key][:5])}"


def _messages(data: Mapping[str, Any], link: str) -> int:
    """Of a link in both directions: some devices are only asked."""
    plain = link.partition(" ")[0]
    return sum(one["messages"] for one in data["lines"] if one["link"].partition(" ")[0] == plain)


def _unsure(data: Mapping[str, Any]) -> Iterator[str]:
    if not data["complete"]:
        yield tr("the watch goes on, or it was cut off")
    for why in data["relay_failed"]:
        yield tr("the relay itself failed: {why}", why=why)
    for one in data["lines"]:
        if not one["messages"] and not one["connections"]:
            yield tr("{link}: nothing passed", link=one["link"])
        elif one["unread"]:
            yield tr("{link}: {count} connections were read no further: {reason}",
                     link=one["link"], count=one["unread"], reason=one["unread_why"])  # fmt: skip
        elif one["messages_read"] and not _messages(data, one["link"]):
            yield tr("{link}: connections came, and no message was read", link=one["link"])
        elif one["down_at_end"]:
            yield tr("{link}: still out of service at the end", link=one["link"])
        elif one["open"]:
            yield tr("{link}: {count} messages were still open", link=one["link"],
                     count=one["open"])  # fmt: skip
    for one in data["follows"]:
        where = f"{one['before']} → {one['after']}"
        if not one["entered"]:
            yield tr("{link}: nothing passed", link=where)
        elif one["open"]:
            yield tr("{link}: {count} messages were still open", link=where, count=one["open"])
    for hour in data["hours"]:
        if hour["says"] in {"failed", "no measure"}:
            yield f"{hour['name']} {hour['begin']}: {hour['reason']}"
    for one in data["probes"]:
        if one["refused"]:
            yield f"{one['link']}: {one['refused']}"
        elif one["turned_down"]:
            yield tr("{link}: {count} of {all} probes were answered and not accepted",
                     link=one["link"], count=one["turned_down"], all=one["sent"])  # fmt: skip
        elif one["effects_failed"]:
            yield f"{one['link']}: {one['effects_failed']}"


def write(window: Window, out: Path, outage_max_s: float | None = None) -> dict[str, Any]:
    """Write both files; returns what ``watch.json`` says."""
    data = as_json(window, outage_max_s)
    save(data, out)
    page = paper.Paper(
        title=tr("Upgrade window"),
        mark=_MARKS.get(Verdict(data["verdict"]), Conclusion.CONDITIONAL),
        banner=_banner(data), sections=list(sections(window, data)),
    )  # fmt: skip
    paper.write(page, out / "watch.html")
    return data


def save(data: Mapping[str, Any], out: Path) -> None:
    """``watch.json``, replaced at once: a reader sees the old or the new one."""
    out.mkdir(parents=True, exist_ok=True)
    part = out / "watch.json.part"
    output_files.write_json(part, data)
    part.replace(out / "watch.json")


def _banner(data: Mapping[str, Any]) -> str:
    totals = {what: sum(one[what] for one in (*data["lines"], *data["follows"]))
              for what in TROUBLES}  # fmt: skip
    told = ", ".join(f"{trouble_name(what)} {count}" for what, count in totals.items())
    return f"{verdict_name(data['verdict'])}: {told}"


def sections(window: Window, data: Mapping[str, Any]) -> Iterator[Section]:
    """The parts of the page."""
    yield Section(tr("Window"), [*data["failed"], *data["open"]], [
        Table((tr("item"), tr("value")), [
            (tr("hospital"), data["profile"]["name"]),
            (tr("environment"), data["profile"]["environment"]),
            (tr("from"), data["begin"]), (tr("to"), data["end"]),
            (tr("seconds"), f"{data['seconds']:.0f}"),
            (tr("probes"), tr("yes") if data["active"] else tr("no")),
            (tr("harness version"), data["harness_version"]),
            *((one["role"], f"{one['product']} {one['version']}".strip())
              for one in data["systems"]),
        ])])  # fmt: skip
    yield Section(tr("Lines"), [
        tr("A message counts by its id. Lost: never accepted. Duplicated: came again after it had"
           " been accepted. Late: answered after the limit. Out of order: dated before the one that"
           " came before it."),
        tr("Outage: from the first refused connection, broken question or missing answer to the"
           " next connection or answer; what nobody tried is not counted."),
    ], [Table(
        (tr("interface"), tr("link"), tr("messages"), tr("lost"), tr("came twice"), tr("late"),
         tr("out of order"), tr("refused"), tr("sent again"), tr("outage (s)"),
         tr("median / 95 % / 99 % (ms)")),
        [_row(one) for one in data["lines"]],
    )])  # fmt: skip
    if data["follows"]:
        yield Section(tr("From line to line"), (), [Table(
            (tr("in"), tr("out"), tr("went in"), tr("came out"), tr("lost"), tr("came twice"),
             tr("late"), tr("out of order")),
            [(one["before"], one["after"], *(str(one[key]) for key in (
                "entered", "left", "lost", "duplicated", "late", "reordered")))
             for one in data["follows"]],
        )])  # fmt: skip
    yield Section(tr("Outages"), (), [Table(
        (tr("link"), tr("from"), tr("to"), tr("seconds"), tr("reason")),
        [(one["link"], _at(window, each["begin_s"]), _at(window, each["end_s"]),
          f"{each['end_s'] - each['begin_s']:.1f}", reason_name(each["reason"]))
         for one in data["lines"] for each in one["outages"]],
    )])  # fmt: skip
    yield Section(tr("Examples"), (), [Table(
        (tr("link"), tr("trouble"), tr("time"), tr("message"), tr("type")),
        [(one.get("link") or f"{one['before']} → {one['after']}", trouble_name(each["what"]),
          _at(window, each["at_s"]), each["key"], each["kind"])
         for one in (*data["lines"], *data["follows"]) for each in one["troubles"]],
    )])  # fmt: skip
    yield _hours(data)
    if data["probes"]:
        yield Section(tr("Probes"), (), [Table(
            (tr("link"), tr("probes sent"), tr("effects seen"), tr("accepted and not stored"),
             tr("stored more than once"), tr("refused")),
            [(one["link"], str(one["sent"]),
              str(one["effects_checked"]) if one["effects"] else tr("not looked at"),
              str(len(one["effects_missing"])), str(len(one["effects_doubled"])), one["refused"])
             for one in data["probes"]],
        )])  # fmt: skip
    yield Section(tr("Not watched"), (), [Table(
        (tr("link"), tr("reason")), list(data["unwatched"].items()))])  # fmt: skip
    if data["unprobed"]:
        yield Section(tr("Not probed"), (), [Table(
            (tr("link"), tr("reason")), list(data["unprobed"].items()))])  # fmt: skip


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    unread = not one["messages_read"]
    counts = [tr("connections: {count}", count=one["connections"]) if unread
              else tr("probes: {count}", count=one["messages"]) if one["probes_only"]
              else str(one["messages"])]  # fmt: skip
    untold = () if one["timed"] else ("late",)
    counts += ["-" if key in untold or unread else str(one[key])
               for key in (*TROUBLES, "refused", "repeats")]  # fmt: skip
    times = f"{one['median_ms']:g} / {one['p95_ms']:g} / {one['p99_ms']:g}"
    return (one["interface"], one["link"], *counts, f"{one['outage_s']:.1f}",
            times if one["timed"] else "-")  # fmt: skip


def _hours(data: Mapping[str, Any]) -> Section:
    words = {"usual": tr("usual"), "low": tr("fewer than usual"), "high": tr("more than usual"),
             "no measure": tr("no measure"), "failed": tr("failed")}  # fmt: skip
    note = tr(
        "Against the same span of the same weekday: fewer than the least of the weeks minus"
        " three times its root, or more than the most plus three times its root."
    )
    return Section(tr("Rows an hour"), [note], [Table(
        (tr("probe"), tr("from"), tr("to"), tr("rows"), tr("weeks before"), tr("result")),
        [(one["name"], one["begin"], one["end"],
          "-" if one["count"] is None else str(one["count"]),
          " / ".join(map(str, one["weeks"])), words[one["says"]]) for one in data["hours"]],
    )])  # fmt: skip


def _at(window: Window, seconds: float) -> str:
    return (window.began + timedelta(seconds=seconds)).strftime("%m-%d %H:%M:%S")
