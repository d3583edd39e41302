"""Sentences about 电子凭证 and 刷脸: who shows a code or a face, and what may be paid with it."""

from __future__ import annotations

from harness import limits
from harness.evidence.expect import Ask, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import place, rows_expected
from scenarios.steps.insurance import CHANNELS, bill_of
from scenarios.steps.insurance_town import INTERFACE, ROLE, centre, known, rest
from simulators.centre.arming import MINUTES_MAX
from simulators.hospital.cashier_model import OPERATORS

steps = Library("insurance")

FACES = {"认证成功": "", "认证失败": "MHFACE0", "审核中": "MHFACE3", "特殊登记": "MHFACE4"}
"""How a picture begins that the centre judges so."""

CREDENTIALS = {"可用": "good", "不是本人": "other", "未取得": "refused"}
FACE_STATES = {
    "认证成功": "recognised",
    "认证失败": "failed",
    "审核中": "pending",
    "特殊登记": "special",
}
SUPERVISED = {"9601": "人脸认证", "9602": "特殊登记"}


@steps.when(
    "患者{string}出示电子凭证",
    id="insurance.scan",
    purpose="扫本人的医保电子凭证（6101）",
    effect="HIS 取得令牌并核对是不是本人",
    example="当 患者“甲”出示电子凭证",
    gloss="A patient shows their own electronic credential",
)
def scan(world: World, label: str) -> None:
    """One order to the HIS."""
    _scan(world, label, world.known_person(label).id_card)


@steps.when(
    "患者{string}的账单误扫患者{string}的电子凭证",
    id="insurance.scan-other",
    purpose="检查扫到别人的电子凭证时不得扣别人的钱",
    effect="窗口扫到的是另一人的码",
    example="当 患者“甲”的账单误扫患者“乙”的电子凭证",
    gloss="Another person's credential is scanned for a bill",
)
def scan_other(world: World, label: str, other: str) -> None:
    """The code of another person."""
    _scan(world, label, world.known_person(other).id_card)


@steps.when(
    "患者{string}出示的电子凭证读不出",
    id="insurance.scan-unreadable",
    purpose="检查读码失败时不得沿用上一位患者的令牌",
    effect="中心答复电子凭证无效",
    example="当 患者“乙”出示的电子凭证读不出",
    gloss="The code of a patient cannot be read",
)
def scan_unreadable(world: World, label: str) -> None:
    """A code that nobody has."""
    drawn = int(world.draw("torn code", label) * 10**12)
    _scan(world, label, f"X{drawn:012d}")


def _scan(world: World, label: str, shown: str) -> None:
    world.order("HIS", "yb-scan", **bill_of(world, label), shown=shown)
    rest(world)


@steps.given(
    "医保中心把终端{string}的下一个未知凭证当作患者{string}",
    id="insurance.arm",
    purpose="现场没有中心认识的卡：让某终端下一张未知的卡、码或令牌当作测试参保人",
    effect="只用一次，到时失效，用没用都记入轨迹；终端写渠道，或报文的设备号（dev_no）、操作员（opter）",
    example="假如 医保中心把终端“收费窗口”的下一个未知凭证当作患者“甲”",
    gloss="The centre takes the next unknown credential from a terminal for a patient, once",
)
def arm(world: World, terminal: str, label: str) -> None:
    """Over the control pipe: no message goes over the tested interface."""
    centre(world)
    if terminal in CHANNELS:
        terminal = OPERATORS[CHANNELS[terminal]][1]
    args = {"psn_no": world.known_person(label).patient_id, "terminal": terminal,
            "minutes": MINUTES_MAX}  # fmt: skip
    world.bench.driver.command(ROLE, "arm", args, limits.CONTROL_TIMEOUT_S)
    world.guard.identities.expect_unknown(terminal)


@steps.when(
    "{string}用电子凭证为患者{string}结算",
    id="insurance.token-settle",
    purpose="以电子凭证结算（就诊凭证类型 01）",
    effect="没有可用的令牌则不结算；渠道：收费窗口、床旁、自助机、手机",
    example="当 “自助机”用电子凭证为患者“甲”结算",
    gloss="A bill is settled with the credential that was scanned for it",
)
def token_settle(world: World, channel: str, label: str) -> None:
    """One order to the HIS."""
    world.order("HIS", "yb-token-settle", **bill_of(world, label),
                channel=known(CHANNELS, channel))  # fmt: skip
    rest(world)


