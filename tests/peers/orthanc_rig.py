"""What persons do at a site with Orthanc: an echo to our devices, and the files of its worklist."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dicom_rig import part10

from harness.link.dicom_data import EXPLICIT, DataSet
from simulators.modality.images import uid

LOOK_S: Final = 0.05
ASK_S: Final = 5.0
NOT_REACHED: Final = OSError
DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Everything here is on this machine."""


@contextmanager
def working(act: Any) -> Iterator[None]:
    """Somebody does ``act(over)`` beside a run, until the event ``over`` is set; it must return."""
    over = threading.Event()
    thread = threading.Thread(target=act, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
    assert not thread.is_alive()


def echo(web: int, name: str, over: threading.Event) -> None:
    """What a person does for the canary of the profile, again until a device of ours answers."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{web}/modalities/{name}/echo", data=b"{}", method="POST"
    )
    while not over.wait(0.2):
        with contextlib.suppress(NOT_REACHED), DIRECT.open(asked, timeout=ASK_S):
            return


def held(web: int, folder: Path) -> list[Path]:
    """Everything that Orthanc holds, a file an instance."""
    folder.mkdir()
    base = f"http://127.0.0.1:{web}/instances"
    with DIRECT.open(base, timeout=ASK_S) as answer:
        idents = sorted(json.load(answer))
    for ident in idents:
        with DIRECT.open(f"{base}/{ident}/file", timeout=ASK_S) as answer:
            (folder / f"{ident}.dcm").write_bytes(answer.read())
    return [folder / f"{ident}.dcm" for ident in idents]


def item(card: Mapping[str, str]) -> DataSet:
    """A file of the worklist as a card asks for it (PS3.4 table K.6-1)."""
    step = DataSet.of(
        {
            "ScheduledStationAETitle": card["设备AE"],
            "ScheduledProcedureStepStartDate": card["日期"],
            "ScheduledProcedureStepStartTime": card.get("时间", ""),
            "Modality": card["设备类型"],
            "ScheduledProcedureStepDescription": card["检查项目"],
            "ScheduledProcedureStepID": card["预约步骤号"],
            "ScheduledProcedureStepStatus": "SCHEDULED",
        }
    )
    return DataSet.of(
        {
            "SpecificCharacterSet": "ISO_IR 192",
            "SOPClassUID": "1.2.276.0.7230010.3.1.0.1",
            "SOPInstanceUID": uid("worklist", card["预约步骤号"]),
            "AccessionNumber": card["检查号"],
            "PatientName": f"{card['拼音']}={card['姓名']}",
            "PatientID": card["患者号"],
            "PatientBirthDate": card["出生日期"],
            "PatientSex": card["性别"],
            "StudyInstanceUID": card["检查UID"],
            "RequestedProcedureDescription": card["检查项目"],
            "RequestedProcedureID": card["请求号"],
            "ScheduledProcedureStepSequence": [step],
        }
    )


@dataclass(slots=True)
class Clerk:
    """Whoever writes the files of Orthanc's worklist, card by card, as the board asks for them.

    A scenario means a list of its own: a step is entered anew where none of the open cards is about
    one that stands there, and the list begins empty.

    Args:
        page: port of the board.
        folder: of the worklist.
    """

    page: int
    folder: Path
    items: dict[str, dict[str, str]] = field(default_factory=dict)
    handled: set[int] = field(default_factory=set)

    def work(self, over: threading.Event) -> None:
        """Until the run is over; what an open card is about is left alone until that is seen."""
        while not over.wait(LOOK_S):
            with contextlib.suppress(NOT_REACHED):
                self._look(self._cards())

    def _look(self, cards: Sequence[Mapping[str, Any]]) -> None:
        named = {dict(one["fields"]).get("预约步骤号", "") for one in cards}
        if not named & self.items.keys() and any("检查UID" in dict(one["fields"]) for one in cards):
            self._clear()
        busy: set[str] = set()
        for card in cards:
            shown = dict(card["fields"])
            about = {shown.get("预约步骤号", ""), shown.get("患者号", "")} - {""}
            whole = {shown["预约步骤号"]} if "检查UID" in shown else about
            if card["number"] not in self.handled and not whole & busy:
                self._do(card["number"], shown)
            if not card["seen"]:
                busy |= about

    def _cards(self) -> list[dict[str, Any]]:
        with DIRECT.open(f"http://127.0.0.1:{self.page}/cards.json", timeout=ASK_S) as answer:
            found: list[dict[str, Any]] = json.load(answer)["cards"]
        return found

    def _do(self, number: int, shown: dict[str, str]) -> None:
        self.handled.add(number)
        if "检查UID" in shown:
            self._write(shown)
        elif "预约步骤号" in shown:
            del self.items[shown["预约步骤号"]]
            self._path(shown["预约步骤号"]).unlink()
        else:
            named = [one for one in self.items.values() if one["患者号"] == shown["患者号"]]
            for one in named:
                self._write(one | {"姓名": shown["姓名"], "拼音": shown["拼音"]})

    def _clear(self) -> None:
        for name in self.items:
            self._path(name).unlink()
        self.items.clear()

    def _path(self, name: str) -> Path:
        return self.folder / f"{urllib.parse.quote(name, safe='')}.wl"

    def _write(self, shown: dict[str, str]) -> None:
        """Under another name first: the plugin reads whatever ends in ``.wl``."""
        path = self._path(shown["预约步骤号"])
        whole = path.with_suffix(".new")
        whole.write_bytes(part10(item(shown), EXPLICIT))
        whole.replace(path)
        self.items[shown["预约步骤号"]] = shown
