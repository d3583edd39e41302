"""What ``centre import`` takes: each export with its headings, and the rows that come of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from harness.i18n import tr
from harness.people import REGION_PREFIX, id_card_problem
from simulators.centre import world
from simulators.centre.calc_money import PRICE_ONE, RATIO_ONE
from simulators.centre.persons import INSURED
from simulators.centre.transaction import Statement
from simulators.store import insert, upsert

_BEGIN, _END = "2020-01-01", "2099-12-31"
FEN: Final = 100

Row = Mapping[str, str]
Made = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of export.

    Attributes:
        table: of the centre.
        key: what identifies a row.
        heads: our column and the headings that mean it; the first is the interface's own.
        needed: columns that must be there and filled.
        make: the row of the table; raises ``ValueError`` with what is wrong.
        spread: what is written for a row where that is more than one row of ``table``.
    """

    table: str
    key: tuple[str, ...]
    heads: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]
    make: Callable[[Row], Made]
    spread: Callable[[Made], Sequence[Statement]] | None = None

    def statements(self, made: Made) -> Sequence[Statement]:
        """What is written for a row."""
        return self.spread(made) if self.spread else [upsert(self.table, self.key, made)]


def _institution(row: Row) -> Made:
    code = row["fixmedins_code"]
    if not re.fullmatch(r"[A-Z][0-9A-Z]{11}", code):
        raise ValueError(tr("“{code}” is no code of an institution", code=code))
    return {
        "fixmedins_code": code,
        "fixmedins_name": row["fixmedins_name"],
        "uscc": row.get("uscc", ""),
        "fixmedins_type": row.get("fixmedins_type") or "1",
        "hosp_lv": row.get("hosp_lv") or "2",
        "level": row.get("level") or "3",
        "admdvs": row.get("admdvs") or world.REGION,
        "opened": "1",
    }


def _item(row: Row) -> Made:
    return {
        "med_list_codg": row["med_list_codg"],
        "hilist_code": row.get("hilist_code") or row["med_list_codg"],
        "name": row["name"],
        "list_type": row["list_type"],
        "chrgitm_lv": row.get("chrgitm_lv") or "01",
        "med_chrgitm_type": row.get("med_chrgitm_type") or "14",
        "lmt_used_flag": row.get("lmt_used_flag") or "0",
        "ratio_310": _scaled(row.get("ratio_310") or "0", RATIO_ONE, most=1),
        "ratio_390": _scaled(row.get("ratio_390") or "0", RATIO_ONE, most=1),
        "limit_1": _scaled(row.get("limit_1") or "0", PRICE_ONE),
        "limit_2": _scaled(row.get("limit_2") or "0", PRICE_ONE),
        "limit_3": _scaled(row.get("limit_3") or "0", PRICE_ONE),
        "bas_medn_flag": row.get("bas_medn_flag") or "0",
        "hi_nego_drug_flag": row.get("hi_nego_drug_flag") or "0",
        "begndate": _day(row.get("begndate") or _BEGIN),
        "enddate": _day(row.get("enddate") or _END),
        "updt_time": f"{_BEGIN} 00:00:00",
    }


def _mapping(row: Row) -> Made:
    begin, end = _dates(row)
    return {
        "fixmedins_code": row["fixmedins_code"],
        "fixmedins_hilist_id": row["fixmedins_hilist_id"],
        "fixmedins_hilist_name": row.get("fixmedins_hilist_name", ""),
        "list_type": row["list_type"],
        "med_list_codg": row["med_list_codg"],
        "begndate": begin,
        "enddate": end,
        "memo": row.get("memo", ""),
        "updt_time": f"{begin} 00:00:00",
    }


def _scaled(text: str, one: Any, *, most: int | None = None) -> int:
    try:
        value = Decimal(text)
        whole = value * int(one)
    except InvalidOperation:
        raise ValueError(tr("“{text}” is no amount", text=text)) from None
    if not whole.is_finite() or whole != int(whole) or value < 0 or (most and value > most):
        raise ValueError(tr("“{text}” is no amount", text=text))
    return int(whole)


def _day(text: str) -> str:
    """``YYYY-MM-DD``; a spreadsheet may have put slashes or a time."""
    parts = re.fullmatch(r"(\d{4})[-/]?(\d{1,2})[-/]?(\d{1,2})(?:[ T].*)?", text)
    if parts is None:
        raise ValueError(tr("no day: {day}", day=text[:20]))
    try:
        return date(int(parts[1]), int(parts[2]), int(parts[3])).isoformat()
    except ValueError:
        raise ValueError(tr("no day: {day}", day=text[:20])) from None


