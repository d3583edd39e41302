"""Sentences about imaging: DICOM over TLS, with certificates that hold and others that do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.errors import Blocked, ScenarioError
from harness.evidence.expect import Check, Expectation, Selector, Wanted
from harness.evidence.line import pack
from harness.evidence.match import Value
from harness.faults.plan import Fault
from harness.i18n import tr
from harness.link import tls
from harness.link.address import Address
from harness.link.dicom_raw import RawPeer
from harness.model import Place
from harness.scenario.hospital import not_ours
from harness.scenario.steps import Library
from harness.scenario.world import World
from scenarios.steps.imaging_judge import STATUS_S
from scenarios.steps.imaging_site import Site, site
from scenarios.steps.imaging_talk import ACSE_S, Trial
from simulators.hospital.pacs_tls import LINK
from simulators.modality.papers import Papers

steps = Library("imaging")

INTERFACE: Final = "PACS-TLS"
HOST: Final = "127.0.0.1"

PAPERS: Final[Mapping[str, str]] = {
    "有效": "", "过期": "-expired", "他名": "-other-host", "他方签发": "-other-authority",
}  # fmt: skip
"""Certificates as sentences name them; ``没有`` shows none."""

NONE: Final = "没有"
VERSIONS: Final = ("TLS1.2", "TLS1.3")

REASONS: Final[Mapping[str, str]] = {
    "expired": "过期",
    "IP address mismatch": "名称不符",
    "Hostname mismatch": "名称不符",
    "issuer certificate": "签发者不可信",
    "self-signed certificate": "签发者不可信",
    "self signed certificate": "签发者不可信",
}
"""What a device says of a certificate that it does not trust."""


def papers(world: World) -> Papers:
    """The certificates of this run's site."""
    here = site(world)
    if LINK not in world.bench.specs:
        raise Blocked(tr("the profile has no link to the {role}", role="PACS TLS"),
                      remedy=f"[endpoints.{LINK}]")  # fmt: skip
    if not here.ours("PACS"):
        raise not_ours("PACS")
    found: Papers | None = world.state.get("imaging papers")
    if found is None:
        found = world.state["imaging papers"] = Papers(here.systems().folder / "tls")
    return found


def secured(
    world: World, shown: str, held: str, version: str = "TLS1.3", *, web: bool = False
) -> Address:
    """A PACS that shows one certificate, and how a device that holds another one reaches it."""
    made = papers(world)
    files = (made.path(f"pacs{_kind(shown)}"), made.path("pacs-expired"), made.path("authority"))
    port = site(world).systems().secured(*files, web=web)
    certificate = None if held == NONE else made.path(f"device{_kind(held)}")
    context = tls.client(made.path("authority"), certificate, oldest=version == "TLS1.2")
    return Address(host=HOST, port=port, tls=context, server_name=HOST)


def _kind(name: str) -> str:
    if name not in PAPERS:
        raise ScenarioError(tr("no certificate {name}; known: {known}", name=name,
                               known="、".join(PAPERS)))  # fmt: skip
    return PAPERS[name]


@steps.given(
    "设备经TLS连接PACS",
    id="imaging.tls",
    purpose="让本场景中设备与 PACS 之间的 DICOM 都走 TLS，双方出示有效证书",
    effect="证书由本次运行自建的测试机构签发；PACS 另开一个 TLS 监听，要求设备出示证书",
    example="假如 设备经TLS连接PACS",
    gloss="All DICOM between devices and the PACS goes over TLS, with certificates that hold",
)
def over_tls(world: World) -> None:
    """Both sides show a sound certificate."""
    site(world).secured = (LINK, secured(world, "有效", "有效"))


@steps.given(
    "设备经HTTPS使用PACS的DICOMweb",
    id="imaging.https",
    purpose="让本场景的 DICOMweb 都走 HTTPS，双方出示有效证书",
    effect="PACS 另开一个 HTTPS 监听，要求设备出示证书；轨迹里是解密后的请求与应答",
    example="假如 设备经HTTPS使用PACS的DICOMweb",
    gloss="DICOMweb goes over HTTPS in this scenario, with certificates that hold",
)
def over_https(world: World) -> None:
    """Before the first request over DICOMweb."""
    if world.state.get("imaging web") is not None:
        raise ScenarioError(tr("DICOMweb is in use already"))
    site(world).secured_web = secured(world, "有效", "有效", web=True)


