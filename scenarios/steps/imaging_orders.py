"""Sentences about imaging: orders of the HIS to the RIS over HL7, and what it hears back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from harness import limits
from harness.errors import Blocked, HarnessError, ScenarioError
from harness.evidence.expect import Expectation
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.link.address import Address
from harness.model import Outcome, Person
from harness.probes import probe
from harness.scenario.hospital import not_ours
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging_judge import rows_seen
from scenarios.steps.imaging_planned import Planned, by_person
from scenarios.steps.imaging_site import DAYS, device_model, site
from simulators.hospital import his_imaging
from simulators.hospital.his_imaging import ImagingOrders
from simulators.hospital.ris_feed import ORDERS, STATES
from simulators.hospital.ris_orders import CODECS
from simulators.modality.images import latin_name
from simulators.store import open_store

steps = Library("imaging")

INTERFACE: Final = "RIS-ORD"
NAME: Final = "HIS检查申请"
CHARSETS: Final[Mapping[str, str]] = {"GB18030": "GB 18030-2000", "UTF-8": "UNICODE UTF-8"}
"""Character sets of the feed as sentences name them, and MSH-18 of each."""

ANSWER_S: Final = 10.0
"""Every message is answered within this, a restart of the RIS included."""


@dataclass(slots=True)
class _OrdersProbe:
    """What the HIS knows of its orders: one row each."""

    world: World
    name: str = "his-imaging-orders"
    role: str = "HIS"

    def ask(self, args: Mapping[str, str]) -> probe.Answer:
        """Look once: the order ``accession``."""
        try:
            rows = self.world.bench.driver.command(NAME, "states", {}, limits.CONTROL_TIMEOUT_S)
        except HarnessError as error:
            return probe.Answer(outcome=Outcome.UNKNOWN, error=str(error))
        found = [{key: str(value) for key, value in row.items()} for row in rows
                 if row["accession"] == args["accession"]]  # fmt: skip
        return probe.Answer(outcome=Outcome.OK, rows=found)

    def close(self) -> None:
        """Nothing is held."""


def his(world: World) -> None:
    """The orders of the HIS, joined once a scenario, and wired to the RIS both ways.

    Raises:
        Blocked: the profile has no link for orders, or the RIS is the site's.
    """
    if "imaging orders" in world.state:
        return
    here = site(world)
    for link in (ORDERS, STATES):
        if link not in world.bench.specs:
            raise Blocked(tr("the profile has no link to the {role}", role="RIS"),
                          remedy=f"[endpoints.{link}]")  # fmt: skip
    if not here.ours("RIS"):
        raise not_ours("RIS")
    world.state["imaging orders"] = True
    here.order("RIS", "clear")
    systems = here.systems()
    store = open_store(":memory:", his_imaging.TABLES, durable=False)
    bench = world.bench
    bench.join(NAME, ImagingOrders(store, world.clock), (), world.guard, store=store)
    member: Any = bench.driver.members[NAME]
    member.routes[ORDERS] = systems.address("RIS", ORDERS)
    where: Address = member.listen(STATES)
    systems.route("RIS", STATES, where)
    world.state["imaging states"] = where
    probes: Any = bench.probes
    probes["his-imaging-orders"] = _OrdersProbe(world)
    world.at_end.append(lambda: probes.pop("his-imaging-orders", None))


def tell(world: World, name: str, planned: Planned, /, *, wait: bool = True, **more: str) -> None:
    """One message of the HIS about an examination; waits until it is answered, unless told.

    At a HIS that persons work at it is a card, done when the message is seen to pass.
    """
    if by_person(world, "HIS"):
        _ask_person(world, name, planned, more.get("name", ""))
        return
    his(world)
    exam = planned.exam
    person: Person = exam.person
    row = {
        "placer": f"HP{exam.accession[2:]}", "patient_id": person.patient_id, "name": person.name,
        "latin": latin_name(person), "birth": person.birth, "sex": person.sex,
        "accession": exam.accession, "procedure_id": exam.procedure_id,
        "description": exam.description, "study": exam.study, "sps_id": exam.step_id,
        "modality": device_model(planned.device).modality, "station": planned.station,
        "date": planned.date, "time": planned.time,
        "charset": world.state.get("imaging charset", CHARSETS["GB18030"]), **more,
    }  # fmt: skip
    if name == "update":
        del row["placer"]
    world.tell(NAME, name, ANSWER_S, **row)
    if wait:
        settled(world)


def _ask_person(world: World, name: str, planned: Planned, called: str = "") -> None:
    exam, device = planned.exam, device_model(planned.device)
    latin = planned.latin or latin_name(exam.person)
    world.order("HIS", f"exam-{name}", patient_id=exam.person.patient_id,
                name=called or exam.person.name,
                latin=latin, accession=exam.accession, study=exam.study,
                procedure_id=exam.procedure_id, sps_id=exam.step_id,
                description=exam.description, modality=device.modality,
                device=planned.device, date=planned.date, time=planned.time)  # fmt: skip


def settled(world: World) -> None:
    """Wait until every message of the HIS has its answer; what has none shows at the judge."""

    def quiet() -> bool:
        pending = world.bench.driver.command(NAME, "pending", {}, limits.CONTROL_TIMEOUT_S)
        return not pending

    driver = world.bench.driver
    until = world.clock.now() + ANSWER_S
    while not quiet() and world.clock.now() < until:
        driver.idle(world.clock.now() + 0.02)


# ---- orders


@steps.given(
    "HIS的检查申请以{string}编码",
    id="imaging.order-charset",
    purpose="选择 HIS 检查申请报文的字符集",
    effect="MSH-18 与报文字节：GB18030 或 UTF-8；不写时为 GB18030",
    example="假如 HIS的检查申请以“UTF-8”编码",
    gloss="The HIS writes its imaging orders in this character set",
)
def order_charset(world: World, charset: str) -> None:
    """For all orders of the scenario."""
    if charset not in CHARSETS or CHARSETS[charset] not in CODECS:
        raise ScenarioError(tr("no character set {name}", name=charset))
    world.state["imaging charset"] = CHARSETS[charset]


@steps.when(
    "HIS经HL7为患者{string}在设备{string}上申请检查{string}",
    id="imaging.order",
    purpose="让 HIS 的检查申请进入 RIS 的工作列表",
    effect="OMI^O23，ORC-1 为 NW，IPC 带检查号、Study UID、步骤号、设备类型与站点；等到应答",
    example="当 HIS经HL7为患者“甲”在设备“CT”上申请检查“检1”",
    gloss="The HIS orders an examination over HL7",
)
def order(world: World, person: str, device: str, exam: str) -> None:
    """NW."""
    here = site(world)
    tell(world, "order", here.plan(exam, person, device, "今天", ""))


@steps.when(
    "HIS经HL7把检查{string}改到{string}的{string}",
    id="imaging.order-change",
    purpose="检查改期随之进入工作列表",
    effect="OMI^O23，ORC-1 为 XO；日期为昨天、今天、明天，时间为六位",
    example="当 HIS经HL7把检查“检1”改到“明天”的“141500”",
    gloss="The HIS moves an examination to another day and time over HL7",
)
def order_change(world: World, exam: str, day: str, time: str) -> None:
    """XO."""
    if day not in DAYS:
        raise ScenarioError(tr("no day {day}", day=day))
    planned = site(world).known(exam)
    planned.date = f"{world.clock.wall() + timedelta(days=DAYS[day]):%Y%m%d}"
    planned.time = time
    tell(world, "change", planned)


@steps.when(
    "HIS经HL7取消检查{string}",
    id="imaging.order-cancel",
    purpose="检查取消的申请不再出现在工作列表",
    effect="OMI^O23，ORC-1 为 CA；等到应答",
    example="当 HIS经HL7取消检查“检1”",
    gloss="The HIS cancels an examination over HL7",
)
def order_cancel(world: World, exam: str) -> None:
    """CA."""
    tell(world, "cancel", site(world).known(exam))


@steps.when(
    "HIS经HL7以错误姓名申请检查{string}（患者{string}、设备{string}），随后更正姓名",
    id="imaging.order-rename",
    purpose="检查患者改名随 HL7 进入工作列表",
    effect="OMI^O23 带另一名生成患者的姓名，再以 ADT^A08 改为登记姓名",
    example="当 HIS经HL7以错误姓名申请检查“检1”（患者“甲”、设备“CT”），随后更正姓名",
    gloss="The HIS orders under a wrong name, which it then corrects with an ADT message",
)
def order_rename(world: World, exam: str, person: str, device: str) -> None:
    """A08."""
    here = site(world)
    planned = here.plan(exam, person, device, "今天", "")
    wrong = world.person(f"误登 {exam}")
    tell(world, "order", planned, name=wrong.name)
    tell(world, "update", planned)


@steps.when(
    "RIS断电期间HIS经HL7为患者{string}在设备{string}上申请检查{string}",
    id="imaging.order-while-down",
    purpose="检查 RIS 停机时的申请在恢复后不丢不重",
    effect="结束 RIS 的进程，HIS 发出申请（无人应答，存于发件箱），RIS 以原存储启动后等到应答",
    example="当 RIS断电期间HIS经HL7为患者“甲”在设备“CT”上申请检查“检1”",
    gloss="The HIS orders an examination while the RIS has lost its power",
)
def order_while_down(world: World, person: str, device: str, exam: str) -> None:
    """Stored before it is sent, and sent until it is answered."""
    his(world)
    here = site(world)
    fault = world.plan(
        Fault(id=world.next_fault(), fault_class="img-W14", layer="process", action="kill",
              link=ORDERS, sender="RIS")
    )  # fmt: skip
    planned = here.plan(exam, person, device, "今天", "")
    systems = here.systems()
    systems.cut("RIS")
    world.injector.process(fault, "fired", "the RIS lost its power")
    tell(world, "order", planned, wait=False)
    systems.route("RIS", STATES, world.state["imaging states"])
    world.injector.process(fault, "healed", "the RIS is back")
    settled(world)


@steps.when(
    "{string}断电后重新启动，HIS随后经HL7取消检查{string}",
    id="imaging.order-after-restart",
    purpose="检查 RIS 断电后仍认得之前应答过的申请",
    effect="结束 RIS 的进程，以原存储启动，再发 ORC-1 为 CA 的 OMI^O23",
    example="当 “RIS”断电后重新启动，HIS随后经HL7取消检查“检1”",
    gloss="The RIS loses its power and is started again, then the HIS cancels over HL7",
)
def order_after_restart(world: World, role: str, exam: str) -> None:
    """What was acknowledged is still there."""
    if role != "RIS":
        raise ScenarioError(tr("{role} is no imaging system of ours", role=role))
    his(world)
    fault = world.plan(
        Fault(id=world.next_fault(), fault_class="img-W14", layer="process", action="kill",
              link=ORDERS, sender="RIS")
    )  # fmt: skip
    systems = site(world).systems()
    systems.restart("RIS")
    world.injector.process(fault, "fired", "the RIS lost its power")
    systems.route("RIS", STATES, world.state["imaging states"])
    world.injector.process(fault, "healed", "the RIS is back")
    tell(world, "cancel", site(world).known(exam))


@steps.when(
    "HIS经HL7重发检查{string}的申请，控制号不同",
    id="imaging.order-again",
    purpose="检查同一步骤的第二个新申请被拒绝，工作列表不重",
    effect="再发一条 ORC-1 为 NW 的 OMI^O23，步骤号相同，MSH-10 不同",
    example="当 HIS经HL7重发检查“检1”的申请，控制号不同",
    gloss="The HIS orders the same step again under another control id",
)
def order_again(world: World, exam: str) -> None:
    """NW for a step that is there."""
    tell(world, "order", site(world).known(exam))


# ---- what the HIS hears


@steps.then(
    "{duration}内HIS记录的检查{string}状态应为{string}，各申请报文的结果应为{string}",
    id="imaging.order-state",
    purpose="核对检查状态回报 HIS，以及 RIS 对每条申请的应答",
    effect="HIS 的申请表：OMG^O19 带回的状态（表0038：IP 进行、CM 完成、DC 中止、CA 取消），"
    "未回报时为最后的申请控制码；各报文按先后为 accepted 或 refused",
    example="那么 5秒内HIS记录的检查“检1”状态应为“CM”，各申请报文的结果应为“accepted”",
    gloss="The HIS knows the state of an order, and its messages ended like this",
)
def order_state(world: World, limit_s: float, exam: str, state: str, answers: str) -> Expectation:
    """What came back over HL7."""
    his(world)
    planned = site(world).known(exam)
    accession = planned.exam.accession
    row = {"accession": accession, "state": state, "answers": answers,
           "patient_id": planned.exam.person.patient_id}  # fmt: skip
    return rows_seen(
        probe="his-imaging-orders", args={"accession": accession}, interface=INTERFACE,
        key="accession", rows=[{**row}], limit_s=limit_s, place="ORC", clause="HL7 2.5.1 §4.5.1",
    )  # fmt: skip
