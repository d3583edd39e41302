"""Trials of an association: what a device may ask for, also in ways that no library would."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from harness.link.dicom import (
    STUDY_FIND,
    STUDY_GET,
    VERIFICATION,
    WORKLIST,
    payload_of,
)
from harness.link.dicom_data import EXPLICIT, IMPLICIT, DataSet
from harness.link.dicom_raw import RawPeer
from harness.wire import dicom_command as command
from harness.wire.dicom_events import DimseReceived, SendDimse
from harness.wire.dicom_items import Context, Items, Role, UserInformation
from harness.wire.dicom_pdu import Associate, Data, Pdv
from scenarios.steps.imaging_site import Planned, Site
from simulators.hospital.pacs import STORAGE, SYNTAXES
from simulators.modality.images import instance
from simulators.modality.model import load_model
from simulators.modality.systems import AE_TITLES

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
JPEG_LOSSLESS: Final = "1.2.840.10008.1.2.4.70"
VIDEO: Final = "1.2.840.10008.1.2.4.102"
VIDEO_CLASS: Final = "1.2.840.10008.5.1.4.1.1.77.1.1.1"

SITE_TITLES: Final = ("ct-helical", "ct-implicit-only", "mr-3t", "dx-room", "us-cart", "ecg-cart")
"""Devices whose AE titles a site's list has."""

ACSE_S: Final = 3.0
ROUND_TRIP_S: Final = 0.03
"""A small message and its answer on one machine; Nagle's algorithm against a delayed
acknowledgement makes 40 ms of it."""
SLOW_FIND_S: Final = 0.3
ASSOCIATE_S: Final = 0.5
FULL_PDU: Final = 16378
"""Data in a full P-DATA-TF of 16 KiB (PS3.8 §9.3.5)."""

Contexts = Sequence[tuple[str, Sequence[str]]]
"""Proposed classes and their transfer syntaxes, in order."""


@dataclass(slots=True)
class Trial:
    """What a trial works with.

    Args:
        site: the imaging side of the scenario.
        planned: the examination that it is about.
        role: the system that is called.
    """

    site: Site
    planned: Planned
    role: str

    @property
    def calling(self) -> str:
        """AE title of the device."""
        return self.planned.station

    def peer(self, role: str = "") -> RawPeer:
        """A connection on which nothing was said yet."""
        return self.site.raw(role or self.role)

    def request(
        self,
        role: str = "",
        *,
        called: bytes = b"",
        calling: bytes = b"",
        contexts: Contexts = ((VERIFICATION, (IMPLICIT,)),),
        window: tuple[int, int] | None = None,
        roles: Sequence[Role] = (),
        max_length: int = 16384,
    ) -> Associate:
        """A request for an association; its parts are as a device has them, unless given."""
        user = UserInformation(max_length=max_length, class_uid="2.25.7", window=window,
                               roles=roles)  # fmt: skip
        items = [
            Context(id=2 * index + 1, abstract_syntax=abstract, transfer_syntaxes=syntaxes)
            for index, (abstract, syntaxes) in enumerate(contexts)
        ]
        return Associate(
            called=called or self.site.title(role or self.role).encode("ascii"),
            calling=calling or self.calling.encode("ascii"),
            items=Items(contexts=items, user=user),
        )

    def call(
        self,
        *,
        called: bytes = b"",
        calling: bytes = b"",
        window: tuple[int, int] | None = None,
    ) -> str:
        """Associate, echo, release: ``accepted``, or what came in place of it."""
        with self.peer() as peer:
            asked = self.request(called=called, calling=calling, window=window)
            found = peer.associate(asked, ACSE_S)
            if isinstance(found, str):
                return found
            status = echo(peer)
            peer.release()
            return "accepted" if status == "0000" else status


def _worst(found: Sequence[str], good: str) -> str:
    """The first that is not as it should be."""
    return next((one for one in found if one != good), good)


def _status(found: DimseReceived | str) -> str:
    if isinstance(found, str):
        return found
    status = found.command.get(command.STATUS)
    return f"{status:04X}" if isinstance(status, int) else "no status"


