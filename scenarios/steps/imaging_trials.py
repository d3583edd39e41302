"""Trials of an association: what a device may ask for, also in ways that no library would."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from harness.link.dicom import STUDY_FIND, STUDY_GET, VERIFICATION, WORKLIST, payload_of
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet, decode
from harness.link.dicom_pixels import HIGH_THROUGHPUT
from harness.wire.dicom_items import Role
from harness.wire.dicom_pdu import Associate
from scenarios.steps.imaging_talk import (
    ACSE_S,
    CT,
    Contexts,
    Trial,
    ask_find,
    ask_get,
    echo,
    find,
    image,
    retrieved,
    store_over,
    worst,
)
from simulators.hospital.pacs import STORAGE, SYNTAXES
from simulators.modality.model import load_model

VIDEO: Final = "1.2.840.10008.1.2.4.102"
VIDEO_CLASS: Final = "1.2.840.10008.5.1.4.1.1.77.1.1.1"

SITE_TITLES: Final = ("ct-helical", "ct-implicit-only", "mr-3t", "dx-room", "us-cart", "ecg-cart")
"""Devices whose AE titles a site's list has."""

ROUND_TRIP_S: Final = 0.03
"""A small message and its answer on one machine; Nagle's algorithm against a delayed
acknowledgement makes 40 ms of it."""

SLOW_FIND_S: Final = 0.3
ASSOCIATE_S: Final = 0.5
SMALL_PDU: Final = 4096
FULL_PDU: Final = 16378
"""Data in a full P-DATA-TF of 16 KiB (PS3.8 §9.3.5)."""

ONE_MATCH: Final = "1 0000"
"""What a query comes to that finds what it asks for, and ends well."""


# ---- who calls, and how


def titles(trial: Trial) -> str:
    """The called title as it is, in small letters, padded, and another one."""
    title = trial.site.title(trial.role)
    forms = (title, title.lower(), f" {title}", f"{title}2")
    return worst([trial.call(called=one.encode("ascii")) for one in forms], "accepted")


def callers(trial: Trial) -> str:
    """Every device of the site's list calls."""
    found = [trial.call(calling=load_model(one).ae_title.encode("ascii")) for one in SITE_TITLES]
    return worst(found, "accepted")


def odd_titles(trial: Trial) -> str:
    """Calling titles with the signs that sites use, a blank inside, and the longest."""
    odd = (b"MH.CT/1", b"MH CT #1", b"MHCT(1)*ROOM_12X")
    return worst([trial.call(calling=one) for one in odd], "accepted")


def many_idle(trial: Trial) -> str:
    """Some associations idle, and one more."""
    with ExitStack() as open_ones:
        for _ in range(8):
            peer = open_ones.enter_context(trial.peer())
            found = peer.associate(trial.request(), ACSE_S)
            if isinstance(found, str):
                return found
        return trial.call()


def half_open(trial: Trial) -> str:
    """Connections that never ask for anything, and then a call."""
    with ExitStack() as open_ones:
        for _ in range(8):
            open_ones.enter_context(trial.peer())
        return trial.call()


def windows(trial: Trial) -> str:
    """The asynchronous window in its common forms."""
    return worst([trial.call(window=one) for one in ((0, 0), (1, 1), (5, 1))], "accepted")


def many_calls(trial: Trial) -> str:
    """One association after the other, as fast as they go."""
    return worst([trial.call() for _ in range(12)], "accepted")


def other_title(trial: Trial) -> str:
    """A call to a title beside the system's own is answered, one way or the other."""
    own = trial.call()
    if own != "accepted":
        return own
    found = trial.call(called=f"{trial.site.title(trial.role)}9".encode("ascii"))
    return found if found in {"silent", "closed"} else "answered"


def quick_calls(trial: Trial) -> str:
    """The fastest of some associations."""
    wrong, took = _repeated(trial.call, "accepted", 3)
    return wrong or _pace(took[0], ASSOCIATE_S)


def _repeated(action: Callable[[], str], good: str, times: int) -> tuple[str, list[float]]:
    """What came to something else than good, or nothing; and seconds of each, least first.

    A refusal is quick, too: how long something takes is told of what was done alone.
    """
    took, found = [], []
    for _ in range(times):
        begun = time.monotonic()
        found.append(action())
        took.append(time.monotonic() - begun)
    wrong = worst(found, good)
    return ("" if wrong == good else wrong), sorted(took)


def _pace(took_s: float, limit_s: float) -> str:
    return "fast" if took_s < limit_s else f"{took_s * 1000:.0f} ms"


# ---- what is proposed


