"""A look at a centre: every habit that its profile does not say is found, and nothing else."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness import people
from harness.errors import PermitError
from harness.identity import IdentityGuard
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import encode
from simulators.bridge.caller import Caller
from simulators.bridge.compare import Comparer
from simulators.bridge.exchange import UnansweredError, exchange
from simulators.bridge.probe import Probe
from simulators.bridge.probe_site import claims
from simulators.centre import ids, provinces
from tests.simulators.centre.hospital import CHINA, SEED, Site

ME = people.generate(SEED, 0)
NOBODY = people.generate(SEED, 999_983)
DIGITS = ids.digits


def look(site: Site, profile: str = "hunan", *, write: bool = False, **how: bool) -> Probe:
    caller = Caller(provinces.load_province(profile))

    def ask(request: HttpRequest) -> HttpResponse:
        return exchange(site.address, request, 10)

    probe = Probe(caller, ask, ME, NOBODY, lambda: datetime.now(CHINA))
    probe.run(write=write, **how)
    return probe


def told(probe: Probe) -> set[tuple[str, str]]:
    return {(one.place, one.kind) for one in probe.findings.values()}


@pytest.mark.slow
@pytest.mark.parametrize("province", provinces.names())
def test_a_centre_of_the_same_province_differs_in_nothing(tmp_path: Path, province: str) -> None:
    site = Site(tmp_path, province)
    probe = look(site, province, write=True)

    assert (told(probe), probe.complete, probe.left_behind) == (set(), True, False)
    compared = {one.infno for one in probe.asked if one.outcome == "compared"}
    assert {"9001", "1101", "1312", "2204", "2206", "2207", "5203", "2208"} <= compared
    assert site.count("settlements") == 2
    assert probe.asked[-1].infno == "9002"
    site.close()


def like_a_card(seed: int, *about: object, length: int = 18) -> str:
    """A number of the centre's that would pass for an identity card number."""
    drawn = DIGITS(seed, *about, length=length)
    if length != 18:
        return drawn
    first = next(
        one
        for last in range(10)
        if people.check_character(one := f"{drawn[:10]}01{drawn[12:16]}{last}") != "X"
    )
    return first + people.check_character(first)


def test_numbers_that_the_centre_gave_are_nobodys_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "digits", like_a_card)
    site = Site(tmp_path)
    watch = IdentityGuard((ME, NOBODY), subjects=(), readers={"insurance": claims})
    probe = Probe(
        Caller(provinces.load_province("hunan")), lambda one: exchange(site.address, one, 10),
        ME, NOBODY, lambda: datetime.now(CHINA), guard=lambda one: watch.check("insurance", one),
    )  # fmt: skip
    probe.run(write=True)

    assert (told(probe), probe.complete, site.count("settlements")) == (set(), True, 2)
    given = f'{{"input":{{"data":{{"mdtrt_id":"{probe.known.mdtrt_id}"}}}}}}'.encode()
    with pytest.raises(PermitError):
        watch.check("insurance", given)
    watch.check("insurance", probe._without_given(given))
    with pytest.raises(PermitError):  # under another name it is somebody's
        watch.check("insurance", probe._without_given(given.replace(b"mdtrt_id", b"certno")))
    site.close()


def test_without_leave_to_write_the_books_stay_as_they_are(tmp_path: Path) -> None:
    site = Site(tmp_path)
    probe = look(site)

    assert probe.complete
    assert (site.count("settlements"), site.count("visits"), site.count("calls")) == (0, 0, 0)
    site.close()