def echo(peer: RawPeer, context: int = 1, ident: int = 1) -> str:
    """C-ECHO over an open association: its status, or what came in place of it."""
    head: dict[int, int | str] = {
            command.AFFECTED_CLASS: VERIFICATION, command.FIELD: int(command.Service.C_ECHO),
            command.MESSAGE_ID: ident, command.DATA_SET_TYPE: command.NO_DATA_SET}  # fmt: skip
    peer.say(SendDimse(context=context, command=head))
    return _status(peer.message())


def _asked(sop_class: str, service: command.Service, ident: int = 1) -> dict[int, int | str]:
    return {command.AFFECTED_CLASS: sop_class, command.FIELD: int(service),
            command.MESSAGE_ID: ident, command.PRIORITY: 0, command.DATA_SET_TYPE: 1}  # fmt: skip


def find(peer: RawPeer, sop_class: str, keys: DataSet, context: int = 1) -> tuple[int, str]:
    """C-FIND: the number of pending answers, and the final status."""
    head = _asked(sop_class, command.Service.C_FIND)
    peer.say(SendDimse(context=context, command=head, payload=payload_of(keys, EXPLICIT)))
    count = 0
    while (status := _status(peer.message())) in {"FF00", "FF01"}:
        count += 1
    return count, status


def store(peer: RawPeer, data: DataSet, context: int = 1, ident: int = 1) -> str:
    """C-STORE of a CT image in explicit little endian: its status, or what came instead."""
    head = _asked(CT, command.Service.C_STORE, ident)
    head[command.AFFECTED_INSTANCE] = data.text("SOPInstanceUID")
    peer.say(SendDimse(context=context, command=head, payload=payload_of(data, EXPLICIT)))
    return _status(peer.message())


def image(trial: Trial, number: int) -> DataSet:
    """An image of the examination that no other sentence sends."""
    return instance(load_model("ct-helical"), trial.planned.exam, 500 + number)


# ---- who calls, and how


def titles(trial: Trial) -> str:
    """The called title as it is, in small letters, padded, and another one."""
    title = trial.site.title(trial.role)
    forms = (title, title.lower(), f" {title}", f"{title}2")
    return _worst([trial.call(called=one.encode("ascii")) for one in forms], "accepted")


def callers(trial: Trial) -> str:
    """Every device of the site's list calls."""
    found = [trial.call(calling=load_model(one).ae_title.encode("ascii")) for one in SITE_TITLES]
    return _worst(found, "accepted")


def odd_titles(trial: Trial) -> str:
    """A calling title in Chinese bytes, with a control, and padded with NUL."""
    odd = ("CT室一".encode("gb18030"), b"MH\tCT", b"MHCT1\0\0")
    return _worst([trial.call(calling=one) for one in odd], "accepted")


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
    return _worst([trial.call(window=one) for one in ((0, 0), (1, 1), (5, 1))], "accepted")


def many_calls(trial: Trial) -> str:
    """One association after the other, as fast as they go."""
    return _worst([trial.call() for _ in range(12)], "accepted")


def other_title(trial: Trial) -> str:
    """A call to a title beside the system's own is answered, one way or the other."""
    title = f"{trial.site.title(trial.role)}9"
    found = trial.call(called=title.encode("ascii"))
    return found if found in {"silent", "closed"} else "answered"


def quick_calls(trial: Trial) -> str:
    """The fastest of some associations."""
    best = min(_timed(lambda: trial.call()) for _ in range(3))  # noqa: PLW0108 - a call of its own
    return "fast" if best < ASSOCIATE_S else f"{best:.1f} s"


