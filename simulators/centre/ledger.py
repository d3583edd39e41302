"""The centre's own books: tables, and the few looks at them that several transactions share.

SQL that SQLite and PostgreSQL both understand. Money is fen, prices are millionths of a yuan,
quantities and ratios ten-thousandths, all integers; times are ``YYYY-MM-DD HH:MM:SS`` as text, so
that they compare as they read. The keys are the last guard: where two calls decided on the same
books, the second commit fails instead of booking twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from simulators.centre.calc import MONEY
from simulators.centre.transaction import Books, Statement

Row = dict[str, Any]

INVALID = "0"

AMOUNT_COLUMNS: tuple[str, ...] = (*MONEY, "pool_prop_selfpay", "balc")
"""Columns of a settlement that ``calc.Amounts`` fills."""

_AMOUNTS = ", ".join(f"{name} BIGINT NOT NULL" for name in AMOUNT_COLUMNS)

_PEOPLE = (
    """CREATE TABLE IF NOT EXISTS persons (psn_no TEXT PRIMARY KEY, psn_cert_type TEXT NOT NULL,
    certno TEXT NOT NULL, psn_name TEXT NOT NULL, gend TEXT NOT NULL, naty TEXT NOT NULL,
    brdy TEXT NOT NULL, card_no TEXT NOT NULL, card_sn TEXT NOT NULL,
    family_psn_no TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS persons_certno ON persons (certno)",
    "CREATE INDEX IF NOT EXISTS persons_card ON persons (card_no)",
    """CREATE TABLE IF NOT EXISTS insurances (psn_no TEXT NOT NULL, insutype TEXT NOT NULL,
    psn_type TEXT NOT NULL, psn_insu_stas TEXT NOT NULL, psn_insu_date TEXT NOT NULL,
    paus_insu_date TEXT NOT NULL, cvlserv_flag TEXT NOT NULL, company_flag TEXT NOT NULL,
    maf_psn_flag TEXT NOT NULL, insuplc_admdvs TEXT NOT NULL, emp_name TEXT NOT NULL,
    PRIMARY KEY (psn_no, insutype))""",
    """CREATE TABLE IF NOT EXISTS accounts (psn_no TEXT PRIMARY KEY,
    balc BIGINT NOT NULL CHECK (balc >= 0))""",
    """CREATE TABLE IF NOT EXISTS identities (psn_no TEXT NOT NULL, psn_idet_type TEXT NOT NULL,
    begntime TEXT NOT NULL, endtime TEXT NOT NULL, PRIMARY KEY (psn_no, psn_idet_type))""",
    """CREATE TABLE IF NOT EXISTS chronic (psn_no TEXT NOT NULL, opsp_dise_code TEXT NOT NULL,
    opsp_dise_name TEXT NOT NULL, begndate TEXT NOT NULL, enddate TEXT NOT NULL,
    PRIMARY KEY (psn_no, opsp_dise_code))""",
    """CREATE TABLE IF NOT EXISTS cumulations (psn_no TEXT NOT NULL, insutype TEXT NOT NULL,
    cum_year TEXT NOT NULL, kind TEXT NOT NULL, dedc BIGINT NOT NULL, pool BIGINT NOT NULL,
    above BIGINT NOT NULL, own_scope BIGINT NOT NULL, aid BIGINT NOT NULL, medfee BIGINT NOT NULL,
    fund BIGINT NOT NULL, acct BIGINT NOT NULL, stays BIGINT NOT NULL,
    PRIMARY KEY (psn_no, insutype, cum_year, kind))""",
    """CREATE TABLE IF NOT EXISTS hospitals (fixmedins_code TEXT PRIMARY KEY,
    fixmedins_name TEXT NOT NULL, uscc TEXT NOT NULL, fixmedins_type TEXT NOT NULL,
    hosp_lv TEXT NOT NULL, level TEXT NOT NULL, admdvs TEXT NOT NULL, opened TEXT NOT NULL)""",
)

