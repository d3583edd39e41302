"""Harmless calls of devices of the site at the PACS and RIS that we run.

Both are processes, so a run sees no message of theirs; they tell which harmless calls they got. A
card that asks for one (``[canaries]``) is proven by it, as by a message at an endpoint of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from harness.evidence.line import pack
from harness.link.spec import LinkSpec
from harness.profile_values import Mode
from harness.scenario.world import World
from simulators.modality.systems import LINKS, ImagingSystems

LOOKER: Final = "MHPROBE"
"""AE title of our own looks: they prove nothing, because nobody of the site called."""


def overhear(
    world: World, ours: Callable[[str], bool], systems: Callable[[], ImagingSystems]
) -> None:
    """Let the journal have the harmless calls of real devices from now on.

    Args:
        world: of the scenario.
        ours: whether we run a role.
        systems: what runs it; started at need, because somebody is to call it.
    """
    for role, link in LINKS.items():
        spec = world.bench.specs.get(link)
        if spec is None or not ours(role) or link in world.bench.watched:
            continue
        if world.permit.profile.mode(spec.frm) is not Mode.REAL:
            continue
        found = systems()
        found.address(role)
        found.heard(role)  # what was called before nobody asked for
        world.bench.stands(link)
        world.bench.ears.append(partial(_hear, world, found, role, spec))


def _hear(world: World, systems: ImagingSystems, role: str, spec: LinkSpec) -> None:
    for call in systems.heard(role):
        if call["calling"] == LOOKER:
            continue
        world.trace.add("message", protocol="dicom", type=f"{call['kind']}-RQ", raw=pack(b""),
                        corr={}, id="", link=spec.name, interface=spec.interface, frm=spec.frm,
                        to=role, calling=call["calling"])  # fmt: skip
