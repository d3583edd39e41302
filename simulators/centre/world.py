"""The people, hospitals and catalogues that a fresh centre knows, all generated from a seed.

Persons lie in the reserved namespace of ``harness.people``; codes of hospitals and items are
invented. ``KINDS`` names what each kind of person is there for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from harness import people, resources
from harness.model import Person
from simulators.centre.calc_money import PRICE_ONE, RATIO_ONE
from simulators.centre.ids import digits
from simulators.centre.transaction import Statement
from simulators.store import insert

HOSPITAL = "H43010019001"
"""Third-level hospital of the own region: 12 characters; a hospital in no register."""

OTHER_HOSPITAL = "H43010019002"
"""Second-level hospital of the same region."""

PHARMACY = "P43010019001"
"""A pharmacy of the own region."""

REGION = "430100"
"""Own place of insurance (division code)."""

PROVINCE_REGION, FAR_REGION = "430200", "440100"
"""Insured in the same province, and in another one."""

PERSONS_DEFAULT = 120
"""Persons of a world: a dozen of each kind."""

PERSONS_BRIEF = 24
"""Persons of a world for one scenario, which may add more: two of each kind."""

FAMILY_BALANCE_FEN = 300_000

_BEGIN, _END = "2020-01-01", "2099-12-31"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a person of a kind is insured as.

    Attributes:
        insutype: insurance that pays.
        psn_type: kind of insured person.
        state: ``psn_insu_stas``.
        civil, company, aided: who pays in addition.
        chronic: has a registered chronic disease.
        family: shares the account of the person with the next index.
        region: place of insurance.
        balance: own account, in fen; None draws it from the seed.
    """

    insutype: str = "310"
    psn_type: str = "11"
    state: str = "1"
    civil: bool = False
    company: bool = False
    aided: bool = False
    chronic: bool = False
    family: bool = False
    region: str = REGION
    balance: int | None = None


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "employee": Kind(),
        "retired": Kind(psn_type="12", chronic=True),
        "resident": Kind(insutype="390", psn_type="15", balance=0),
        "civil": Kind(civil=True),
        "company": Kind(company=True),
        "aided": Kind(insutype="390", psn_type="15", aided=True, chronic=True, balance=0),
        "family": Kind(family=True, balance=5_000),
        "holder": Kind(balance=FAMILY_BALANCE_FEN),
        "empty_account": Kind(balance=0),
        "province": Kind(region=PROVINCE_REGION),
        "far": Kind(region=FAR_REGION),
        "paused": Kind(state="2"),
    }
)
"""Kinds of persons, in turn: the person number i is of kind i modulo their count."""


def index_of(kind: str, nth: int = 0) -> int:
    """Index of the nth person of a kind."""
    return tuple(KINDS).index(kind) + nth * len(KINDS)


def person(seed: int, kind: str, nth: int = 0) -> Person:
    """The nth person of a kind in the world of a seed."""
    return people.generate(seed, index_of(kind, nth))


def card_number(who: Person) -> str:
    """Number of the social security card of a generated person."""
    return f"MHC{who.patient_id[2:]}"


def seed_world(seed: int, *, persons: int = PERSONS_DEFAULT) -> list[Statement]:
    """Statements that fill the books of a fresh centre.

    Args:
        seed: of the run.
        persons: how many; ``KINDS`` in turn.
    """
    return [*seed_town(), *seed_persons(seed, range(persons))]


def seed_town() -> list[Statement]:
    """What is the same for every seed: catalogues and hospitals."""
    statements: list[Statement] = [insert(table, row) for table, row in _catalogues()]
    return statements + [insert("hospitals", row) for row in _hospitals()]


def seed_persons(seed: int, indexes: Iterable[int]) -> list[Statement]:
    """The insured with these indexes."""
    kinds = tuple(KINDS.values())
    return [
        statement
        for index in indexes
        for statement in _person(seed, index, kinds[index % len(kinds)])
    ]


def _hospitals() -> list[dict[str, str]]:
    listed = (
        (HOSPITAL, "示例市第一医院", "1", "2", "3"),
        (OTHER_HOSPITAL, "示例市第二医院", "1", "5", "2"),
        (PHARMACY, "示例大药房", "2", "11", "1"),
    )
    return [
        {
            "fixmedins_code": code,
            "fixmedins_name": name,
            "uscc": f"MH{code}",
            "fixmedins_type": kind,
            "hosp_lv": grade,
            "level": level,
            "admdvs": REGION,
            "opened": "1",
        }
        for code, name, kind, grade, level in listed
    ]


def _person(seed: int, index: int, kind: Kind) -> list[Statement]:
    who = people.generate(seed, index)
    drawn = int(digits(seed, "balance", who.patient_id)) % 200_000
    other = people.generate(seed, index + 1).patient_id if kind.family else ""
    tables: list[tuple[str, dict[str, str | int]]] = [
        (
            "persons",
            {
                "psn_no": who.patient_id,
                "psn_cert_type": "01",
                "certno": who.id_card,
                "psn_name": who.name,
                "gend": "1" if who.sex == "M" else "2",
                "naty": "1",
                "brdy": f"{who.birth[:4]}-{who.birth[4:6]}-{who.birth[6:]}",
                "card_no": card_number(who),
                "card_sn": digits(seed, "card", who.patient_id, length=16),
                "family_psn_no": other,
            },
        ),
        (
            "insurances",
            {
                "psn_no": who.patient_id,
                "insutype": kind.insutype,
                "psn_type": kind.psn_type,
                "psn_insu_stas": kind.state,
                "psn_insu_date": _BEGIN,
                "paus_insu_date": "" if kind.state == "1" else "2024-01-01",
                "cvlserv_flag": str(int(kind.civil)),
                "company_flag": str(int(kind.company)),
                "maf_psn_flag": str(int(kind.aided)),
                "insuplc_admdvs": kind.region,
                "emp_name": "" if kind.insutype == "390" else "示例单位",
            },
        ),
        (
            "accounts",
            {"psn_no": who.patient_id, "balc": drawn if kind.balance is None else kind.balance},
        ),
    ]
    if kind.aided:
        row: dict[str, str | int] = {
            "psn_no": who.patient_id,
            "psn_idet_type": "23",
            "begntime": f"{_BEGIN} 00:00:00",
            "endtime": "",
        }
        tables.append(("identities", row))
    if kind.chronic:
        row = {
            "psn_no": who.patient_id,
            "opsp_dise_code": "I10.x00",
            "opsp_dise_name": "原发性高血压",
            "begndate": _BEGIN,
            "enddate": _END,
        }
        tables.append(("chronic", row))
    return [insert(table, row) for table, row in tables]


@lru_cache(maxsize=1)
def _catalogues() -> tuple[tuple[str, dict[str, str | int]], ...]:
    return (*_items(), *_diseases())


def _items() -> Iterator[tuple[str, dict[str, str | int]]]:
    path = resources.fixture("centre", "catalogue", "items.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values: dict[str, str | int] = dict(row)
            for name in ("ratio_310", "ratio_390"):
                values[name] = int(Decimal(row[name]) * RATIO_ONE)
            for name in ("limit_1", "limit_2", "limit_3"):
                values[name] = int(Decimal(row[name]) * PRICE_ONE)
            values |= {"begndate": _BEGIN, "enddate": _END, "updt_time": f"{_BEGIN} 00:00:00"}
            yield "catalogue", values


def _diseases() -> Iterator[tuple[str, dict[str, str | int]]]:
    path = resources.fixture("centre", "catalogue", "diseases.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield "diseases", {"diag_code": row["diag_code"], "diag_name": row["diag_name"]}
