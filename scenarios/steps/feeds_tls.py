"""Sentences about HL7 over TLS, to and from the interface engine, with certificates of any kind."""

from __future__ import annotations

from typing import Final

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link import tls
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place
from scenarios.steps.feeds_engine import OUT, RECEIVERS, SEND_TIMEOUT_S, prepared_person, written
from scenarios.steps.feeds_play import control_id
from simulators.feed import knock
from simulators.feed.feed import Feed
from simulators.feed.payloads import control_id_of
from simulators.feed.policy import Policy, Rule
from simulators.feed.through import Manner
from simulators.modality.papers import Papers

steps = Library("feeds")

DOOR: Final = "his-engine-tls"
INTERFACE: Final = "HIS-ENG"
CLAUSE: Final = "IHE ITI TF-2 §3.19, RFC 8446 §4.4.2"

PAPERS: Final = {
    "有效": "",
    "过期": "-expired",
    "他名": "-other-host",
    "他方签发": "-other-authority",
}
"""Certificates as sentences name them; ``没有`` shows none."""

NONE: Final = "没有"
VERSIONS: Final = ("TLS1.2", "TLS1.3")
GREETINGS: Final = ("明文报文", "TLS1.0问候", "TLS1.1问候")


def papers_of(world: World) -> Papers:
    """The certificates of this run, made when somebody first asks."""
    found: Papers | None = world.state.get("feed papers")
    if found is None:
        folder = world.bench.systems.settings.folder / "tls-feeds"
        found = world.state["feed papers"] = Papers(folder)
    return found


def kind_of(name: str) -> str:
    """What the file of a certificate ends in, by its name in sentences."""
    if name not in PAPERS:
        raise ScenarioError(tr("no certificate {name}; known: {known}", name=name,
                               known="、".join(PAPERS)))  # fmt: skip
    return PAPERS[name]


def _secure(world: World, link: str) -> None:
    """TLS on a link of the engine until the scenario ends; paths stay out of the trace."""
    papers = papers_of(world)
    world.permit.require_write(f"{ASLEEP} secure")
    order = world.bench.systems.order
    files = {"ca": papers.path("authority"), "certificate": papers.path("pacs"),
             "expired": papers.path("pacs-expired")}  # fmt: skip
    order(ASLEEP, "secure", {"link": link, **{name: str(path) for name, path in files.items()}})
    world.at_end.append(lambda: order(ASLEEP, "secure", {"link": link, "off": "yes"}))


@steps.given(
    "接口引擎另开TLS入口",
    id="feeds.tls-door",
    purpose="让发送方也能经 TLS 连接接口引擎，双方出示证书",
    effect="证书由本次运行自建的测试机构签发；入口要求对方出示证书，场景结束时关闭",
    example="假如 接口引擎另开TLS入口",
    gloss="The engine also listens over TLS and asks for certificates",
)
def door(world: World) -> None:
    """One more entrance."""
    if DOOR not in world.bench.specs:
        raise Blocked(tr("the profile has no endpoint {link}", link=DOOR))
    _secure(world, DOOR)


@steps.given(
    "接口引擎还经TLS向{string}转发，对方出示{string}证书",
    id="feeds.tls-receiver",
    purpose="检查接口引擎作为发送方是否核验对方的证书",
    effect="RIS 或 PACS 由测试端经 TLS 扮演，始终应答 AA；证书：有效、过期、他名、他方签发",
    example="假如 接口引擎还经TLS向“RIS”转发，对方出示“过期”证书",
    gloss="The engine also forwards over TLS to a receiver that shows this certificate",
)
def receiver(world: World, name: str, shown: str) -> None:
    """A played receiver behind a handshake."""
    link = _receiver(name)[0]
    feed = Feed("feed", world.clock, Policy([Rule(code="AA")]), tls=_shows(world, shown))
    world.state.setdefault("tls receivers", {})[name] = feed
    world.join(f"测试端{name}", feed)
    world.bench.serve(link, f"测试端{name}")
    _secure(world, link)
    world.order(ASLEEP, "switch", link=link, state="on")
    world.at_end.append(lambda: world.order(ASLEEP, "switch", link=link, state="off"))