def _dates(row: Row) -> tuple[str, str]:
    begin, end = _day(row.get("begndate") or _BEGIN), _day(row.get("enddate") or _END)
    if begin > end:
        raise ValueError(tr("it ends before it begins"))
    return begin, end


def _department(row: Row) -> Made:
    begin, end = _dates(row)
    return {
        "fixmedins_code": row["fixmedins_code"],
        "hosp_dept_codg": row["hosp_dept_codg"],
        "hosp_dept_name": row["hosp_dept_name"],
        "caty": row.get("caty", ""),
        "begndate": begin,
        "enddate": end,
    }


def _doctor(row: Row) -> Made:
    begin, end = _dates(row)
    return {
        "fixmedins_code": row["fixmedins_code"],
        "dr_codg": row["dr_codg"],
        "dr_name": row["dr_name"],
        "hosp_dept_codg": row.get("hosp_dept_codg", ""),
        "begndate": begin,
        "enddate": end,
    }


def _person(row: Row) -> Made:
    certno = row["certno"].upper()
    birth = certno[6:14]
    sex = "M" if certno[16:17].isdecimal() and int(certno[16]) % 2 else "F"
    if problem := id_card_problem(certno, sex=sex, birth=birth):
        raise ValueError(problem)
    brdy = _day(birth)
    if row.get("brdy") and _day(row["brdy"]) != brdy:
        raise ValueError(tr("the identity card number tells another birth date"))
    if row.get("gend", "") not in {"", "1" if sex == "M" else "2"}:
        raise ValueError(tr("the identity card number tells another sex"))
    return {
        "psn_no": row.get("psn_no") or f"T{certno}",
        "psn_cert_type": "01",
        "certno": certno,
        "psn_name": row["psn_name"],
        "gend": "1" if sex == "M" else "2",
        "naty": row.get("naty") or "1",
        "brdy": brdy,
        "card_no": row.get("card_no", ""),
        "card_sn": row.get("card_sn", ""),
        "family_psn_no": "",
        "insutype": row.get("insutype") or "310",
        "psn_type": row.get("psn_type") or "11",
        "insuplc_admdvs": row.get("insuplc_admdvs") or world.REGION,
        "balc": _scaled(row["balc"], FEN) if row.get("balc") else None,
    }


def is_nobodys(made: Made) -> bool:
    """Whether a person's identity card lies where no real one can: see ``harness.people``."""
    return str(made["certno"]).startswith(REGION_PREFIX)


def _person_statements(made: Made) -> list[Statement]:
    """The person, the insurance, the account.

    An account that is there keeps what it holds, unless the export names a balance.
    """
    insured = {
        "psn_no": made["psn_no"],
        "insutype": made["insutype"],
        "psn_type": made["psn_type"],
        "psn_insu_stas": INSURED,
        "psn_insu_date": _BEGIN,
        "paus_insu_date": "",
        "cvlserv_flag": "0",
        "company_flag": "0",
        "maf_psn_flag": "0",
        "insuplc_admdvs": made["insuplc_admdvs"],
        "emp_name": "",
    }
    beside = {"insutype", "psn_type", "insuplc_admdvs", "balc"}
    person = {name: value for name, value in made.items() if name not in beside}
    account = {"psn_no": made["psn_no"], "balc": made["balc"] or 0}
    sql, values = insert("accounts", account)
    kept = (f"{sql} ON CONFLICT (psn_no) DO NOTHING", values)
    return [
        upsert("persons", ("psn_no",), person),
        upsert("insurances", ("psn_no", "insutype"), insured),
        upsert("accounts", ("psn_no",), account) if made["balc"] is not None else kept,
    ]


_CODE = ("med_list_codg", "医保目录编码", "国家医保编码")
_TYPE = ("list_type", "目录类别")
_DATES = {"begndate": ("begndate", "开始日期"), "enddate": ("enddate", "结束日期")}

_INSTITUTION = ("fixmedins_code", "定点医药机构编号", "机构编码")
_DEPARTMENT = ("hosp_dept_codg", "医院科室编码", "科室编码")

