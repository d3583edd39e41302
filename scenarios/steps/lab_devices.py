"""Sentences about analyzers of every protocol: HL7, framings of their own, POCT1-A2.

A device is named by its model file. What it measures comes from its own channels, with values that
it can write without loss, so the LIS must have exactly these again in the hospital's units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.model import Person
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import (
    SETTLE_S,
    drawn_value,
    items,
    nothing_expected,
    place,
    rows_expected,
)
from scenarios.steps.lab import order
from simulators.analyzer import families, lis_side
from simulators.analyzer.channels import Measured, channels, sender
from simulators.analyzer.model import AnalyzerModel, load_model
from simulators.analyzer.upload import Result, Tested

steps = Library("lab_devices")

UPLOAD_TIMEOUT_S = 200.0
"""Above every wait and repeat of the shipped models on one specimen."""

ITEMS_MAX = 5
"""Tests of one specimen: a short panel."""

INTERFACES = {"hl7": "LIS-HL7", "framed": "LIS-FRAMED", "poct1a": "LIS-POCT"}
"""Which interface is judged, by family."""


def device(world: World, name: str) -> AnalyzerModel:
    """The model behind a name, with the analyzer in the scenario."""
    model = load_model(name)
    if model.family not in INTERFACES:
        raise ScenarioError(tr("{name} is an ASTM analyzer; other sentences are about those",
                               name=name))  # fmt: skip
    if name not in world.state.setdefault("joined", set()):
        world.join(name, families.actor(model, world.clock), families.LINKS[model.family])
    return model


def panel(model: AnalyzerModel) -> list[Measured]:
    """The tests that scenarios use: known to the catalogue, the first of the file."""
    usable = [one for one in channels(model) if _known(one.item)]
    return usable[:ITEMS_MAX]


def _known(item: str) -> bool:
    row = items().get(item, {})
    return bool(row.get("low") or row.get("texts"))


@steps.given(
    "LIS已为检验设备{string}设置驱动",
    id="lab_devices.set-up",
    purpose="让 LIS 按设备自带的通道表、单位和帧格式接收结果",
    effect="内置 LIS：设置项目对照与端口；真实 LIS：由工程师事先配置，本句不做任何事",
    example="假如 LIS已为检验设备“beckman-au”设置驱动",
    gloss="The LIS is set up for a device",
)
def set_up(world: World, name: str) -> None:
    """At a LIS of the site the staff has done it."""
    model = device(world, name)
    if "LIS" not in world.bench.systems.hospital.roles:
        return
    if model.family == "framed":
        world.order("LIS", "configure_port", **lis_side.port(model))
    world.order("LIS", "configure_analyzer", **lis_side.settings(model, panel(model), items()))


@steps.given(
    "患者{string}的标本{string}已申请检验设备{string}的项目",
    id="lab_devices.ordered",
    purpose="让 LIS 里有一份该设备做得了的检验申请",
    effect="申请设备通道表中前几个项目，等到 LIS 收到为止",
    example="假如 患者“甲”的标本“管1”已申请检验设备“beckman-au”的项目",
    gloss="The LIS has an order for what a device can measure",
)
def ordered(world: World, person: str, specimen: str, name: str) -> None:
    """A generated person, a fresh specimen id, an order through the HIS."""
    order(world, person, specimen, [one.item for one in panel(load_model(name))])


# -- results ---------------------------------------------------------------------------------------


@steps.when(
    "检验设备{string}上传标本{string}的结果",
    id="lab_devices.upload",
    purpose="让仿真设备按自己的协议上传一份标本的全部项目",
    effect="数值由种子生成，小数位以设备写得出的为准",
    example="当 检验设备“mindray-bs”上传标本“管1”的结果",
    gloss="A device uploads everything that it measures of a specimen",
)
def upload(world: World, name: str, specimen: str) -> None:
    """One specimen, however many messages it takes."""
    _upload(world, name, specimen, "patient")


@steps.when(
    "检验设备{string}上传质控品{string}的结果",
    id="lab_devices.upload-quality-control",
    purpose="检查设备的质控结果与患者结果分开",
    effect="按设备的方式标明质控",
    example="当 检验设备“mindray-bs”上传质控品“批号1”的结果",
    gloss="A device uploads a quality control specimen",
)
def upload_quality_control(world: World, name: str, lot: str) -> None:
    """However the protocol marks it."""
    world.specimen(lot, "")
    _upload(world, name, lot, "quality-control")


@steps.when(
    "检验设备{string}断电重启后，从头编号上传标本{string}的结果",
    id="lab_devices.upload-after-restart",
    purpose="检查控制号重新从 1 开始时，新结果不被当作旧报文丢弃",
    effect="报文控制号与此前的相同，内容是另一份标本",
    example="当 检验设备“mindray-bs”断电重启后，从头编号上传标本“管2”的结果",
    gloss="A device that was restarted counts its messages from one again",
)
def upload_after_restart(world: World, name: str, specimen: str) -> None:
    """The same control ids as before."""
    world.state.setdefault("message ids", {}).pop(name, None)
    _upload(world, name, specimen, "patient")


def _upload(world: World, name: str, specimen: str, kind: str) -> None:
    model = device(world, name)
    count = world.state["device uploads"] = world.state.get("device uploads", 0) + 1
    # The device measured some minutes before: the LIS must keep that time where it is told.
    time = world.clock.wall() - timedelta(minutes=5 + int(world.draw("measured", count) * 55))
    results = [_result(world, one, specimen) for one in panel(model)]
    tested = Tested(
        barcode=world.barcode(specimen),
        results=results,
        person=_person(world, model, specimen),
        quality_control=kind == "quality-control",
    )
    ids = world.state.setdefault("message ids", {})
    first_id = ids.get(name, 1)
    sent = families.payloads(model, [tested], first_id=first_id, time=time)
    ids[name] = first_id + len(sent)
    _remember(world, model, specimen, results, time)
    args: dict[str, Any] = {"payloads": [one.hex() for one in sent]}
    world.tell(name, "upload", UPLOAD_TIMEOUT_S, **args)


def _person(world: World, model: AnalyzerModel, specimen: str) -> Person | None:
    """An instrument with a framing of its own knows tubes, and nobody's name."""
    owner = world.owners.get(specimen, "")
    return world.known_person(owner) if owner and model.family != "framed" else None