@steps.when(
    "设备持{string}证书以{string}呼叫出示{string}证书的PACS",
    id="imaging.tls-call",
    purpose="检查 TLS 握手：双方证书与协议版本",
    effect="握手、建立连接、C-ECHO；证书：有效、过期、他名、他方签发，设备也可没有；版本：TLS1.2、TLS1.3",
    example="当 设备持“过期”证书以“TLS1.3”呼叫出示“有效”证书的PACS",
    gloss="A device that holds one certificate calls a PACS that shows another",
)
def tls_call(world: World, held: str, version: str, shown: str) -> None:
    """The outcome goes into the trace."""
    if version not in VERSIONS:
        known = "、".join(VERSIONS)
        raise ScenarioError(tr("no version {name}; known: {known}", name=version, known=known))
    here = site(world)
    address = secured(world, shown, held, version)
    odd = [one for one in (held, shown) if one != "有效"]
    fault = None
    if odd:
        fault = world.plan(
            Fault(id=world.next_fault(), fault_class="img-N15", layer="transport", action="replace",
                  link=LINK, sender="modality" if held in odd else "PACS")
        )  # fmt: skip
    _show(world, "modality", "" if held == NONE else f"device{_kind(held)}")
    _show(world, "PACS", f"pacs{_kind(shown)}")
    outcome = _called(world, here, address)
    world.trace.add("message", protocol="dicom", type="tls", raw=pack(b""), corr={}, id=LINK,
                    link=LINK, interface=INTERFACE, frm="PACS", to="modality", held=held,
                    shown=shown, version=version, outcome=outcome)  # fmt: skip
    if fault is not None:
        world.injector.process(fault, "fired", f"device {held}, PACS {shown}")
        world.injector.process(fault, "healed", "only this call had it")


def _show(world: World, who: str, name: str) -> None:
    """What a side hands to TLS: the handshake itself is not readable in a trace."""
    text = papers(world).path(name).read_text("ascii") if name else ""
    raw = text.partition("-----BEGIN EC")[0].encode("ascii")
    world.trace.add("message", protocol="dicom", type="tls-certificate", raw=pack(raw), corr={},
                    id=who, link=LINK, interface=INTERFACE, frm=who,
                    to="PACS" if who == "modality" else "modality")  # fmt: skip


def _called(world: World, here: Site, address: Address) -> str:
    """``接受``, ``PACS拒绝``, or why the device does not trust the PACS."""
    spec = world.bench.specs[LINK]
    count = world.state["tls calls"] = int(world.state.get("tls calls", 0)) + 1
    peer = RawPeer(address, spec.connection(f"{LINK}#{count}", client=True),
                   world.bench.switch.watcher, world.guard)  # fmt: skip
    planned = next(iter(here.exams.values()), None)
    if planned is None:
        raise ScenarioError(tr("the examination {label} was not prepared", label=""))
    world.after_persons()
    asked = Trial(here, planned, "PACS").request()
    with peer:
        if peer.untrusted:
            return _reason(peer.untrusted)
        found = peer.associate(asked, ACSE_S)
        if isinstance(found, str):
            return "PACS拒绝" if found == "closed" else found
        return "接受" if peer.release() == "released" else "未释放"


def _reason(text: str) -> str:
    if "alert" in text.lower():  # TLS 1.2 tells a device inside the handshake that it is refused
        return "PACS拒绝"
    named = (word for part, word in REASONS.items() if part in text)
    return f"设备拒绝：{next(named, text)}"


@steps.then(
    "TLS呼叫的结果应依次为{string}",
    id="imaging.tls-outcomes",
    at_once=True,
    purpose="核对每次 TLS 呼叫的结果",
    effect="轨迹中的结果，按先后用、隔开：接受、PACS拒绝、设备拒绝：过期、设备拒绝：名称不符、"
    "设备拒绝：签发者不可信",
    example="那么 TLS呼叫的结果应依次为“接受、PACS拒绝”",
    gloss="The calls over TLS ended like this, in order",
)
def tls_outcomes(world: World, outcomes: str) -> list[Expectation]:
    """One expectation a call."""
    numbers = [record["n"] for record in world.trace.records
               if record["kind"] == "message" and record.get("type") == "tls"]  # fmt: skip
    place = Place(interface=INTERFACE, protocol="dicom", path="TLS")
    return [
        Expectation(
            mode="eventually",
            select=Selector(kind="message", where={"type": "tls"}),
            wanted=[
                Wanted(
                    key={"n": str(numbers[index]) if index < len(numbers) else "0"},
                    checks=[Check(path="outcome", value=Value(expected=wanted), place=place,
                                  clause="PS3.15 §B.9, RFC 8446 §4.4.2")],
                )
            ],
            place=place,
            limit_s=STATUS_S,
            classes={"missing": "lost"},
        )
        for index, wanted in enumerate(outcomes.split("、"))
    ]  # fmt: skip