KINDS: Final[Mapping[str, Kind]] = {
    "institution": Kind(
        table="hospitals",
        key=("fixmedins_code",),
        heads={
            "fixmedins_code": _INSTITUTION,
            "fixmedins_name": ("fixmedins_name", "定点医药机构名称", "机构名称"),
            "uscc": ("uscc", "统一社会信用代码"),
            "fixmedins_type": ("fixmedins_type", "机构类型"),
            "hosp_lv": ("hosp_lv", "医院等级"),
            "level": ("level", "收费等级"),
            "admdvs": ("admdvs", "医保区划"),
        },
        needed=("fixmedins_code", "fixmedins_name"),
        make=_institution,
    ),
    "catalogue": Kind(
        table="catalogue",
        key=("med_list_codg",),
        heads={
            "med_list_codg": _CODE,
            "hilist_code": ("hilist_code", "地方目录编码"),
            "name": ("name", "项目名称", "注册名称"),
            "list_type": _TYPE,
            "chrgitm_lv": ("chrgitm_lv", "收费项目等级"),
            "med_chrgitm_type": ("med_chrgitm_type", "医疗收费项目类别"),
            "lmt_used_flag": ("lmt_used_flag", "限制使用标志"),
            "ratio_310": ("ratio_310", "职工先行自付比例"),
            "ratio_390": ("ratio_390", "居民先行自付比例"),
            "limit_1": ("limit_1", "一级限价"),
            "limit_2": ("limit_2", "二级限价"),
            "limit_3": ("limit_3", "三级限价"),
            "bas_medn_flag": ("bas_medn_flag", "基本药物标志"),
            "hi_nego_drug_flag": ("hi_nego_drug_flag", "谈判药品标志"),
            **_DATES,
        },
        needed=("med_list_codg", "name", "list_type"),
        make=_item,
    ),
    "mapping": Kind(
        table="mappings",
        key=("fixmedins_code", "fixmedins_hilist_id", "list_type"),
        heads={
            "fixmedins_code": _INSTITUTION,
            "fixmedins_hilist_id": ("fixmedins_hilist_id", "院内项目编码", "医院项目编码"),
            "fixmedins_hilist_name": ("fixmedins_hilist_name", "院内项目名称", "医院项目名称"),
            "list_type": _TYPE,
            "med_list_codg": _CODE,
            "memo": ("memo", "备注"),
            **_DATES,
        },
        needed=("fixmedins_code", "fixmedins_hilist_id", "list_type", "med_list_codg"),
        make=_mapping,
    ),
    "departments": Kind(
        table="departments",
        key=("fixmedins_code", "hosp_dept_codg"),
        heads={
            "fixmedins_code": _INSTITUTION,
            "hosp_dept_codg": _DEPARTMENT,
            "hosp_dept_name": ("hosp_dept_name", "医院科室名称", "科室名称"),
            "caty": ("caty", "科别"),
            **_DATES,
        },
        needed=("fixmedins_code", "hosp_dept_codg", "hosp_dept_name"),
        make=_department,
    ),
    "doctors": Kind(
        table="doctors",
        key=("fixmedins_code", "dr_codg"),
        heads={
            "fixmedins_code": _INSTITUTION,
            "dr_codg": ("dr_codg", "prac_psn_no", "医保医师编码", "医师编码"),
            "dr_name": ("dr_name", "prac_psn_name", "医师姓名"),
            "hosp_dept_codg": _DEPARTMENT,
            **_DATES,
        },
        needed=("fixmedins_code", "dr_codg", "dr_name"),
        make=_doctor,
    ),
    "persons": Kind(
        table="persons",
        key=("psn_no",),
        heads={
            "psn_no": ("psn_no", "人员编号"),
            "psn_name": ("psn_name", "人员姓名", "姓名"),
            "certno": ("certno", "证件号码", "身份证号"),
            "gend": ("gend", "性别代码"),
            "naty": ("naty", "民族"),
            "brdy": ("brdy", "出生日期"),
            "card_no": ("card_no", "社保卡号", "卡号"),
            "card_sn": ("card_sn", "卡识别码"),
            "insutype": ("insutype", "险种类型", "险种"),
            "psn_type": ("psn_type", "人员类别"),
            "insuplc_admdvs": ("insuplc_admdvs", "参保地医保区划"),
            "balc": ("balc", "账户余额", "余额"),
        },
        needed=("psn_name", "certno"),
        make=_person,
        spread=_person_statements,
    ),
}  # fmt: skip
"""What can be imported."""
