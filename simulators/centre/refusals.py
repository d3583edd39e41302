"""What the gateway and the schema check say when they refuse, and in which shape.

Own wording in the kind of real centres. Clients in the field decide by what a text contains, so a
province can re-word each one in its ``[texts]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from harness.wire.http1_events import HttpResponse
from harness.wire.json_exact import encode
from simulators.centre.schema_check import FieldProblem

JSON_TYPE: Final = ("Content-Type", "application/json;charset=UTF-8")

TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "headers": "服务网关请求头缺失或不完整!",
        "expired": "签名的时间戳已超时!",
        "user": "用户非法!",
        "signature": "签名校验不一致!",
        "replay": "请求已被使用，不允许重放!",
        "token": "访问令牌无效或已过期!",
        "cipher": "报文解密失败",
        "cainfo": "报文数字签名校验不通过",
        "path": "服务地址不存在",
        "method": "只接受POST请求",
        "http": "请求报文不符合HTTP协议: {detail}",
        "json": "报文不是合法的JSON: {detail}",
        "envelope": "报文结构不正确: {detail}",
        "members": "报文头校验未通过：{detail}",
        "infno": "交易编号[{infno}]不存在",
        "infno_differs": "交易编号[{infno}]与服务地址不一致",
        "schema": "入参校验未通过：{detail}",
        "sign_in": "操作员[{opter}]未签到或签到已失效，请先签到",
        "sign_out": "签到编号[{sign_no}]不存在或已签退",
        "stranger": "未查询到该参保人，人员基本信息为空",
        "maintenance": "系统维护中，请稍后再试",
        "rate": "访问过于频繁，请稍后再试",
        "fault": "处理失败，请联系中心管理员",
        "internal": "系统内部错误，未做任何处理",
        "undo_refused": "该交易不允许冲正",
        "already_undone": "该笔结算此前已撤销，请勿重复办理",
        "file_gone": "文件不存在或已超过下载截止时间",
    }
)
"""By cause; ``internal`` and ``stranger`` are ours, all others are played; a stranger
is told what anybody is told whom the centre does not know."""

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "必填项校验错误",
        "kind": "格式校验错误",
        "long": "长度超过限制",
        "code": "值[{value}]不在字典范围内",
        "node": "节点结构不正确",
        "rows": "只允许一条记录",
    }
)
"""Of a field problem."""


def text(texts: Mapping[str, str], cause: str, **holes: object) -> str:
    """A refusal as this province says it."""
    return texts.get(cause, TEXTS[cause]).format(**holes)


def field_text(problems: Sequence[FieldProblem], texts: Mapping[str, str]) -> str:
    """All field problems in one text: section in brackets, field, what is wrong."""
    return "；".join(_one(problem, texts) for problem in problems)


def _one(problem: FieldProblem, texts: Mapping[str, str]) -> str:
    section = f"[{problem.node or 'input'}]" + (f"第{problem.row}行" if problem.row else "")
    what = texts.get(f"kind_{problem.kind}", KINDS[problem.kind]).format(value=problem.value)
    if not problem.code:
        return f"{section}：{what}"
    return f"{section}{problem.code}({problem.name})：{what}"


def member_text(problems: Sequence[tuple[str, str]]) -> str:
    """Problems of envelope members in one text."""
    return "；".join(f"{name}：{KINDS[kind].format(value='')}" for name, kind in problems)


def gateway_error(status: int, code: int, message: str) -> HttpResponse:
    """A refusal of the gateway itself: no ``infcode`` at all."""
    body = encode({"code": code, "message": message})
    return HttpResponse(status=status, headers=(JSON_TYPE,), payload=body)


def error_page(status: int) -> HttpResponse:
    """What a proxy says when the centre behind it does not: HTML."""
    body = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    headers = (("Content-Type", "text/html"),)
    return HttpResponse(status=status, headers=headers, payload=body.encode("ascii"))
