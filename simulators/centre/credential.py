"""电子凭证 6101 and the face transactions 9601 to 9603.

A token is good for one person and a short time. Face recognition is supervision, not payment: a
fixed rule decides its result, so that a scenario can have every one of them on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from simulators.centre import persons
from simulators.centre.ids import fresh
from simulators.centre.ledger import one
from simulators.centre.rules import Desk, Refusal, needed, node, stamp, text
from simulators.centre.transaction import Answer, Books, Call, Handled
from simulators.store import insert

TOKEN = "01"  # noqa: S105 - a code, and no secret
"""``mdtrt_cert_type`` of a token."""

TOKEN_MINUTES = 10
"""How long a token is good; no specification says, so it is short."""

FACE_RESULTS = MappingProxyType(
    {
        "MHFACE0": ("0", "认证失败"),
        "MHFACE3": ("3", "审核中"),
        "MHFACE4": ("4", "特殊登记"),
    }
)
"""Pictures that begin like this get this result; every other picture is recognised."""

_RECOGNISED = ("1", "认证成功")


def token_person(books: Books, call: Call, token: str) -> str:
    """Number of the person behind a token.

    Raises:
        Refusal: unknown or expired.
    """
    row = one(books, "SELECT * FROM tokens WHERE ec_token = ?", token)
    if row is None:
        raise Refusal("token_unknown")
    if row["until"] < stamp(call):
        raise Refusal("token_expired")
    return str(row["psn_no"])


def require(call: Call, books: Books) -> None:
    """A message that shows a token must show one that is good, and of its own person.

    Raises:
        Refusal: unknown, expired, or another person's.
    """
    for value in call.input.values():
        if type(value) is list or not isinstance(value, Mapping):
            continue
        if value.get("mdtrt_cert_type") == TOKEN:
            psn_no = token_person(books, call, text(value, "mdtrt_cert_no"))
            if text(value, "psn_no") not in {"", psn_no}:
                raise Refusal("token_unknown")


def read_code(desk: Desk, call: Call, books: Books) -> Handled:
    """6101: a scanned code to a token. In the field a library does it, and the code is opaque;

    here ``businessInfo`` of the request names the person by identity card number or card number.
    """
    data = node(call, "InData")
    named = text(data, "businessInfo")
    found = persons.find(books, "02", named, "") or persons.find(books, "03", named, "")
    if found is None:
        raise Refusal("token_unknown")
    business = needed(data, "businessType")
    insured = one(
        books,
        "SELECT insuplc_admdvs FROM insurances WHERE psn_no = ? ORDER BY insutype",
        found["psn_no"],
    )
    token = fresh(books, "tokens", "ec_token", desk.seed, call.fixmedins_code, call.msgid)
    row = {
        "ec_token": token,
        "psn_no": found["psn_no"],
        "business": business,
        "until": f"{call.at + timedelta(minutes=TOKEN_MINUTES):%Y-%m-%d %H:%M:%S}",
    }
    output = {
        "OutData": {
            "userName": found["psn_name"],
            "idNo": found["certno"],
            "idType": found["psn_cert_type"],
            "ecToken": token,
            "insuOrg": insured["insuplc_admdvs"] if insured else "",
            "authNo": f"A{token}",
            "ecIndexNo": found["card_sn"],
            "gender": found["gend"],
            "birthday": found["brdy"],
            "nationality": found["naty"],
            "email": "",
        }
    }
    return Handled(answer=Answer(output=output), statements=[insert("tokens", row)])


def _recognise(
    desk: Desk, call: Call, books: Books, *, name: str, picture: str
) -> tuple[tuple[str, str], list[tuple[str, list[object]]]]:
    data = node(call, name)
    if not text(data, picture):
        raise Refusal("face_missing")
    who = persons.person(books, needed(data, "psn_no"))
    if text(data, "certno") != who["certno"]:
        raise Refusal("unknown_person")
    shown = text(data, picture)
    result = next(
        (rslt for begin, rslt in FACE_RESULTS.items() if shown.startswith(begin)), _RECOGNISED
    )
    row = {
        "recog_id": fresh(books, "recognitions", "recog_id", desk.seed, call.infno, call.msgid),
        "infno": call.infno,
        "psn_no": who["psn_no"],
        "recog_biz": text(data, "recog_biz"),
        "mdtrt_id": text(data, "mdtrt_id"),
        "rslt": result[0],
        "recog_time": stamp(call),
    }
    return result, [insert("recognitions", row)]


def recognise(desk: Desk, call: Call, books: Books) -> Handled:
    """9601: whether the face is that of the person."""
    result, statements = _recognise(desk, call, books, name="recogInfo", picture="recog_pic")
    output = {"recogRslt": {"recog_rslt": result[0], "recog_rslt_dscr": result[1]}}
    return Handled(answer=Answer(output=output), statements=statements)


def register_special(desk: Desk, call: Call, books: Books) -> Handled:
    """9602: a person who cannot be recognised, with the reason."""
    needed(node(call, "spregInfo"), "sp_dcla_rea")
    _, statements = _recognise(desk, call, books, name="spregInfo", picture="sp_dcla_pic")
    return Handled(answer=Answer(output={}), statements=statements)


def build_model(desk: Desk, call: Call, books: Books) -> Handled:
    """9603: take a picture as the model of a person."""
    result, statements = _recognise(desk, call, books, name="modelInfo", picture="model_pic")
    good = result == _RECOGNISED
    output = {
        "crteModelRslt": {
            "crte_model_rslt": str(int(good)),
            "crte_model_rslt_dscr": "建模成功" if good else "建模失败",
        }
    }
    return Handled(answer=Answer(output=output), statements=statements)