def envelope_of(**changed: Any) -> dict[str, Any]:
    rules = provinces.load_province("hunan").envelope
    return {"envelope": rules.model_copy(update=changed)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        (envelope_of(infcode_as="text"), {"text-code"}),
        (envelope_of(infcode_failed=1), {"failed-code"}),
        (envelope_of(encoding="gb18030"), {"encoding"}),
        (envelope_of(division_code="439900"), {"division"}),
        (envelope_of(numbers_as="text"), {"number-as-text"}),
        (envelope_of(empty_as="null"), {"null"}),
        (envelope_of(empty_as="word"), {"word-null"}),
        (envelope_of(rows_as="lists"), {"array-for-object"}),
        ({"sign_in": "required"}, {"policy"}),
        ({"policy": {"wording": {"unknown_person": "查无此人"}}}, {"wording"}),
        (
            {"codes": provinces.Codes(added={"med_type": {"12": "a", "21": "b", "77": "c"}})},
            {"code-added"},
        ),
        (
            {
                "codes": provinces.Codes(
                    added={"med_type": {"12": "a", "21": "b"}}, removed={"insutype": ("320",)}
                )
            },
            {"code-lacking"},
        ),
    ],
)
def test_each_habit_is_found_and_only_that(
    tmp_path: Path, changed: dict[str, Any], kinds: set[str]
) -> None:
    site = Site(tmp_path, "hunan", **changed)
    probe = look(site, write=True)

    assert {kind for _, kind in told(probe)} == kinds
    if kinds & {"number-as-text", "array-for-object"}:
        assert {"2207", "2208"} <= {place[:4] for place, _ in told(probe)}
    site.close()


def test_another_gateway_is_one_difference_and_can_be_found_out(tmp_path: Path) -> None:
    site = Site(tmp_path, "guangdong")
    outside = look(site)
    assert told(outside) == {("HTTP status", "status")}
    assert not outside.complete

    inside = look(site, discover=True)
    assert {("gateway family", "gateway"), ("gateway path", "gateway")} <= told(inside)
    assert ("1901 list mdtrt_cert_type", "code-added") in told(inside)
    assert inside.complete
    site.close()


def test_another_protection_is_told_as_what_was_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, "hubei", gateway=provinces.load_province("hunan").gateway)
    probe = look(site)

    assert {("9001 answer", "refused"), ("1101 answer", "refused")} <= told(probe)
    assert not probe.complete
    site.close()


def test_a_visit_that_cannot_be_taken_back_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.order("fault", id="f", action="F16", infno=["2208"])
    assert look(site, write=True).left_behind
    site.close()


def test_a_centre_that_does_not_answer_leaves_the_look_incomplete() -> None:
    def silent(_request: HttpRequest) -> HttpResponse:
        raise UnansweredError("no answer")

    caller = Caller(provinces.load_province("hunan"))
    probe = Probe(caller, silent, ME, NOBODY, lambda: datetime.now(CHINA))
    probe.run()
    assert (probe.findings, probe.complete) == ({}, False)
    assert [one.outcome for one in probe.asked] == ["unanswered"]


# -- one answer ----------------------------------------------------------------------------------


def compared(output: Any, infno: str = "1101", **members: Any) -> set[tuple[str, str]]:
    province = provinces.load_province("hunan")
    whole = {
        "infcode": 0, "inf_refmsgid": "4300002026", "refmsg_time": "2" * 17,
        "respond_time": "2" * 17, "err_msg": "", "output": output,
    } | members  # fmt: skip
    kept = {name: value for name, value in whole.items() if value is not ...}
    headers = (("Content-Type", "application/json;charset=UTF-8"),)
    response = HttpResponse(headers=headers, payload=encode(kept))
    found = Comparer(province, province.spec()).answer(infno, response)
    return {(one.place, one.kind) for one in found.differences}


BASE = {
    "psn_no": "P1", "psn_cert_type": "01", "certno": "1", "psn_name": "甲", "gend": "1",
    "naty": "1", "brdy": "1970-01-01", "age": Decimal("55.1"), "exp_content": "",
}  # fmt: skip


def person(**changed: Any) -> dict[str, Any]:
    row = {name: value for name, value in (BASE | changed).items() if value is not ...}
    return {"baseinfo": row, "insuinfo": [], "idetinfo": []}


