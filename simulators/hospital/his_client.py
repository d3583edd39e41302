"""A HIS with nothing but screens: a small web client on the built-in HIS, for operator steps.

Nobody can command this system. A person registers and orders at its pages, and it gives patient
numbers and barcodes itself, as the products do that it stands for.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from harness.link import actor as act
from harness.wire.core import Core
from harness.wire.http1 import HttpServerCore
from harness.wire.http1_events import HttpExhausted, HttpRefusal, HttpRequest, HttpResponse
from simulators.hospital.his_settle import WholeHis

LINK: Final = "his-client"

_SEX: Final = {"男": "M", "女": "F", "M": "M", "F": "F"}

FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "入院登记": ("姓名", "性别", "出生日期", "身份证号", "病区", "床号", "电话"),
    "检验申请": ("姓名", "项目", "优先级"),
    "接口自检": (),
}
"""Pages, and what is entered on each."""

_STYLE: Final = "body{font:16px sans-serif;margin:2rem}label{display:block;margin:.3rem 0}"

FIRST_PATIENT: Final = 70_001
FIRST_TUBE: Final = 620_000_010_001
"""Numbers of this product: a patient has five digits, a tube twelve."""


@dataclass(slots=True)
class HisClient:
    """The actor: the built-in HIS with its screens.

    Args:
        inner: the HIS behind the screens.
    """

    inner: WholeHis
    role: str = "HIS"
    _patients: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_PATIENT))
    _tubes: Iterator[int] = field(default_factory=lambda: itertools.count(FIRST_TUBE))

    @property
    def defects(self) -> set[str]:
        """Of the HIS behind the screens."""
        return self.inner.defects

    def open_core(self, link: str, *, client: bool) -> Core:
        """HTTP for the screens, the rest as ever."""
        return HttpServerCore() if link == LINK else self.inner.open_core(link, client=client)

    def on_event(self, event: act.ActorEvent, now: float) -> list[act.Command]:
        """Screens here, everything else behind them."""
        match event:
            case act.Received(link=link, conn=conn, event=HttpRequest() as request) if link == LINK:
                return self._asked(conn, request, now)
            case act.Received(link=link, conn=conn, event=HttpRefusal(status=status)) if (
                link == LINK
            ):
                return [_send(conn, status, "")]
            case act.Received(link=link, conn=conn, event=HttpExhausted()) if link == LINK:
                return [act.Close(conn=conn)]
            case act.Opened(link=link) | act.Closed(link=link) if link == LINK:
                return []
        return self.inner.on_event(event, now)

    def _asked(self, conn: str, request: HttpRequest, now: float) -> list[act.Command]:
        name = dict(_words(urlsplit(request.target).query)).get("page", "入院登记")
        if name not in FORMS:
            return [_send(conn, 404, "")]
        if request.method == "GET":
            return [_send(conn, 200, _page(name))]
        entered = dict(_words(request.payload.decode("utf-8", "replace")))
        if name == "接口自检":
            args = {"patient_id": "0", "name": "自检"}
            return self._done(conn, "update", args, name, "已发送", now)
        saved = self._admit if name == "入院登记" else self._order
        return saved(conn, entered, now)

    def _admit(self, conn: str, entered: Mapping[str, str], now: float) -> list[act.Command]:
        if not entered.get("姓名"):
            return [_send(conn, 200, _page("入院登记", "姓名不能为空"))]
        number = str(next(self._patients))
        args = {
            "patient_id": number,
            "name": entered["姓名"],
            "sex": _SEX.get(entered.get("性别", ""), "U"),
            "birth": entered.get("出生日期", ""),
            "id_card": entered.get("身份证号", ""),
            "ward": entered.get("病区", ""),
            "bed": entered.get("床号", ""),
            "phone": entered.get("电话", ""),
        }
        return self._done(conn, "admit", args, "入院登记", f"已保存，患者号 {number}", now)

    def _order(self, conn: str, entered: Mapping[str, str], now: float) -> list[act.Command]:
        rows = self.inner.store.rows(
            "SELECT patient_id FROM patients WHERE name = ? ORDER BY rowid DESC LIMIT 1",
            (entered.get("姓名", ""),),
        )
        if not rows or not entered.get("项目"):
            return [_send(conn, 200, _page("检验申请", "没有这名患者，或未选项目"))]
        tube = str(next(self._tubes))
        args = {
            "patient_id": rows[0]["patient_id"],
            "placer": f"A{tube}",
            "barcode": tube,
            "items": entered["项目"],
            "priority": entered.get("优先级") or "R",
        }
        return self._done(conn, "order", args, "检验申请", f"已发送，条码 {tube}", now)

    def _done(
        self, conn: str, name: str, args: Mapping[str, str], page: str, said: str, now: float
    ) -> list[act.Command]:
        """Carry it out as the HIS does; the screen tells the number or the error."""
        commands: list[act.Command] = []
        for one in self.inner.on_event(act.Commanded(name=name, args=args, ident=0), now):
            if isinstance(one, act.Reply):
                commands.append(_send(conn, 200, _page(page, one.error or said)))
            else:
                commands.append(one)
        return commands


def _words(text: str) -> Iterator[tuple[str, str]]:
    for name, values in parse_qs(text).items():
        yield name, values[0].strip()


def _page(name: str, said: str = "") -> str:
    links = "　".join(f'<a href="/?page={one}">{one}</a>' for one in FORMS)
    fields = "".join(f'<label>{one} <input name="{one}"></label>' for one in FORMS[name])
    told = f'<p id="said">{html.escape(said)}</p>' if said else ""
    return (
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        f"<title>{name}</title><style>{_STYLE}</style></head><body><nav>{links}</nav>"
        f'<h1>{name}</h1>{told}<form method="post" action="/?page={name}">{fields}'
        '<button type="submit">保存</button></form></body></html>'
    )


def _send(conn: str, status: int, text: str) -> act.Send:
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    return act.Send(
        conn=conn, event=HttpResponse(status=status, headers=headers, payload=text.encode())
    )