def _timed(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


# ---- what is proposed


def _results(found: Associate | str) -> dict[int, int]:
    return {} if isinstance(found, str) else {
        one.id: one.result or 0 for one in found.items.contexts}  # fmt: skip


def proposed(trial: Trial, contexts: Contexts, roles: Sequence[Role] = ()) -> Associate | str:
    """The acceptance of a proposal."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=contexts, roles=roles), ACSE_S)
        if not isinstance(found, str):
            peer.release()
        return found


def _all_taken(trial: Trial, contexts: Contexts) -> str:
    found = proposed(trial, contexts)
    results = _results(found)
    missing = [2 * index + 1 for index in range(len(contexts)) if 2 * index + 1 not in results]
    if isinstance(found, str):
        return found
    if missing:
        return f"no answer on context {missing[0]}"
    refused = [ident for ident, result in results.items() if result]
    return f"context {refused[0]}: {results[refused[0]]}" if refused else "accepted"


def many_contexts(trial: Trial) -> str:
    """128 contexts, the one that matters last."""
    rest = [(STORAGE[index % len(STORAGE)], [EXPLICIT]) for index in range(127)]
    return _all_taken(trial, [*rest, (VERIFICATION, [IMPLICIT])])


def every_syntax(trial: Trial) -> str:
    """Every transfer syntax of the site, a context each."""
    return _all_taken(trial, [(CT, [one]) for one in SYNTAXES if one != VIDEO])


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
    return {EXPLICIT: "explicit", IMPLICIT: "implicit"}.get(
        "".join(found.items.contexts[0].transfer_syntaxes), "other"
    )


def get_roles(trial: Trial) -> str:
    """The role that C-GET needs: the requestor takes what is stored."""
    role = Role(sop_class=CT, scu=True, scp=True)
    found = proposed(trial, [(STUDY_GET, [EXPLICIT]), (CT, [EXPLICIT])], roles=[role])
    if isinstance(found, str):
        return found
    taken = [one for one in found.items.user.roles if one.sop_class == CT and one.scp]
    return "accepted" if taken else "refused"


# ---- messages


def _store_over(trial: Trial, data: DataSet) -> str:
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=[(CT, [EXPLICIT])]), ACSE_S)
        return found if isinstance(found, str) else store(peer, data)


def full_pdus(trial: Trial) -> str:
    """Objects whose last PDU is just full, one byte pair less, and one more."""
    found = []
    for number, more in enumerate((-2, 0, 2), 1):
        data = image(trial, number)
        data.set(0x00111002, b"", "OB")
        size = len(payload_of(data, EXPLICIT))
        data.set(0x00111002, bytes(-size % FULL_PDU + more or FULL_PDU), "OB")
        found.append(_store_over(trial, data))
    return _worst(found, "0000")


def long_error(trial: Trial) -> str:
    """An object without a series: the reason is longer than an error comment may be."""
    data = image(trial, 10)
    data.drop("SeriesInstanceUID")
    return _store_over(trial, data)


def long_uid(trial: Trial) -> str:
    """A study UID of 65 characters gets a status, whatever it is."""
    data = image(trial, 11)
    data.set("StudyInstanceUID", f"{trial.planned.exam.study}.{'1' * 65}"[:65])
    found = _store_over(trial, data)
    return "a status" if len(found) == 4 else found


def half_message(trial: Trial) -> str:
    """A store that stops inside its data, and then an echo on the same association."""
    with trial.peer() as peer:
        contexts = [(CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT])]
        found = peer.associate(trial.request(contexts=contexts), ACSE_S)
        if isinstance(found, str):
            return found
        head = _asked(CT, command.Service.C_STORE)
        data = image(trial, 12)
        head[command.AFFECTED_INSTANCE] = data.text("SOPInstanceUID")
        body = payload_of(data, EXPLICIT)
        for is_command, part in ((True, command.encode(head)), (False, body[:1024])):
            peer.say(Data(values=[Pdv(context=1, command=is_command, last=is_command, data=part)]))
        status = echo(peer, 3, 2)
    return "answered" if status == "0000" else "given up"


def small_pdu(trial: Trial) -> str:
    """An image is retrieved by a device that takes 4096 bytes at a time."""
    with trial.peer() as peer:
        role = Role(sop_class=CT, scu=True, scp=True)
        contexts = [(STUDY_GET, [EXPLICIT]), (CT, [EXPLICIT])]
        request = trial.request(contexts=contexts, roles=[role], max_length=4096)
        found = peer.associate(request, ACSE_S)
        if isinstance(found, str):
            return found
        _ask_get(peer, trial)
        came = peer.message()
    if isinstance(came, str) or not came.payload:
        return "nothing came"
    return "obeyed" if peer.longest <= 4096 else f"{peer.longest} bytes"


def _ask_get(peer: RawPeer, trial: Trial, instances: Sequence[str] = ()) -> None:
    level = "IMAGE" if instances else "STUDY"
    keys = {"QueryRetrieveLevel": level, "StudyInstanceUID": trial.planned.exam.study}
    if instances:
        keys["SOPInstanceUID"] = "\\".join(instances)
    payload = payload_of(DataSet.of(keys), EXPLICIT)
    head = _asked(STUDY_GET, command.Service.C_GET)
    peer.say(SendDimse(context=1, command=head, payload=payload))


def _retrieved(trial: Trial, instances: Sequence[str] = ()) -> tuple[list[int], str]:
    """Contexts over which images came, and the final status."""
    came: list[int] = []
    with trial.peer() as peer:
        role = Role(sop_class=CT, scu=True, scp=True)
        contexts = [(STUDY_GET, [EXPLICIT]), (CT, [EXPLICIT]), (CT, [IMPLICIT])]
        found = peer.associate(trial.request(contexts=contexts, roles=[role]), ACSE_S)
        if isinstance(found, str):
            return [], found
        _ask_get(peer, trial, instances)
        while isinstance(message := peer.message(), DimseReceived):
            if message.command.get(command.FIELD) != command.Service.C_STORE:
                status = _status(message)
                if status in {"FF00", "FF01"}:
                    continue
                peer.release()
                return came, status
            came.append(message.context)
            answer: dict[int, int | str | bytes] = {
                      command.AFFECTED_CLASS: CT,
                      command.FIELD: command.Service.C_STORE | command.RESPONSE,
                      command.RESPONDED_TO: message.command[command.MESSAGE_ID],
                      command.DATA_SET_TYPE: command.NO_DATA_SET, command.STATUS: 0,
                      command.AFFECTED_INSTANCE:
                          message.command[command.AFFECTED_INSTANCE]}  # fmt: skip
            peer.say(SendDimse(context=message.context, command=answer))
        return came, message


def retrieved_syntax(trial: Trial) -> str:
    """An image that was stored in explicit comes back in explicit where both are possible."""
    came, status = _retrieved(trial)
    if not came:
        return status
    return {frozenset({3}): "explicit", frozenset({5}): "implicit"}.get(frozenset(came), "mixed")


def by_list(trial: Trial) -> str:
    """A list of two images gives both."""
    came, status = _retrieved(trial, list(trial.planned.sent)[:2])
    return f"{len(came)} {status}"


# ---- services and their pace


def _find_over(trial: Trial, role: str, keys: DataSet) -> tuple[int, str]:
    sop_class = WORKLIST if role == "RIS" else STUDY_FIND
    with trial.peer(role) as peer:
        found = peer.associate(trial.request(role, contexts=[(sop_class, [EXPLICIT])]), ACSE_S)
        if isinstance(found, str):
            return 0, found
        answer = find(peer, sop_class, keys)
        peer.release()
        return answer


def _study(trial: Trial, **more: str) -> DataSet:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": trial.planned.exam.study, **more}
    return DataSet.of(keys)


def _step(trial: Trial) -> DataSet:
    return DataSet.of({"AccessionNumber": trial.planned.exam.accession, "PatientName": ""})


def both_queries(trial: Trial) -> str:
    """The worklist and the studies, by the same device."""
    worklist = _find_over(trial, "RIS", _step(trial))[1]
    return f"{worklist} {_find_over(trial, 'PACS', _study(trial))[1]}"


def services(trial: Trial) -> str:
    """Echo and query are two proofs: neither stands for the other."""
    return f"{trial.call()} {_find_over(trial, 'PACS', _study(trial))[1]}"


def wildcards(trial: Trial) -> str:
    """One asterisk as a date and as a series UID is universal (PS3.4 §C.2.2.2.4)."""
    keys = _study(trial, StudyDate="*", StudyTime="*")
    count, status = _find_over(trial, "PACS", keys)
    return f"{count} {status}"


def sparse(trial: Trial) -> str:
    """The study is found, whatever its objects lack."""
    count, status = _find_over(trial, "PACS", _study(trial))
    return f"{count} {status}"


def round_trips(trial: Trial) -> str:
    """The quicker of twenty echoes over one association."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(), ACSE_S)
        if isinstance(found, str):
            return found
        times = sorted(_timed(lambda: echo(peer)) for _ in range(20))
    return "fast" if times[2] < ROUND_TRIP_S else f"{times[2] * 1000:.0f} ms"


def load(trial: Trial) -> str:
    """A fixed load of queries."""
    took = statistics.median(
        _timed(lambda: _find_over(trial, "PACS", _study(trial))) for _ in range(5)
    )
    return "fast" if took < SLOW_FIND_S else f"{took:.1f} s"


def end_of_query(trial: Trial) -> str:
    """After the final answer the association is still there, and is released in order."""
    with trial.peer() as peer:
        found = peer.associate(trial.request(contexts=[(WORKLIST, [EXPLICIT])]), ACSE_S)
        if isinstance(found, str):
            return found
        _, status = find(peer, WORKLIST, _step(trial))
        if status != "0000":
            return status
        quiet = peer.message(0.2)
        return peer.release() if quiet == "silent" else str(quiet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One trial: whom it calls, where a failure is, and what it does."""

    role: str
    path: str
    run: Callable[[Trial], str]
    title: str


def _kind(role: str, path: str, run: Callable[[Trial], str]) -> Kind:
    return Kind(role=role, path=path, run=run, title=AE_TITLES[role])


KINDS: Final[Mapping[str, Kind]] = {
    "被叫AE的各种写法": _kind("PACS", "called AE", titles),
    "名单上的每台设备": _kind("PACS", "calling AE", callers),
    "AE中的特殊字节": _kind("PACS", "calling AE", odd_titles),
    "八个空闲连接": _kind("PACS", "association", many_idle),
    "八个半开连接": _kind("PACS", "association", half_open),
    "异步窗口": _kind("PACS", "window", windows),
    "连续呼叫": _kind("PACS", "association", many_calls),
    "另一个AE": _kind("PACS", "called AE", other_title),
    "连接用时": _kind("PACS", "association time", quick_calls),
    "一百二十八个上下文": _kind("PACS", "context", many_contexts),
    "全部传输语法": _kind("PACS", "context", every_syntax),
    "全部对象类别": _kind("PACS", "context", every_class),
    "视频": _kind("PACS", "context", video),
    "混合上下文": _kind("PACS", "context", mixed),
    "取回的角色": _kind("PACS", "role", get_roles),
    "恰好填满的PDU": _kind("PACS", "C-STORE (0000,0900)", full_pdus),
    "很长的错误说明": _kind("PACS", "C-STORE (0000,0900)", long_error),
    "超长的UID": _kind("PACS", "C-STORE (0000,0900)", long_uid),
    "半个消息": _kind("PACS", "association", half_message),
    "很小的PDU": _kind("PACS", "PDU", small_pdu),
    "取回的语法": _kind("PACS", "context", retrieved_syntax),
    "以列表取回": _kind("PACS", "instance", by_list),
    "两种查询": _kind("RIS", "C-FIND (0000,0900)", both_queries),
    "回显与查询": _kind("PACS", "C-ECHO (0000,0900)", services),
    "通配符": _kind("PACS", "C-FIND (0000,0900)", wildcards),
    "按UID查询": _kind("PACS", "C-FIND (0000,0900)", sparse),
    "往返用时": _kind("PACS", "C-ECHO time", round_trips),
    "查询用时": _kind("PACS", "C-FIND time", load),
    "查询之后": _kind("RIS", "association", end_of_query),
}  # fmt: skip
"""Trials as sentences name them."""