def _receiver(name: str) -> tuple[str, str]:
    if name not in RECEIVERS:
        raise ScenarioError(tr("no receiver {name}; known: {known}", name=name,
                               known="、".join(RECEIVERS)))  # fmt: skip
    return RECEIVERS[name]


def _shows(world: World, shown: str) -> tls.Context:
    papers = papers_of(world)
    return tls.mutual_context(papers.path(f"device{kind_of(shown)}"), papers.path("authority"))


@steps.when(
    "{string}换上{string}证书",
    id="feeds.tls-renewed",
    purpose="证书换好之后积压的报文应照常送达",
    effect="测试端扮演的接收方此后出示这一证书",
    example="当 “RIS”换上“有效”证书",
    gloss="The receiver that we play shows another certificate from now on",
)
def renewed(world: World, name: str, shown: str) -> None:
    """For the next handshake."""
    feeds: dict[str, Feed] = world.state.get("tls receivers", {})
    if name not in feeds:
        raise ScenarioError(tr("no receiver {name}; known: {known}", name=name,
                               known="、".join(feeds)))  # fmt: skip
    feeds[name].tls = _shows(world, shown)


@steps.when(
    "测试端持{string}证书以{string}向接口引擎登记患者{string}",
    id="feeds.tls-register",
    purpose="检查接口引擎作为接收方的 TLS 握手：双方证书与协议版本",
    effect="在一个新的 TLS 连接上发 ADT^A04；证书：有效、过期、他方签发、没有；"
    "版本：TLS1.2、TLS1.3",
    example="当 测试端持“过期”证书以“TLS1.3”向接口引擎登记患者“甲”",
    gloss="We register a patient over TLS, holding this certificate",
)
def register(world: World, held: str, version: str, person: str) -> None:
    """One ADT^A04 over a connection of its own."""
    if version not in VERSIONS:
        known = "、".join(VERSIONS)
        raise ScenarioError(tr("no version {name}; known: {known}", name=version, known=known))
    papers = papers_of(world)
    certificate = None if held == NONE else papers.path(f"device{kind_of(held)}")
    context = tls.client(papers.path("authority"), certificate, oldest=version == "TLS1.2")
    prepared_person(world, person)
    payload = written(world, person, Manner())
    world.state.setdefault("through", {})[person] = payload
    world.state["answers since"] = len(world.trace)
    name = f"测试端TLS {control_id(world)}"
    world.join(name, Feed("HIS", world.clock, accept_is_done=True, tls=context), DOOR)
    world.tell(name, "send", SEND_TIMEOUT_S, link=DOOR, payload=payload.hex())


@steps.when(
    "测试端向接口引擎的TLS入口发送{string}",
    id="feeds.tls-knock",
    purpose="检查 TLS 入口拒绝明文与过旧的版本",
    effect="内容：明文报文、TLS1.0问候、TLS1.1问候",
    example="当 测试端向接口引擎的TLS入口发送“TLS1.0问候”",
    gloss="We send a plain frame, or the greeting of an old version, to the TLS entrance",
)
def knocked(world: World, what: str) -> None:
    """Bytes, and what came back."""
    if what not in GREETINGS:
        known = "、".join(GREETINGS)
        raise ScenarioError(tr("no version {name}; known: {known}", name=what, known=known))
    data = knock.greeting(1 if "1.0" in what else 2)
    if what == "明文报文":
        prepared_person(world, what)
        data = b"\x0b%b\x1c\r" % written(world, what, Manner())
    world.join("测试端叩门", knock.Knock("HIS"), DOOR)
    world.tell("测试端叩门", "knock", SEND_TIMEOUT_S, link=DOOR, payload=data.hex())


