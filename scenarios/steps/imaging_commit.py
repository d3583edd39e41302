"""Sentences about imaging: safekeeping, over every way that a report may take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.link.dicom_scp import free_port
from harness.model import Place
from harness.scenario.hospital import not_ours
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging import device_of
from scenarios.steps.imaging_judge import PACS, STATUS_S, retrieved
from scenarios.steps.imaging_planned import by_person
from scenarios.steps.imaging_site import site
from simulators.hospital import pacs_commit
from simulators.modality import modality
from simulators.modality.images import uid

steps = Library("imaging")

REPORT_S: Final = 5.0
"""A report of commitment comes within this, or counts as missing."""

POLICIES: Final = {"新的连接": pacs_commit.NEW, "请求的连接": pacs_commit.SAME,
                   "设备的下一次连接": pacs_commit.NEXT}  # fmt: skip
"""Ways of reports as sentences name them, and as the built-in PACS is told."""

WAYS: Final = {"新的连接": modality.NEW, "请求的连接": modality.SAME,
               "设备的下一次连接": modality.LATER}  # fmt: skip
"""The same, as the device sees them come."""


def _way(name: str, known: dict[str, str]) -> str:
    if name not in known:
        raise ScenarioError(tr("no way of reports {name}; known: {known}", name=name,
                               known="、".join(known)))  # fmt: skip
    return known[name]


@steps.given(
    "PACS把承诺报告送往{string}",
    id="imaging.report-way",
    purpose="让内置 PACS 以标准允许的某条途径送承诺报告；三条途径都合规，设备都要收得到",
    effect="内置 PACS 的策略：新的连接、请求的连接（设备已释放时改走新的连接）、设备的下一次连接；"
    "场景结束时改回新的连接",
    example="假如 PACS把承诺报告送往“请求的连接”",
    gloss="The PACS sends reports of commitment on this way",
)
def report_way(world: World, name: str) -> None:
    """A policy of the PACS, for this scenario."""
    here = site(world)
    way = _way(name, POLICIES)
    if not here.ours("PACS") or by_person(world, "PACS"):
        raise not_ours("PACS")
    here.order("PACS", "reports", way=way)
    world.at_end.append(lambda: here.systems().order("PACS", "reports", {"way": pacs_commit.NEW}))


@steps.when(
    "设备请求PACS承诺保存检查{string}的图像",
    id="imaging.commit",
    purpose="按 IHE RAD-10 请求存储承诺",
    effect="N-ACTION 列出已发送的全部图像，等报告到达",
    example="当 设备请求PACS承诺保存检查“检1”的图像",
    gloss="The device asks for storage commitment",
)
def commit(world: World, exam: str) -> None:
    """Everything that was sent."""
    _commit(world, exam, ())


@steps.when(
    "设备请求PACS承诺保存检查{string}的图像，并列入一幅从未发送的",
    id="imaging.commit-more",
    purpose="检查存储承诺不会为没有的图像作保",
    effect="N-ACTION 另列一个从未发送的 SOP Instance UID",
    example="当 设备请求PACS承诺保存检查“检1”的图像，并列入一幅从未发送的",
    gloss="The device asks for commitment and lists an image that was never sent",
)
def commit_more(world: World, exam: str) -> None:
    """One that the PACS cannot have."""
    _commit(world, exam, (_unsent(world, exam),))


@steps.when(
    "设备以同一事务UID再次请求承诺检查{string}",
    id="imaging.commit-again",
    purpose="检查重复的事务 UID 被拒绝",
    effect="以相同 Transaction UID 再发 N-ACTION",
    example="当 设备以同一事务UID再次请求承诺检查“检1”",
    gloss="The device uses a transaction UID for the second time",
)
def commit_again(world: World, exam: str) -> None:
    """PS3.4 §J.3.2: a transaction UID is used once."""
    _, planned, device = device_of(world, exam)
    listed = [(data.text("SOPClassUID"), sop) for sop, data in planned.sent.items()]
    device.commit(planned.transaction, listed)


@steps.when(
    "设备的接收端口关闭时请求承诺检查{string}的图像，打开后以新的事务再次请求",
    id="imaging.commit-unreachable",
    purpose="检查报告送不到时，再次请求能得到完整的报告",
    effect="第一次请求时 PACS 登记的回报地址无人监听；改回后以新的 Transaction UID 再请求",
    example="当 设备的接收端口关闭时请求承诺检查“检1”的图像，打开后以新的事务再次请求",
    gloss="A report of commitment cannot be delivered, and the device asks again",
)
def commit_unreachable(world: World, exam: str) -> None:
    """The first report finds nobody; the second request must be answered in full."""
    here, planned, device = device_of(world, exam)
    fault = world.plan(
        Fault(
            id=world.next_fault(),
            fault_class="img-K1",
            layer="transport",
            action="refuse",
            link="modality-pacs",
            sender="PACS",
        )
    )
    title = device.model.ae_title
    here.order("PACS", "destination", ae=title, host="127.0.0.1", port=str(free_port()))
    listed = [(data.text("SOPClassUID"), sop) for sop, data in planned.sent.items()]
    device.commit(uid(world.seed, world.scenario, "lost transaction", exam), listed)
    world.injector.process(fault, "fired", "nobody listens for the report")
    here.register(planned.device)
    world.injector.process(fault, "healed", "the device listens again")
    _commit(world, exam, ())


@steps.when(
    "设备请求PACS承诺保存检查{string}的图像，并保持连接等候报告",
    id="imaging.commit-open",
    purpose="检查报告走请求所在的连接时，设备收得到",
    effect="N-ACTION 列出已发送的全部图像和一幅从未发送的，连接保持到报告到达，最多 5 秒",
    example="当 设备请求PACS承诺保存检查“检1”的图像，并保持连接等候报告",
    gloss="The device asks for commitment and keeps the association open for the report",
)
def commit_open(world: World, exam: str) -> None:
    """Also one that the PACS cannot have: a report on this way must say so, too."""
    _commit(world, exam, (_unsent(world, exam),), keep_s=REPORT_S)


@steps.when(
    "设备请求PACS承诺保存检查{string}的图像，释放后重新连接领取报告",
    id="imaging.commit-collect",
    purpose="检查报告要等设备下一次连接时，设备收得到",
    effect="N-ACTION 列出已发送的全部图像和一幅从未发送的，释放；"
    "再建立连接，做一次连通测试并等候报告",
    example="当 设备请求PACS承诺保存检查“检1”的图像，释放后重新连接领取报告",
    gloss="The device asks for commitment, releases, and associates again for the report",
)
def commit_collect(world: World, exam: str) -> None:
    """What the PACS keeps comes over a later association."""
    here, planned, device = device_of(world, exam)
    listed = _listed(world, exam, (_unsent(world, exam),))
    receiver = here.receivers[planned.device]
    device.commit(planned.transaction, listed, receiver)
    device.collect(planned.transaction, receiver, REPORT_S)
    _noted(world, exam)


def _unsent(world: World, exam: str) -> str:
    return uid(world.seed, world.scenario, "never sent", exam)


def _listed(world: World, exam: str, more: Sequence[str]) -> list[tuple[str, str]]:
    """A fresh transaction, and what it asks for: everything that was sent, and some more."""
    _, planned, device = device_of(world, exam)
    planned.transaction = uid(world.seed, world.scenario, "transaction", exam)
    planned.unsent = tuple(more)
    listed = [(data.text("SOPClassUID"), sop) for sop, data in planned.sent.items()]
    return listed + [(device.model.sop_class, sop) for sop in more]


def _commit(world: World, exam: str, more: Sequence[str], keep_s: float = 0.0) -> None:
    here, planned, device = device_of(world, exam)
    listed = _listed(world, exam, more)
    device.commit(planned.transaction, listed, here.receivers[planned.device], keep_s)
    _noted(world, exam)


def _noted(world: World, exam: str) -> None:
    """Wait for the report, and put it into the trace with the way that it took."""
    here = site(world)
    planned = here.known(exam)
    receiver = here.receivers[planned.device]
    report = receiver.wait_report(planned.transaction, REPORT_S)
    if report is not None:
        here.reported(report, planned.transaction, receiver.ways[planned.transaction])


@steps.then(
    "{duration}内检查{string}的承诺报告应与独立取回的结果一致",
    id="imaging.commitment-true",
    purpose="核对存储承诺只为取得回的图像作保，缺的列为失败",
    effect="报告逐幅比较：已发送的应为 kept 且独立 C-GET 取得回；从未发送的应为 failed",
    example="那么 10秒内检查“检1”的承诺报告应与独立取回的结果一致",
    gloss="The commitment report says what an independent retrieve shows",
)
def commitment_true(world: World, limit_s: float, exam: str) -> list[Expectation]:
    """The report, and the look that proves it."""
    planned = site(world).known(exam)
    rows: dict[str, str] = dict.fromkeys(planned.sent, "kept")
    rows |= dict.fromkeys(planned.unsent, "failed")
    place = Place(interface=PACS, protocol="dicom", path="N-EVENT-REPORT")
    wanted = [
        Wanted(key={"sop": sop}, checks=[Check(path="state", value=Value(expected=state),
                                               place=place, clause="PS3.4 §J.3.3")])
        for sop, state in rows.items()
    ]  # fmt: skip
    report = Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": "commitment",
                                               "transaction": planned.transaction}),
        wanted=wanted,
        place=place,
        limit_s=STATUS_S,
        exact=True,
        classes={"missing": "lost"},
        clause="PS3.4 §J.3.3",
    )  # fmt: skip
    return [report, retrieved(world, limit_s, exam)]


@steps.then(
    "检查{string}的承诺报告应经{string}送达",
    id="imaging.report-came",
    at_once=True,
    purpose="核对承诺报告走了哪一条途径",
    effect="每一幅的报告记录：新的连接、请求的连接或设备的下一次连接",
    example="那么 检查“检1”的承诺报告应经“请求的连接”送达",
    gloss="The report of commitment came on this way",
)
def report_came(world: World, exam: str, name: str) -> Expectation:
    """Every instance of it."""
    planned = site(world).known(exam)
    way = _way(name, WAYS)
    place = Place(interface=PACS, protocol="dicom", path="N-EVENT-REPORT association")
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"type": "commitment",
                                               "transaction": planned.transaction}),
        wanted=[
            Wanted(key={"sop": sop}, checks=[Check(path="way", value=Value(expected=way),
                                                   place=place, clause="PS3.4 §J.3.3")])
            for sop in (*planned.sent, *planned.unsent)
        ],
        place=place,
        limit_s=STATUS_S,
        classes={"missing": "lost"},
        clause="PS3.4 §J.3.3",
    )  # fmt: skip