def test_an_answer_by_the_specification_shows_nothing() -> None:
    assert compared(person()) == set()


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"age": "55.1"}, "number-as-text"),
        ({"age": ""}, "empty-number"),
        ({"age": Decimal("55.15")}, "decimals"),
        ({"age": 12345}, "long"),
        ({"gend": "7"}, "code"),
        ({"gend": None}, "null"),
        ({"gend": "null"}, "word-null"),
        ({"psn_name": ""}, "empty-required"),
        ({"psn_name": "甲" * 200}, "long"),
        ({"psn_no": 17}, "number-for-text"),
        ({"brdy": "1970-01-01 00:00:00.0"}, "format"),
        ({"psn_name": {"a": 1}}, "kind"),
    ],
)
def test_a_value_that_is_otherwise(changed: dict[str, Any], kind: str) -> None:
    (name,) = changed
    assert compared(person(**changed)) == {(f"1101 output.baseinfo.{name}", kind)}


def test_fields_and_nodes_that_are_missing_renamed_or_more() -> None:
    assert compared(person(gend=...)) == {("1101 output.baseinfo.gend", "missing")}
    assert compared(person(gend=..., Gend="1")) == {("1101 output.baseinfo.gend", "renamed")}
    assert compared(person(psnName="甲", psn_name=...)) == {
        ("1101 output.baseinfo.psn_name", "renamed")
    }
    assert compared(person(own="x")) == {("1101 output.baseinfo.own", "extra")}
    assert compared({"insuinfo": []}) == {("1101 output.baseinfo", "missing")}
    assert compared({"baseInfo": BASE}) == {("1101 output.baseinfo", "renamed")}
    assert compared(person() | {"more": []}) == {("1101 output.more", "extra")}
    single = compared(person() | {"insuinfo": {}})
    assert ("1101 output.insuinfo", "object-for-array") in single


def test_members_of_the_envelope() -> None:
    assert compared(person(), err_msg=None) == {("envelope err_msg", "null")}
    assert compared(person(), refmsg_time=...) == {("envelope refmsg_time", "missing")}
    assert compared(person(), refmsg_time=..., refmsgTime="2" * 17) == {
        ("envelope refmsg_time", "renamed")
    }
    assert compared(person(), warn_msg="x") == {("envelope warn_msg", "extra")}
    assert compared(person(), respond_time="2026-01-01") == {("envelope respond_time", "format")}
    assert compared("{}") == {
        ("envelope output", "output-as-text"), ("1101 output.baseinfo", "missing"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("response", "difference"),
    [
        (HttpResponse(status=502, payload=b"<html>"), ("HTTP status", "status")),
        (
            HttpResponse(headers=(("Content-Type", "application/json"),), payload=b"{"),
            ("HTTP body", "json"),
        ),
        (
            HttpResponse(
                headers=(("Content-Type", "application/json;charset=UTF-8"),),
                payload='{"err_msg": "甲"}'.encode("gbk"),
            ),
            ("HTTP header charset", "charset"),
        ),
        (
            HttpResponse(
                headers=(("Content-Type", "application/json"),), payload=b"\xef\xbb\xbf{}"
            ),
            ("HTTP body", "bom"),
        ),
        (
            HttpResponse(headers=(("Content-Type", "text/plain"),), payload=b"{}"),
            ("HTTP header Content-Type", "header"),
        ),
    ],
)
def test_transport(response: HttpResponse, difference: tuple[str, str]) -> None:
    province = provinces.load_province("hunan")
    found = Comparer(province, province.spec()).answer("1101", response)

    assert difference in {(one.place, one.kind) for one in found.differences}


def test_nobody_but_the_test_person_leaves() -> None:
    guard = IdentityGuard((ME,), readers={"insurance": claims})
    mine = encode({"input": {"data": {"certno": ME.id_card, "psn_name": ME.name}}})
    guard.check("insurance", mine)
    for name, value in (("certno", NOBODY.id_card), ("psn_name", "王某某")):
        with pytest.raises(PermitError):
            guard.check("insurance", encode({"data": {name: value}}))