@steps.then(
    "接口引擎对每次试探都应拒绝",
    id="feeds.tls-knocks-refused",
    at_once=True,
    purpose="核对 TLS 入口既不应答明文，也不接受过旧的版本",
    effect="回应只能是 TLS 告警或断开；出现 HL7 帧或 ServerHello 即为失败",
    example="那么 接口引擎对每次试探都应拒绝",
    gloss="Each of these was refused: by an alert, or by silence and an end",
)
def knocks_refused(world: World) -> Expectation:
    """What came back, read by hand."""
    where = place(INTERFACE, "hl7", "TLS")
    allowed = f"{knock.ALERT}\n{knock.NOTHING}"
    check = Check(path="value.answer", value=Value(op="one_of", expected=allowed), place=where,
                  clause="RFC 8996 §4, §5")  # fmt: skip
    return Expectation(
        mode="always",
        select=Selector(kind="command", where={"name": "knock"}),
        wanted=[Wanted(key={}, checks=[check])],
        place=where,
        limit_s=SETTLE_S,
    )


@steps.then(
    "{duration}内接口引擎不应应答患者{string}的TLS登记，而应答患者{string}的",
    id="feeds.tls-not-answered",
    purpose="核对不可信的发送方得不到应答",
    effect="到时限为止没有一份应答引用前者的控制号；后者的应答是对照",
    example="那么 2秒内接口引擎不应应答患者“甲”的TLS登记，而应答患者“乙”的",
    gloss="The registration of the first is not answered, that of the second is",
)
def not_answered(world: World, limit_s: float, person: str, other: str) -> Expectation:
    """Who is not trusted is told nothing."""
    sent: dict[str, bytes] = world.state["through"]

    def answer(label: str) -> dict[str, str]:
        ident = control_id_of(sent[label])
        return {"link": DOOR, "frm": ASLEEP, "corr.acknowledges": ident}

    return Expectation(
        mode="never",
        select=Selector(kind="message", where=answer(person)),
        control=Selector(kind="message", where=answer(other)),
        place=place(INTERFACE, "hl7", "TLS"),
        limit_s=limit_s,
        classes={"unwanted": "untrusted"},
        clause=CLAUSE,
    )


@steps.then(
    "{duration}内接口引擎应答患者{string}的TLS登记",
    id="feeds.tls-answered",
    purpose="核对双方证书都有效时照常传送",
    effect="恰有一份应答引用该登记的控制号，MSA-1 为 AA",
    example="那么 5秒内接口引擎应答患者“甲”的TLS登记",
    gloss="The registration over TLS is answered",
)
def answered(world: World, limit_s: float, person: str) -> Expectation:
    """One AA."""
    where = place(INTERFACE, "hl7", "TLS")
    key = {"corr.acknowledges": control_id_of(world.state["through"][person])}
    check = Check(path="MSA-1", value=Value(expected="AA"), place=where, clause=CLAUSE)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": DOOR, "frm": ASLEEP}, having=key),
        wanted=[Wanted(key=key, checks=[check])],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause=CLAUSE,
    )


@steps.then(
    "{duration}内接口引擎不应把患者{string}的登记交给{string}",
    id="feeds.tls-not-handed-over",
    purpose="核对不信任的接收方一个字节的内容也得不到",
    effect="到时限为止该系统没有收到该患者的报文；发往 LIS 的同一登记是对照",
    example="那么 2秒内接口引擎不应把患者“甲”的登记交给“RIS”",
    gloss="The engine hands nothing about the patient to the receiver that it cannot trust",
)
def not_handed_over(world: World, limit_s: float, person: str, name: str) -> Expectation:
    """Nothing over the link; the LIS shows that the message was there."""
    link, interface = _receiver(name)
    patient = world.known_person(person).patient_id
    about = {"frm": ASLEEP, "corr.patient": patient}
    return Expectation(
        mode="never",
        select=Selector(kind="message", where={"link": link, **about}),
        control=Selector(kind="message", where={"link": OUT, **about}),
        place=place(interface, "hl7", "TLS"),
        limit_s=limit_s,
        classes={"unwanted": "untrusted"},
        clause=CLAUSE,
    )