def proposed(trial: Trial, contexts: Contexts, roles: Sequence[Role] = ()) -> Associate | str:
    """The acceptance of a proposal."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=contexts, roles=roles), ACSE_S)
        if not isinstance(found, str):
            peer.release()
        return found


def _all_taken(trial: Trial, contexts: Contexts) -> str:
    found = proposed(trial, contexts)
    if isinstance(found, str):
        return found
    results = {one.id: one.result or 0 for one in found.items.contexts}
    missing = [2 * index + 1 for index in range(len(contexts)) if 2 * index + 1 not in results]
    if missing:
        return f"no answer on context {missing[0]}"
    refused = [ident for ident, result in results.items() if result]
    return f"context {refused[0]}: {results[refused[0]]}" if refused else "accepted"


def many_contexts(trial: Trial) -> str:
    """128 contexts, the one that matters last."""
    rest = [(STORAGE[index % len(STORAGE)], [EXPLICIT]) for index in range(127)]
    return _all_taken(trial, [*rest, (VERIFICATION, [IMPLICIT])])


def every_syntax(trial: Trial) -> str:
    """Every transfer syntax of the site, a context each; few sites have the newest."""
    new = {VIDEO, *HIGH_THROUGHPUT}
    return _all_taken(trial, [(CT, [one]) for one in SYNTAXES if one not in new])


def every_class(trial: Trial) -> str:
    """Every class of objects of the site."""
    return _all_taken(trial, [(one, [EXPLICIT]) for one in STORAGE])


def video(trial: Trial) -> str:
    """Video in MPEG-4."""
    return _all_taken(trial, [(VIDEO_CLASS, [VIDEO])])


def mixed(trial: Trial) -> str:
    """The first of the syntaxes in one context is the one that is taken."""
    found = proposed(trial, [(CT, [EXPLICIT, IMPLICIT])])
    if isinstance(found, str):
        return found
    answer = found.items.contexts[0]
    if answer.result:
        return f"refused {answer.result}"  # its syntax means nothing then (PS3.8 table 9-18)
    taken = "".join(answer.transfer_syntaxes)
    return {EXPLICIT: "explicit", IMPLICIT: "implicit"}.get(taken, "other")


def get_roles(trial: Trial) -> str:
    """The role that C-GET needs: the requestor takes what is stored."""
    role = Role(sop_class=CT, scu=True, scp=True)
    found = proposed(trial, [(STUDY_GET, [EXPLICIT]), (CT, [EXPLICIT])], [role])
    if isinstance(found, str):
        return found
    taken = [one for one in found.items.user.roles if one.sop_class == CT and one.scp]
    return "accepted" if taken else "refused"


# ---- messages


def full_pdus(trial: Trial) -> str:
    """Objects whose last PDU is just full, one byte pair less, and one more."""
    found = []
    for number, more in enumerate((-2, 0, 2), 1):
        data = image(trial, number)
        data.set(0x00111002, b"", "OB")
        size = len(payload_of(data, EXPLICIT))
        data.set(0x00111002, bytes(-size % FULL_PDU + more or FULL_PDU), "OB")
        found.append(store_over(trial, data))
    return worst(found, "0000")


def long_error(trial: Trial) -> str:
    """An object without a series: the reason is longer than an error comment may be."""
    data = image(trial, 10)
    data.drop("SeriesInstanceUID")
    return store_over(trial, data)


def long_uid(trial: Trial) -> str:
    """A study UID of 65 characters gets a status, whatever it is."""
    data = image(trial, 11)
    data.set("StudyInstanceUID", f"{trial.planned.exam.study}.{'1' * 65}"[:65])
    found = store_over(trial, data)
    return "a status" if len(found) == 4 else found


def small_pdu(trial: Trial) -> str:
    """An image is retrieved by a device that takes 4096 bytes at a time."""
    with trial.peer() as peer:
        role = Role(sop_class=CT, scu=True, scp=True)
        contexts = [(STUDY_GET, [EXPLICIT]), (CT, [EXPLICIT])]
        asked = trial.request(contexts=contexts, roles=[role], max_length=SMALL_PDU)
        found = peer.associate(asked, ACSE_S)
        if isinstance(found, str):
            return found
        ask_get(peer, trial)
        came = peer.message()
    if isinstance(came, str) or not came.payload:
        return "nothing came"
    return "obeyed" if peer.longest <= SMALL_PDU else f"{peer.longest} bytes"


def retrieved_syntax(trial: Trial) -> str:
    """An image that was stored in explicit comes back in explicit where both are possible."""
    came, status = retrieved(trial)
    if not came:
        return status
    return {frozenset({3}): "explicit", frozenset({5}): "implicit"}.get(frozenset(came), "mixed")


def by_list(trial: Trial) -> str:
    """A list of two images gives both."""
    came, status = retrieved(trial, list(trial.planned.sent)[:2])
    return f"{len(came)} {status}"


# ---- services and their pace


def _find_over(trial: Trial, role: str, keys: DataSet) -> str:
    """C-FIND over an association of its own: matches and status, or what came instead."""
    sop_class = WORKLIST if role == "RIS" else STUDY_FIND
    with trial.peer(role) as peer:
        found = peer.associate(trial.request(role, contexts=[(sop_class, [EXPLICIT])]), ACSE_S)
        if isinstance(found, str):
            return found
        answer = find(peer, sop_class, keys)
        peer.release()
        return answer


def _study(trial: Trial, **more: str) -> DataSet:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": trial.planned.exam.study, **more}
    return DataSet.of(keys)


def _step(trial: Trial) -> DataSet:
    return DataSet.of({"AccessionNumber": trial.planned.exam.accession, "PatientName": ""})


def zone(trial: Trial) -> str:
    """The offset that stands in the answer to a question with an offset."""
    keys = _step(trial)
    keys.set("TimezoneOffsetFromUTC", "+0800")
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=[(WORKLIST, [EXPLICIT])]), ACSE_S)
        if isinstance(found, str):
            return found
        ask_find(peer, WORKLIST, keys)
        answer = peer.message()
        if isinstance(answer, str) or not answer.payload:
            return "nothing came"
        return decode(answer.payload, explicit=True).text("TimezoneOffsetFromUTC") or "none"


def both_queries(trial: Trial) -> str:
    """The worklist and the studies, by the same device."""
    return f"{_find_over(trial, 'RIS', _step(trial))} {_find_over(trial, 'PACS', _study(trial))}"


def services(trial: Trial) -> str:
    """Echo and query are two proofs: neither stands for the other."""
    return f"{trial.call()} {_find_over(trial, 'PACS', _study(trial))}"


def wildcards(trial: Trial) -> str:
    """One asterisk as a date is universal (PS3.4 §C.2.2.2.4)."""
    return _find_over(trial, "PACS", _study(trial, StudyDate="*", StudyTime="*"))


def sparse(trial: Trial) -> str:
    """The study is found, whatever its objects lack."""
    return _find_over(trial, "PACS", _study(trial))


def round_trips(trial: Trial) -> str:
    """The quicker of twenty echoes over one association."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(), ACSE_S)
        if isinstance(found, str):
            return found
        wrong, took = _repeated(lambda: echo(peer), "0000", 20)
    return wrong or _pace(took[2], ROUND_TRIP_S)


