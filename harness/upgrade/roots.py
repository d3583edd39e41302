"""Where scenarios diverged first: one root for all that follows from it.

A unit that is dropped is gone from the message, from the answers of probes behind it, and fails
what is judged on them. Such differences are groups of their own, because each is approved by its
own signature, but they are one thing to look at: the difference that came first. Roots are a small
set of first differences that covers every scenario; approved differences are no roots, so that an
intended change does not hide what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.upgrade.differences import Difference


@dataclass(frozen=True, slots=True)
class Link:
    """One signature in the chain of a scenario, at its first position there.

    Attributes:
        signature: of the difference.
        position: of the observation in the scenario.
        stored: what a probe saw: it may have been so long before anybody looked.
    """

    signature: str
    position: int
    stored: bool = False


DESCRIBES: Final = {"OBX-2": "OBX-5"}
"""Fields that follow from another one: the type of a result follows from its value."""

Chain = Sequence[Link]
"""What differs in one scenario, the first divergence first; its verdict last."""


def chain(differences: Iterable[Difference]) -> Chain:
    """The chain of one scenario's differences."""
    first: dict[str, Link] = {}
    last = 1 << 60
    found = list(differences)
    there = {(one.position, one.path) for one in found}
    for one in found:
        at = last if one.cls == "verdict" else one.position  # a verdict follows from the rest
        if (one.position, DESCRIBES.get(one.path, "")) in there:
            at = last - 1  # it says what sort of value the other one is
        known = first.get(one.signature)
        if known is None or at < known.position:
            first[one.signature] = Link(one.signature, at, one.kind == "probe")
    return sorted(first.values(), key=lambda link: link.position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A first divergence.

    Attributes:
        signature: of its group.
        scenarios: how many diverged here first.
        follows: signatures of the groups that follow from it.
    """

    signature: str
    scenarios: int
    follows: Sequence[str]


def roots(chains: Sequence[Chain], approved: Collection[str]) -> list[Root]:
    """The roots of what nobody approved, the one of most scenarios first."""
    left = [
        kept for one in chains if (kept := [link for link in one if link.signature not in approved])
    ]
    open_chains = list(left)
    chosen: dict[str, list[Chain]] = {}
    while left:
        heads = Counter(signature for one in left for signature in _heads(one))
        firsts = Counter(one[0].signature for one in left)
        best = max(heads, key=lambda key: (heads[key], firsts[key]))
        chosen[best] = [one for one in left if best in _heads(one)]
        left = [one for one in left if best not in _heads(one)]
    followers = _followers(open_chains, chosen)
    return [
        Root(signature=key, scenarios=len(covered), follows=followers.get(key, ()))
        for key, covered in sorted(chosen.items(), key=lambda item: -len(item[1]))
    ]


def _heads(one: Chain) -> list[str]:
    """Signatures that may have come first.

    The observation that diverged first may differ in several places. What a system keeps is seen
    when somebody asks, which is often at the end: it may stand behind what was sent before.
    """
    return [link.signature for link in one if link.stored or link.position == one[0].position]


def _followers(
    chains: Sequence[Chain], chosen: Mapping[str, Sequence[Chain]]
) -> dict[str, Sequence[str]]:
    """Every other signature, under the root that it is seen behind most often."""
    behind: dict[str, Counter[str]] = {}
    for key, covered in chosen.items():
        for one in covered:
            for link in one:
                if link.signature not in chosen:
                    behind.setdefault(link.signature, Counter())[key] += 1
    found: dict[str, list[str]] = {}
    for signature in dict.fromkeys(link.signature for one in chains for link in one):
        if signature in behind:
            found.setdefault(behind[signature].most_common(1)[0][0], []).append(signature)
    return dict(found)
