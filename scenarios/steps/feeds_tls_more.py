"""Sentences about TLS in use: a certificate that is replaced, an end without farewell."""

from __future__ import annotations

from typing import Final

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link import tls
from harness.scenario.bench import ASLEEP
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.common import SETTLE_S, place
from scenarios.steps.feeds_engine import SEND_TIMEOUT_S, prepared_person, written
from scenarios.steps.feeds_play import control_id
from scenarios.steps.feeds_tls import CLAUSE, DOOR, INTERFACE, kind_of, papers_of
from simulators.feed.feed import Feed
from simulators.feed.payloads import control_id_of
from simulators.feed.through import Manner

steps = Library("feeds")

MANY_MAX: Final = 200

SAYS: Final = {
    "-expired": r"TLS: .*certificate has expired.*",
    "-other-host": r"TLS: .*(mismatch|not valid for).*",
    "-other-authority": r"TLS: .*(issuer certificate|self.signed certificate).*",
}
"""What OpenSSL says of each certificate (its ``x509_vfy`` texts)."""


def _shown_at_door(world: World, shown: str) -> None:
    """The engine shows another certificate from the next handshake on."""
    papers = papers_of(world)
    world.permit.require_write(f"{ASLEEP} secure")
    files = {"ca": papers.path("authority"), "certificate": papers.path(f"pacs{kind_of(shown)}"),
             "expired": papers.path("pacs-expired")}  # fmt: skip
    told = {name: str(path) for name, path in files.items()}
    world.bench.systems.order(ASLEEP, "secure", {"link": DOOR, **told})


def _sender(world: World, name: str) -> str:
    papers = papers_of(world)
    context = tls.client(papers.path("authority"), papers.path("device"))
    world.join(name, Feed("HIS", world.clock, accept_is_done=True, tls=context), DOOR)
    return name


@steps.when(
    "测试端在同一TLS连接上登记{int}名患者，过半时接口引擎的入口换上{string}证书",
    id="feeds.tls-swapped-under-way",
    purpose="检查换证书不打断正在传送的连接",
    effect="逐份发 ADT^A04 并等应答；证书：有效、过期、他名、他方签发，只对此后的握手生效",
    example="当 测试端在同一TLS连接上登记20名患者，过半时接口引擎的入口换上“过期”证书",
    gloss="Many registrations over one connection; halfway another certificate is put in",
)
def swapped(world: World, count: int, shown: str) -> None:
    """Before and after the swap over the same connection."""
    if not 2 <= count <= MANY_MAX:
        raise ScenarioError(tr("a number between {least} and {most}", least=2, most=MANY_MAX))
    name = _sender(world, "测试端TLS长连接")
    sent: dict[str, bytes] = world.state.setdefault("tls many", {})
    world.state["answers since"] = len(world.trace)
    for number in range(1, count + 1):
        label = f"长连接{number}"
        prepared_person(world, label)
        sent[label] = written(world, label, Manner())
        world.tell(name, "send", SEND_TIMEOUT_S, link=DOOR, payload=sent[label].hex())
        if number == count // 2:
            _shown_at_door(world, shown)


@steps.when(
    "接口引擎的TLS入口换上{string}证书",
    id="feeds.tls-door-renewed",
    purpose="换上正确的证书之后，发送方应能照常连接",
    effect="接口引擎此后的握手出示这一证书",
    example="当 接口引擎的TLS入口换上“有效”证书",
    gloss="The entrance of the engine shows another certificate from now on",
)
def door_renewed(world: World, shown: str) -> None:
    """For the next handshake."""
    _shown_at_door(world, shown)


@steps.when(
    "测试端经TLS只发出患者{string}登记的大半，不告别就断开",
    id="feeds.tls-cut",
    purpose="检查没有 close_notify 的断开：半条报文不得生效",
    effect="握手后发出报文的前九成，随后断开 TCP，不发 close_notify",
    example="当 测试端经TLS只发出患者“甲”登记的大半，不告别就断开",
    gloss="We send most of a registration over TLS and are gone without close_notify",
)
def cut(world: World, person: str) -> None:
    """Most of a frame, and the end."""
    prepared_person(world, person)
    payload = written(world, person, Manner())
    world.state.setdefault("through", {})[person] = payload
    name = _sender(world, f"测试端TLS半条 {control_id(world)}")
    world.tell(name, "cut", SEND_TIMEOUT_S, link=DOOR, payload=payload.hex())


@steps.then(
    "{duration}内接口引擎应逐一应答同一TLS连接上的登记",
    id="feeds.tls-many-answered",
    purpose="核对换证书前后同一连接上的每份登记都被收下",
    effect="每个控制号恰有一份 MSA-1 为 AA 的应答",
    example="那么 5秒内接口引擎应逐一应答同一TLS连接上的登记",
    gloss="Each registration over that connection is answered, once",
)
def many_answered(world: World, limit_s: float) -> Expectation:
    """One AA each."""
    where = place(INTERFACE, "hl7", "TLS")
    sent: dict[str, bytes] = world.state.get("tls many", {})
    if not sent:
        raise ScenarioError(tr("nothing was sent over one connection"))
    check = Check(path="MSA-1", value=Value(expected="AA"), place=where, clause=CLAUSE)
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": DOOR, "frm": ASLEEP}),
        wanted=[Wanted(key={"corr.acknowledges": control_id_of(payload)}, checks=[check])
                for payload in sent.values()],
        place=where,
        limit_s=limit_s,
        exact=True,
        settle_s=SETTLE_S,
        classes={"missing": "unanswered", "repeated": "duplicate"},
        clause=CLAUSE,
    )  # fmt: skip


@steps.then(
    "测试端应拒绝接口引擎出示的{string}证书，什么也不发出",
    id="feeds.tls-distrusted",
    at_once=True,
    purpose="核对换上的证书在重连时生效，且发送方看得出它不可信",
    effect="恰有一次发送以 TLS 失败告终，原因与证书相符",
    example="那么 测试端应拒绝接口引擎出示的“过期”证书，什么也不发出",
    gloss="Our sender refuses the certificate that the engine shows, and sends nothing",
)
def distrusted(world: World, shown: str) -> Expectation:
    """One failed command, with the reason of the certificate."""
    where = place(INTERFACE, "hl7", "TLS")
    says = SAYS.get(kind_of(shown))
    if says is None:
        raise ScenarioError(tr("the certificate {name} is trusted", name=shown))
    key = {"value.outcome": "failed"}
    check = Check(path="value.detail", value=Value(op="pattern", expected=says), place=where,
                  clause=CLAUSE)  # fmt: skip
    return Expectation(
        mode="eventually",
        select=Selector(kind="command", where={"name": "send"}, having=key),
        wanted=[Wanted(key=key, checks=[check])],
        place=where,
        limit_s=SETTLE_S,
        exact=True,
        classes={"missing": "untrusted"},
        clause=CLAUSE,
    )