def _result(world: World, one: Measured, specimen: str) -> Result:
    row = items()[one.item]
    texts = row.get("texts")
    if texts:
        value = str(texts[int(world.draw("value", one.item, specimen) * len(texts))])
    else:
        value = _rounded(drawn_value(world, one.item, specimen), one.kept(int(row["decimals"])))
    return Result(item=one.item, value=value, unit=str(row["unit"]))


def _rounded(text: str, decimals: int) -> str:
    """Cut to what the instrument can write."""
    whole, _, part = text.partition(".")
    return f"{whole}.{part[:decimals]}" if decimals else whole


def _remember(
    world: World, model: AnalyzerModel, specimen: str, results: Sequence[Result], time: datetime
) -> None:
    """What the LIS must have: columns by item."""
    units = _units(model)
    known = world.state.setdefault("device results", {}).setdefault(world.barcode(specimen), {})
    for one in results:
        known[one.item] = {
            "item": one.item,
            "value": one.value,
            "unit": one.unit or units.get(one.item, ""),
            "instrument": sender(model),
            # An instrument with a framing of its own tells the LIS no time that it could keep.
            "tested_at": "" if model.family == "framed" else time.strftime("%Y%m%d%H%M%S"),
        }


def _units(model: AnalyzerModel) -> Mapping[str, str]:
    """Units that the device writes where the catalogue has none."""
    section = getattr(model, model.family)
    tests = section.analytes if model.family == "poct1a" else section.channels
    return {item: one.unit for item, one in tests.items()}


def _sent(world: World, specimen: str) -> list[dict[str, str]]:
    known: dict[str, dict[str, dict[str, str]]] = world.state.get("device results", {})
    rows = known.get(world.barcode(specimen))
    if not rows:
        raise ScenarioError(tr("no device uploaded {specimen}", specimen=specimen))
    return list(rows.values())


@steps.then(
    "{duration}内LIS中标本{string}的结果应与检验设备{string}所测一致",
    id="lab_devices.stored",
    purpose="核对设备的每个结果在 LIS 里恰好一份：项目、数值、单位、时间、患者、仪器",
    effect="查询探针 lis-results，不多、不少、不改、不串",
    example="那么 5秒内LIS中标本“管1”的结果应与检验设备“mindray-bs”所测一致",
    gloss="The LIS has exactly what the device measured",
)
def stored(world: World, limit_s: float, specimen: str, name: str) -> Expectation:
    """Exactly these rows, each once, and so they stay."""
    owner = world.owner(specimen)
    rows = [row | {"patient_id": owner.patient_id} for row in _sent(world, specimen)]
    return rows_expected(
        probe="lis-results",
        args={"barcode": world.barcode(specimen)},
        interface=INTERFACES[load_model(name).family],
        table="results",
        key=["item"],
        rows=rows,
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )


@steps.then(
    "{duration}内LIS中标本{string}除项目{string}外的结果应与检验设备{string}所测一致",
    id="lab_devices.stored-but",
    purpose="核对链路上损坏的结果没有入库，其余的都在",
    effect="查询探针 lis-results；被排除的项目不得出现",
    example="那么 5秒内LIS中标本“管1”除项目“K”外的结果应与检验设备“vitros-750”所测一致",
    gloss="The LIS has everything but one result",
)
def stored_but(world: World, limit_s: float, specimen: str, item: str, name: str) -> Expectation:
    """The damaged one is not there, in no form."""
    owner = world.owner(specimen)
    rows = [row | {"patient_id": owner.patient_id} for row in _sent(world, specimen)]
    return rows_expected(
        probe="lis-results",
        args={"barcode": world.barcode(specimen)},
        interface=INTERFACES[load_model(name).family],
        table="results",
        key=["item"],
        rows=[row for row in rows if row["item"] != item],
        limit_s=limit_s,
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "altered"},
    )


@steps.then(
    "{duration}内LIS的质控结果中应有检验设备{string}的质控品{string}",
    id="lab_devices.quality-control-stored",
    purpose="核对设备的质控结果进入质控库",
    effect="查询探针 lis-quality-control",
    example="那么 5秒内LIS的质控结果中应有检验设备“mindray-bs”的质控品“批号1”",
    gloss="The quality control results of a device are where they belong",
)
def quality_control_stored(world: World, limit_s: float, name: str, lot: str) -> Expectation:
    """In the quality control table, each once; it keeps values as they were sent."""
    return rows_expected(
        probe="lis-quality-control",
        args={"lot": world.barcode(lot)},
        interface=INTERFACES[load_model(name).family],
        table="quality_control",
        key=["item"],
        rows=[
            {
                "item": row["item"],
                "value": Value(op="decimal", expected=row["value"]),
                "instrument": row["instrument"],
            }
            for row in _sent(world, lot)
        ],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内LIS中检验设备{string}的质控品{string}不应成为患者结果，而标本{string}的结果可见",
    id="lab_devices.quality-control-apart",
    purpose="核对质控结果没有进入患者结果；另一标本作为阳性对照",
    effect="在整个时限内查询探针 lis-results，对照标本必须查得到",
    example="那么 1秒内LIS中检验设备“mindray-bs”的质控品“批号1”不应成为患者结果，"
    "而标本“管1”的结果可见",
    gloss="No control becomes a patient's result",
)
def quality_control_apart(
    world: World, limit_s: float, name: str, lot: str, control: str
) -> Expectation:
    """Silence, with a positive control."""
    return nothing_expected(
        probe="lis-results",
        args={"barcode": world.barcode(lot)},
        control_args={"barcode": world.barcode(control)},
        interface=INTERFACES[load_model(name).family],
        table="results",
        limit_s=limit_s,
    )


# -- orders ----------------------------------------------------------------------------------------


@steps.when(
    "检验设备{string}查询标本{string}的申请",
    id="lab_devices.ask",
    purpose="让设备按自己的查询方式向 LIS 要该标本的待做项目",
    effect="等到 LIS 答复或设备的等待时间到",
    example="当 检验设备“mindray-bs”查询标本“管1”的申请",
    gloss="A device asks for the orders of a tube",
)
def ask(world: World, name: str, specimen: str) -> None:
    """What it understood of the answer goes into the trace."""
    device(world, name)
    barcode = world.barcode(specimen)
    answer = world.tell(name, "query", UPLOAD_TIMEOUT_S, barcode=barcode)
    told: dict[str, list[str]] = {}
    for one in answer["orders"]:  # some protocols order each test by itself
        tests = told.setdefault(str(one.get("barcode", "")), [])
        tests += [*one.get("tests", []), *(f"?{code}" for code in one.get("unknown", []))]
    for known, tests in told.items():
        world.trace.add("note", role=name, text="order", barcode=known,
                        tests="、".join(sorted(tests)))  # fmt: skip


@steps.then(
    "{duration}内检验设备{string}收到的申请应为标本{string}的全部项目",
    id="lab_devices.told",
    purpose="核对设备读懂的申请：标本与项目不多不少",
    effect="以设备解读的答复为准，恰好一份",
    example="那么 1秒内检验设备“mindray-bs”收到的申请应为标本“管1”的全部项目",
    gloss="The device is told to run exactly what is ordered",
)
def told(world: World, limit_s: float, name: str, specimen: str) -> Expectation:
    """One order, for this tube, with these tests."""
    model = load_model(name)
    interface = INTERFACES[model.family]
    tests = "、".join(sorted(one.item for one in panel(model)))
    where = place(interface, "hl7" if model.family == "hl7" else "framed", "")
    return Expectation(
        mode="eventually",
        select=Selector(kind="note", where={"role": name, "text": "order"}),
        wanted=[
            Wanted(
                key={"barcode": world.barcode(specimen)},
                checks=[Check(path="tests", value=Value(expected=tests), place=where)],
            )
        ],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=min(SETTLE_S, limit_s),
        classes={"missing": "lost", "repeated": "duplicate", "unwanted": "invented"},
    )