_CATALOGUE = (
    """CREATE TABLE IF NOT EXISTS catalogue (med_list_codg TEXT PRIMARY KEY,
    hilist_code TEXT NOT NULL, name TEXT NOT NULL, list_type TEXT NOT NULL,
    chrgitm_lv TEXT NOT NULL, med_chrgitm_type TEXT NOT NULL, lmt_used_flag TEXT NOT NULL,
    ratio_310 BIGINT NOT NULL, ratio_390 BIGINT NOT NULL, limit_1 BIGINT NOT NULL,
    limit_2 BIGINT NOT NULL, limit_3 BIGINT NOT NULL, bas_medn_flag TEXT NOT NULL,
    hi_nego_drug_flag TEXT NOT NULL, begndate TEXT NOT NULL, enddate TEXT NOT NULL,
    updt_time TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS diseases (diag_code TEXT PRIMARY KEY, diag_name TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS departments (fixmedins_code TEXT NOT NULL,
    hosp_dept_codg TEXT NOT NULL, hosp_dept_name TEXT NOT NULL, caty TEXT NOT NULL,
    begndate TEXT NOT NULL, enddate TEXT NOT NULL, PRIMARY KEY (fixmedins_code, hosp_dept_codg))""",
    """CREATE TABLE IF NOT EXISTS doctors (fixmedins_code TEXT NOT NULL, dr_codg TEXT NOT NULL,
    dr_name TEXT NOT NULL, hosp_dept_codg TEXT NOT NULL, begndate TEXT NOT NULL,
    enddate TEXT NOT NULL, PRIMARY KEY (fixmedins_code, dr_codg))""",
    """CREATE TABLE IF NOT EXISTS mappings (fixmedins_code TEXT NOT NULL,
    fixmedins_hilist_id TEXT NOT NULL, fixmedins_hilist_name TEXT NOT NULL,
    list_type TEXT NOT NULL, med_list_codg TEXT NOT NULL, begndate TEXT NOT NULL,
    enddate TEXT NOT NULL, memo TEXT NOT NULL, updt_time TEXT NOT NULL,
    PRIMARY KEY (fixmedins_code, fixmedins_hilist_id, list_type))""",
)