@steps.when(
    "{string}刷脸为患者{string}结算，人脸结果为{string}",
    id="insurance.face-settle",
    purpose="刷脸结算：9601 认证，必要时 9602，再取令牌",
    effect="结果：认证成功、认证失败、审核中、特殊登记",
    example="当 “自助机”刷脸为患者“甲”结算，人脸结果为“认证成功”",
    gloss="A bill is settled by face, which the centre judges so",
)
def face_settle(world: World, channel: str, label: str, result: str) -> None:
    """One order to the HIS; the picture is text that the seed draws."""
    drawn = int(world.draw("picture", label) * 10**12)
    world.order("HIS", "yb-face-settle", **bill_of(world, label),
                channel=known(CHANNELS, channel),
                picture=f"{known(FACES, result)}P{drawn:012d}")  # fmt: skip
    rest(world)


@steps.then(
    "{duration}内患者{string}的电子凭证应为{string}",
    id="insurance.credential",
    purpose="核对 HIS 对电子凭证的判断",
    effect="查询探针 his-yb-credential；可用、不是本人、未取得",
    example="那么 10秒内患者“甲”的电子凭证应为“可用”",
    gloss="The HIS holds the scanned credential for this",
)
def credential(world: World, limit_s: float, label: str, state: str) -> Expectation:
    """One row."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-credential",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_credential",
        key=["bill_no"],
        rows=[{"bill_no": number, "state": known(CREDENTIALS, state)}],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内患者{string}的人脸应为{string}",
    id="insurance.face",
    purpose="核对 HIS 按认证结果而不是按报文成功与否判断",
    effect="查询探针 his-yb-face",
    example="那么 10秒内患者“甲”的人脸应为“审核中”",
    gloss="The HIS holds the face for this",
)
def face(world: World, limit_s: float, label: str, state: str) -> Expectation:
    """One row."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-face",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_face",
        key=["bill_no"],
        rows=[{"bill_no": number, "state": known(FACE_STATES, state)}],
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内医保中心应有患者{string}的{string}",
    id="insurance.centre-face",
    purpose="核对人脸认证或特殊登记到达中心",
    effect="查询探针 centre-recognitions；9601 人脸认证、9602 特殊登记",
    example="那么 10秒内医保中心应有患者“甲”的“9602”",
    gloss="The centre has one recognition or special registration of a patient",
)
def centre_face(world: World, limit_s: float, label: str, infno: str) -> Expectation:
    """One of that number."""
    known(SUPERVISED, infno)
    psn_no = world.known_person(label).patient_id
    return Expectation(
        mode="eventually",
        select=Selector(
            kind="probe",
            where={"probe": "centre-recognitions"},
            having={"row.infno": infno},
        ),
        wanted=[Wanted(key={"row.psn_no": psn_no}, times=1)],
        place=place(INTERFACE, "http", infno),
        limit_s=limit_s,
        exact=True,
        settle_s=0.4,
        ask=Ask(probe="centre-recognitions", args={"psn_no": psn_no}),
    )


@steps.then(
    "{duration}内患者{string}的账单应写明{string}",
    id="insurance.bill-note",
    purpose="核对操作员看得到为什么没有结算",
    effect="查询探针 his-yb-bill-notes：说明里含有这些字",
    example="那么 10秒内患者“甲”的账单应写明“已过期”",
    gloss="The bill says why it was not settled",
)
def bill_note(world: World, limit_s: float, label: str, words: str) -> Expectation:
    """Part of the note."""
    number = world.state["bills"][label]
    return rows_expected(
        probe="his-yb-bill-notes",
        args={"bill_no": number},
        interface=INTERFACE,
        table="yb_bill",
        key=["bill_no"],
        rows=[{"bill_no": number, "note": Value(op="pattern", expected=f"(?s).*{words}.*")}],
        limit_s=limit_s,
    )