def load(trial: Trial) -> str:
    """A fixed load of queries."""
    wrong, took = _repeated(lambda: _find_over(trial, "PACS", _study(trial)), ONE_MATCH, 5)
    return wrong or _pace(statistics.median(took), SLOW_FIND_S)


def end_of_query(trial: Trial) -> str:
    """After the final answer the association is still there, and is released in order."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=[(WORKLIST, [EXPLICIT])]), ACSE_S)
        if isinstance(found, str):
            return found
        answer = find(peer, WORKLIST, _step(trial))
        if answer != ONE_MATCH:
            return answer
        quiet = peer.message(0.2)
        return peer.release() if quiet == "silent" else str(quiet)


@dataclass(frozen=True, slots=True)
class Kind:
    """One trial: whom it calls, where a failure is, and what it does."""

    role: str
    path: str
    run: Callable[[Trial], str]


KINDS: Final[Mapping[str, Kind]] = {
    "被叫AE的各种写法": Kind("PACS", "called AE", titles),
    "名单上的每台设备": Kind("PACS", "calling AE", callers),
    "AE中的特殊字节": Kind("PACS", "calling AE", odd_titles),
    "八个空闲连接": Kind("PACS", "association", many_idle),
    "八个半开连接": Kind("PACS", "association", half_open),
    "异步窗口": Kind("PACS", "window", windows),
    "连续呼叫": Kind("PACS", "association", many_calls),
    "另一个AE": Kind("PACS", "called AE", other_title),
    "连接用时": Kind("PACS", "association time", quick_calls),
    "一百二十八个上下文": Kind("PACS", "context", many_contexts),
    "全部传输语法": Kind("PACS", "context", every_syntax),
    "全部对象类别": Kind("PACS", "context", every_class),
    "视频": Kind("PACS", "context", video),
    "混合上下文": Kind("PACS", "context", mixed),
    "取回的角色": Kind("PACS", "role", get_roles),
    "恰好填满的PDU": Kind("PACS", "C-STORE (0000,0900)", full_pdus),
    "很长的错误说明": Kind("PACS", "C-STORE (0000,0900)", long_error),
    "超长的UID": Kind("PACS", "C-STORE (0000,0900)", long_uid),
    "很小的PDU": Kind("PACS", "PDU", small_pdu),
    "取回的语法": Kind("PACS", "context", retrieved_syntax),
    "以列表取回": Kind("PACS", "instance", by_list),
    "两种查询": Kind("RIS", "C-FIND (0000,0900)", both_queries),
    "回显与查询": Kind("PACS", "C-ECHO (0000,0900)", services),
    "通配符": Kind("PACS", "C-FIND (0000,0900)", wildcards),
    "按UID查询": Kind("PACS", "C-FIND (0000,0900)", sparse),
    "往返用时": Kind("PACS", "C-ECHO time", round_trips),
    "查询用时": Kind("PACS", "C-FIND time", load),
    "时区": Kind("RIS", "(0008,0201)", zone),
    "查询之后": Kind("RIS", "association", end_of_query),
}
"""Trials as sentences name them."""
