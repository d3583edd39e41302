"""The groups of a report: where scenarios diverged first, with all that follows from it.

A unit that is dropped is gone from the message, from the answers of probes behind it, and fails
what is judged on them. Such differences have signatures of their own, because each is approved by
itself, but they are one thing to look at: one group, headed by the difference that came first. The
heads are a small set of first differences that covers every scenario. What is approved is in no
group, so that an intended change does not hide what is wrong.
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
class Group:
    """A first divergence with what follows from it.

    Attributes:
        signature: of the first divergence.
        scenarios: how many diverged here first.
        follows: signatures of what follows from it.
    """

    signature: str
    scenarios: int
    follows: Sequence[str]

    @property
    def signatures(self) -> list[str]:
        """All of them, the first divergence first."""
        return [self.signature, *self.follows]


def groups(chains: Sequence[Chain], wanted: Collection[str]) -> list[Group]:
    """The signatures that are wanted, each in one group; the group of most scenarios first.

    A signature that is in no chain is a group by itself: nothing is left out.
    """
    found = _heads_and_followers(chains, wanted)
    told = {signature for one in found for signature in one.signatures}
    return [
        *found,
        *(Group(signature=key, scenarios=0, follows=()) for key in wanted if key not in told),
    ]


def _heads_and_followers(chains: Sequence[Chain], wanted: Collection[str]) -> list[Group]:
    wanted = frozenset(wanted)
    left = [kept for one in chains if (kept := [link for link in one if link.signature in wanted])]
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
        Group(signature=key, scenarios=len(covered), follows=followers.get(key, ()))
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
    """Every other signature, under the head that it is seen behind most often."""
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
