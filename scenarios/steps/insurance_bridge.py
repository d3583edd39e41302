"""Sentences about how a HIS writes its messages, and about the local bridge that it may call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.errors import ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.match import Value
from harness.i18n import tr
from harness.link.tap import Connection, Watcher
from harness.scenario.steps import Library
from harness.scenario.world import World
from harness.wire.core import Event
from scenarios.steps.common import place
from scenarios.steps.insurance_town import INTERFACE, LINK, ROLE, centre, known
from simulators.bridge.bridge import Bridge
from simulators.bridge.caller import Caller
from simulators.centre.provinces import load_province
from simulators.centre.simulate import PROVINCE

steps = Library("insurance")

BRIDGE: Final = "bridge"

PATIENCE_S: Final = 1.0
"""The bridge waits less long than the HIS does, so that it is the one that gives up."""

MANNERS: Final[Mapping[str, tuple[dict[str, str], str, Value]]] = {
    "国标编码": ({"encoding": "gb18030"}, "@encoding", Value(op="equals", expected="gb18030")),
    "金额写成文本": (
        {"numbers": "text"},
        "/input/data/medfee_sumamt",
        Value(op="pattern", expected=r'"\d+(\.\d+)?"'),
    ),
    "空值写成null": (
        {"empty": "null"},
        "/input/data/exp_content",
        Value(op="equals", expected="null"),
    ),
    "空值写成单词null": (
        {"empty": "word"},
        "/input/data/exp_content",
        Value(op="equals", expected='"null"'),
    ),
    "单行写成数组": ({"rows": "lists"}, "/input/data", Value(op="equals", expected="array")),
}
"""Ways to write a message: what the HIS is told, and what its settlement (2207) then shows."""

RETRIES: Final = {"不重发": "none", "原样重发": "same", "换号重发": "new"}
ENCODINGS: Final = {"UTF-8": "utf-8", "国标": "gb18030"}


@dataclass(slots=True)
class Seen:
    """Watches one side of a connection, and says who is really there.

    A bridge stands on the link from the HIS to the centre, as a relay would: each end of it is
    told by the one that holds it, so that no message is told twice.
    """

    watcher: Watcher
    server: Mapping[str, str]
    _renamed: dict[Connection, Connection] = field(default_factory=dict)

    def _of(self, connection: Connection) -> Connection | None:
        if connection.client:
            return None
        known_as = self._renamed.get(connection)
        if known_as is None:
            known_as = replace(
                connection,
                id=f"{connection.id}{self.server.get('mark', '')}",
                local=self.server.get("local", connection.local),
                peer=self.server.get("peer", connection.peer),
            )
            self._renamed[connection] = known_as
        return known_as

    def link(self, connection: Connection, event: str, reason: str) -> None:
        """Pass on what the listening side sees."""
        if (seen := self._of(connection)) is not None:
            self.watcher.link(seen, event, reason)

    def data(self, connection: Connection, data: bytes, *, sent: bool) -> None:
        """Pass on what the listening side sees."""
        if (seen := self._of(connection)) is not None:
            self.watcher.data(seen, data, sent=sent)

    def event(self, connection: Connection, protocol: str, event: Event, *, sent: bool) -> None:
        """Pass on what the listening side sees."""
        if (seen := self._of(connection)) is not None:
            self.watcher.event(seen, protocol, event, sent=sent)

    def note(self, role: str, text: str) -> None:
        """Pass on."""
        self.watcher.note(role, text)


@steps.given(
    "HIS经本地中间件调用医保中心，报文为{string}，超时后{string}",
    id="insurance.bridge",
    purpose="在 HIS 与医保中心之间放一个本地中间件，由它填写报文头和签名",
    effect="HIS 的入参是 JSON 里的 JSON 文本，应答同样；报文：UTF-8、国标；"
    "超时后：不重发、原样重发、换号重发",
    example="假如 HIS经本地中间件调用医保中心，报文为“UTF-8”，超时后“不重发”",
    gloss="The HIS calls the centre through a local bridge",
)
def bridge(world: World, encoding: str, retry: str) -> None:
    """Between the HIS and our own centre, for this scenario."""
    centre(world)
    if world.state.get("bridge"):
        raise ScenarioError(tr("the bridge is there already"))
    world.state["bridge"] = True
    bench = world.bench
    members: Any = bench.driver.members
    caller = Caller(load_province(PROVINCE), host=ROLE)
    actor = Bridge(
        caller, world.clock, near=LINK, far=LINK, answer_s=PATIENCE_S,
        retry=known(RETRIES, retry),
    )  # fmt: skip
    bench.join(BRIDGE, actor, ())
    members[BRIDGE].routes[LINK] = members[ROLE].listen(LINK)
    bench.serve(LINK, BRIDGE)
    for name, ends in (
        (BRIDGE, {"local": BRIDGE, "mark": "<"}),
        (ROLE, {"peer": BRIDGE}),
    ):
        host = members[name].host
        host.watcher = Seen(host.watcher, ends)
    world.order("HIS", "yb-manner", bridge="yes", encoding=known(ENCODINGS, encoding))


@steps.given(
    "HIS书写医保报文时{string}",
    id="insurance.manner",
    purpose="检查同一内容的另一种写法也能办成",
    effect="写法：国标编码、金额写成文本、空值写成null、空值写成单词null、单行写成数组",
    example="假如 HIS书写医保报文时“金额写成文本”",
    gloss="The HIS writes its messages in a certain manner",
)
def manner(world: World, name: str) -> None:
    """From now on; the same values."""
    centre(world)
    said, _, _ = known(MANNERS, name)
    world.order("HIS", "yb-manner", **said)


@steps.then(
    "{duration}内HIS发出的“2207”应{string}",
    id="insurance.written",
    purpose="从报文本身核实这种写法真的用上了",
    effect="查看实际收到的 2207 报文；写法同“HIS书写医保报文时”",
    example="那么 10秒内HIS发出的“2207”应“金额写成文本”",
    gloss="The settlement on the wire is really written in this manner",
)
def written(world: World, limit_s: float, name: str) -> Expectation:
    """One 2207, as it came to the centre."""
    _, path, value = known(MANNERS, name)
    where = place(INTERFACE, "http", f"2207 {path}")
    return Expectation(
        mode="eventually",
        select=Selector(kind="message", where={"link": LINK, "to": ROLE, "type": "2207"}),
        wanted=[
            Wanted(
                key={"type": "2207"},
                checks=(Check(path=path, value=value, place=where, clause="1.3"),),
            )
        ],
        place=where,
        limit_s=limit_s,
    )


@steps.then(
    "{duration}内经本地中间件的{string}应有{int}次，中间件发往中心{int}次",
    id="insurance.bridged",
    purpose="核实请求真的经过本地中间件，以及它向中心发了几次",
    effect="分别数 HIS 发给中间件、中间件发给医保中心的该交易报文",
    example="那么 10秒内经本地中间件的“2207”应有1次，中间件发往中心2次",
    gloss="So many calls of the bridge led to so many messages to the centre",
)
def bridged(world: World, limit_s: float, infno: str, calls: int, sent: int) -> list[Expectation]:
    """Counted on both sides of the bridge."""
    return [
        Expectation(
            mode="eventually",
            select=Selector(
                kind="message", where={"link": LINK, "frm": frm, "to": to, "type": infno}
            ),
            wanted=[Wanted(key={"type": infno}, times=times)],
            place=place(INTERFACE, "http", infno),
            limit_s=limit_s,
            exact=True,
            settle_s=0.4,
        )
        for frm, to, times in (("HIS", BRIDGE, calls), (BRIDGE, ROLE, sent))
    ]