_VISITS = (
    """CREATE TABLE IF NOT EXISTS visits (mdtrt_id TEXT PRIMARY KEY, psn_no TEXT NOT NULL,
    fixmedins_code TEXT NOT NULL, insutype TEXT NOT NULL, visit_kind TEXT NOT NULL,
    ipt_otp_no TEXT NOT NULL, med_type TEXT NOT NULL, mdtrt_cert_type TEXT NOT NULL,
    begntime TEXT NOT NULL, endtime TEXT NOT NULL, state TEXT NOT NULL, msgid TEXT NOT NULL,
    dise_codg TEXT NOT NULL, dise_name TEXT NOT NULL, dept_code TEXT NOT NULL,
    dept_name TEXT NOT NULL, dr_code TEXT NOT NULL, dr_name TEXT NOT NULL, bed TEXT NOT NULL,
    dscg_way TEXT NOT NULL, opter TEXT NOT NULL, opt_time TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS visits_person ON visits (psn_no, begntime)",
    "CREATE INDEX IF NOT EXISTS visits_state ON visits (psn_no, visit_kind, state)",
    "CREATE INDEX IF NOT EXISTS visits_hospital ON visits (fixmedins_code, begntime)",
    """CREATE TABLE IF NOT EXISTS diagnoses (mdtrt_id TEXT NOT NULL, inout_diag_type TEXT NOT NULL,
    diag_srt_no BIGINT NOT NULL, diag_type TEXT NOT NULL, maindiag_flag TEXT NOT NULL,
    diag_code TEXT NOT NULL, diag_name TEXT NOT NULL, diag_dept TEXT NOT NULL,
    dise_dor_no TEXT NOT NULL, dise_dor_name TEXT NOT NULL, diag_time TEXT NOT NULL,
    vali_flag TEXT NOT NULL, PRIMARY KEY (mdtrt_id, inout_diag_type, diag_srt_no))""",
    """CREATE TABLE IF NOT EXISTS fees (mdtrt_id TEXT NOT NULL, feedetl_sn TEXT NOT NULL,
    chrg_bchno TEXT NOT NULL, psn_no TEXT NOT NULL, init_feedetl_sn TEXT NOT NULL,
    fee_ocur_time TEXT NOT NULL, med_list_codg TEXT NOT NULL, medins_list_codg TEXT NOT NULL,
    cnt BIGINT NOT NULL, pric BIGINT NOT NULL, det_item_fee_sumamt BIGINT NOT NULL,
    fulamt_ownpay_amt BIGINT NOT NULL, overlmt_amt BIGINT NOT NULL,
    preselfpay_amt BIGINT NOT NULL, inscp_scp_amt BIGINT NOT NULL,
    pric_uplmt_amt BIGINT NOT NULL, selfpay_prop BIGINT NOT NULL, hosp_appr_flag TEXT NOT NULL,
    rxno TEXT NOT NULL, bilg_dept_codg TEXT NOT NULL, bilg_dept_name TEXT NOT NULL,
    bilg_dr_codg TEXT NOT NULL, bilg_dr_name TEXT NOT NULL, memo TEXT NOT NULL,
    setl_id TEXT NOT NULL, undone_setl_id TEXT NOT NULL, opt_time TEXT NOT NULL,
    PRIMARY KEY (mdtrt_id, feedetl_sn))""",
    # Rows of a settlement are found by its visit: a further index would cost each row two writes.
)

_SETTLEMENTS = (
    f"""CREATE TABLE IF NOT EXISTS settlements (setl_id TEXT PRIMARY KEY, mdtrt_id TEXT NOT NULL,
    psn_no TEXT NOT NULL, infno TEXT NOT NULL, medins_setl_id TEXT NOT NULL,
    fixmedins_code TEXT NOT NULL, setl_time TEXT NOT NULL, cum_year TEXT NOT NULL,
    insutype TEXT NOT NULL, kind TEXT NOT NULL, med_type TEXT NOT NULL, clr_type TEXT NOT NULL,
    clr_way TEXT NOT NULL, clr_optins TEXT NOT NULL, pay_loc TEXT NOT NULL,
    psn_type TEXT NOT NULL, cvlserv_flag TEXT NOT NULL, mdtrt_cert_type TEXT NOT NULL,
    chrg_bchno TEXT NOT NULL, mid_setl_flag TEXT NOT NULL, acct_used_flag TEXT NOT NULL,
    invono TEXT NOT NULL, refd_setl_flag TEXT NOT NULL, init_setl_id TEXT NOT NULL,
    undone TEXT NOT NULL, vali_flag TEXT NOT NULL, stays BIGINT NOT NULL,
    turn BIGINT NOT NULL, opter TEXT NOT NULL, {_AMOUNTS})""",
    # Totals of a month (3201) come from the index alone.
    """CREATE INDEX IF NOT EXISTS settlements_clearing ON settlements (fixmedins_code, clr_type,
    setl_time, insutype, clr_optins, pay_loc, vali_flag, refd_setl_flag, undone, medfee_sumamt,
    fund_pay_sumamt, acct_pay)""",
    "CREATE INDEX IF NOT EXISTS settlements_msgid ON settlements (medins_setl_id)",
    # Two decisions about one visit on the same books take the same number: the second fails.
    # Settlements of a visit are found by it, too.
    "CREATE UNIQUE INDEX IF NOT EXISTS settlements_turn ON settlements (mdtrt_id, turn)",
    """CREATE TABLE IF NOT EXISTS funds (setl_id TEXT NOT NULL, fund_pay_type TEXT NOT NULL,
    inscp_scp_amt BIGINT NOT NULL, crt_payb_lmt_amt BIGINT NOT NULL, fund_payamt BIGINT NOT NULL,
    PRIMARY KEY (setl_id, fund_pay_type))""",
    """CREATE TABLE IF NOT EXISTS calls (fixmedins_code TEXT NOT NULL, msgid TEXT NOT NULL,
    infno TEXT NOT NULL, nth BIGINT NOT NULL, psn_no TEXT NOT NULL, ref_id TEXT NOT NULL,
    undone TEXT NOT NULL, call_time TEXT NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (fixmedins_code, msgid, infno, nth))""",
    """CREATE TABLE IF NOT EXISTS clearings (clr_appy_evt_id TEXT PRIMARY KEY,
    fixmedins_code TEXT NOT NULL, clr_type TEXT NOT NULL, setlym TEXT NOT NULL,
    psntime BIGINT NOT NULL, medfee_sumamt BIGINT NOT NULL, fund_appy_sum BIGINT NOT NULL,
    acct_pay BIGINT NOT NULL, state TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS files (file_qury_no TEXT PRIMARY KEY,
    fixmedins_code TEXT NOT NULL, filename TEXT NOT NULL, dld_endtime TEXT NOT NULL,
    body TEXT NOT NULL)""",
)

_AROUND = (
    """CREATE TABLE IF NOT EXISTS setl_lists (setl_list_id TEXT PRIMARY KEY,
    setl_id TEXT NOT NULL UNIQUE, psn_no TEXT NOT NULL, stas_type TEXT NOT NULL,
    list_time TEXT NOT NULL, content TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS ownpay_visits (fixmedins_code TEXT NOT NULL,
    mdtrt_id TEXT NOT NULL, certno TEXT NOT NULL, psn_name TEXT NOT NULL,
    begntime TEXT NOT NULL, stated BIGINT NOT NULL, PRIMARY KEY (fixmedins_code, mdtrt_id))""",
    """CREATE TABLE IF NOT EXISTS ownpay_fees (fixmedins_code TEXT NOT NULL,
    mdtrt_id TEXT NOT NULL, bkkp_sn TEXT NOT NULL, amount BIGINT NOT NULL,
    vali_flag TEXT NOT NULL, PRIMARY KEY (fixmedins_code, mdtrt_id, bkkp_sn))""",
    """CREATE TABLE IF NOT EXISTS goods (goods_id TEXT PRIMARY KEY, fixmedins_code TEXT NOT NULL,
    infno TEXT NOT NULL, inv_data_type TEXT NOT NULL, fixmedins_bchno TEXT NOT NULL,
    med_list_codg TEXT NOT NULL, fixmedins_hilist_id TEXT NOT NULL, name TEXT NOT NULL,
    mdtrt_id TEXT NOT NULL, psn_no TEXT NOT NULL, psn_name TEXT NOT NULL,
    cnt BIGINT NOT NULL, trdn_flag TEXT NOT NULL, goods_time TEXT NOT NULL,
    vali_flag TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS goods_batch ON goods (fixmedins_code, fixmedins_bchno)",
    """CREATE TABLE IF NOT EXISTS traces (goods_id TEXT NOT NULL, drug_trac_codg TEXT NOT NULL,
    direction TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (goods_id, drug_trac_codg))""",
    # Each box is sold once: the second of two sales at the same moment fails here.
    """CREATE UNIQUE INDEX IF NOT EXISTS traces_sold ON traces (drug_trac_codg)
    WHERE direction = 'out' AND state = 'sold'""",
    "CREATE INDEX IF NOT EXISTS traces_code ON traces (drug_trac_codg, direction, state)",
    """CREATE TABLE IF NOT EXISTS tokens (ec_token TEXT PRIMARY KEY, psn_no TEXT NOT NULL,
    business TEXT NOT NULL, until TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS pay_orders (pay_ord_id TEXT PRIMARY KEY,
    fixmedins_code TEXT NOT NULL, med_org_ord TEXT NOT NULL, psn_no TEXT NOT NULL,
    mdtrt_id TEXT NOT NULL, chrg_bchno TEXT NOT NULL, insutype TEXT NOT NULL,
    med_type TEXT NOT NULL, acct_used_flag TEXT NOT NULL, ord_stas TEXT NOT NULL,
    setl_id TEXT NOT NULL, pay_token TEXT NOT NULL, revs_token TEXT NOT NULL,
    fee BIGINT NOT NULL, cash BIGINT NOT NULL, acct BIGINT NOT NULL, fund BIGINT NOT NULL,
    cash_refunded BIGINT NOT NULL, ord_time TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS recognitions (recog_id TEXT PRIMARY KEY, infno TEXT NOT NULL,
    psn_no TEXT NOT NULL, recog_biz TEXT NOT NULL, mdtrt_id TEXT NOT NULL, rslt TEXT NOT NULL,
    recog_time TEXT NOT NULL)""",
    # What was armed, and what became of it; rows are added, never changed. The key of the ends is
    # the guard: of two centres on the same books one uses an arming, the other fails.
    """CREATE TABLE IF NOT EXISTS armings (arm_id TEXT PRIMARY KEY, psn_no TEXT NOT NULL,
    terminal TEXT NOT NULL, armed_time TEXT NOT NULL, until TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS arming_ends (arm_id TEXT PRIMARY KEY, how TEXT NOT NULL,
    infno TEXT NOT NULL, msgid TEXT NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL)""",
    # Calls about strangers: where and when, never who. A message that comes again is a row again.
    """CREATE TABLE IF NOT EXISTS alarms (at TEXT NOT NULL, fixmedins_code TEXT NOT NULL,
    infno TEXT NOT NULL, msgid TEXT NOT NULL, terminal TEXT NOT NULL, place TEXT NOT NULL)""",
)

REFERENCE: Sequence[str] = ("persons", "insurances", "hospitals", "catalogue", "armings")
"""Tables that a settlement looks into and no settlement changes."""

KEYED: Mapping[str, str] = MappingProxyType(
    {"visits": "mdtrt_id", "fees": "mdtrt_id", "accounts": "psn_no", "cumulations": "psn_no"}
)
"""Tables whose rows a trial reads and the settlement after it reads again, and whose they are."""

SCHEMA: Sequence[str] = (*_PEOPLE, *_CATALOGUE, *_VISITS, *_SETTLEMENTS, *_AROUND)
"""CREATE statements for ``simulators.store``; they may be run again."""


def one(books: Books, sql: str, *values: object) -> Row | None:
    """The first row, or None."""
    rows = books.rows(sql, values)
    return rows[0] if rows else None


def settlement(books: Books, setl_id: str) -> Row | None:
    """A settlement that is still in the books (one that 2601 took back is not)."""
    return one(books, "SELECT * FROM settlements WHERE setl_id = ? AND vali_flag = '1'", setl_id)


def update(table: str, key: Row, changed: Row) -> Statement:
    """An UPDATE of the row with a key."""
    return _update(table, tuple(changed), tuple(key)), [*changed.values(), *key.values()]


@lru_cache(maxsize=1024)
def _update(table: str, changed: tuple[str, ...], key: tuple[str, ...]) -> str:
    settings = ", ".join(f"{name} = ?" for name in changed)
    where = " AND ".join(f"{name} = ?" for name in key)
    return f"UPDATE {table} SET {settings} WHERE {where}"


def delete(table: str, key: Row) -> Statement:
    """A DELETE of the rows with a key."""
    where = " AND ".join(f"{name} = ?" for name in key)
    return f"DELETE FROM {table} WHERE {where}", list(key.values())
