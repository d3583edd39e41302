"""What the library does for every association anew, and what is done once here.

An association of one context costs pynetdicom some forty checks of the same UIDs by pydicom,
fifteen of the same AE titles, and a deep copy of everything that the listener takes: half of what
its opening costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from functools import lru_cache
from typing import Any, Final

from pynetdicom import (
    ae,
    association,
    dimse_primitives,
    pdu,
    pdu_items,
    pdu_primitives,
    presentation,
)
from pynetdicom.presentation import PresentationContext, build_context

_VALUES_MAX: Final = 4096
"""More than a listener with every class and syntax knows; what peers make up does not stay."""


def remembered(check: Callable[..., Any]) -> Callable[..., Any]:
    """A check of the library's, which remembers what was right; what is wrong raises anew."""

    @lru_cache(maxsize=_VALUES_MAX)
    def right(value: str | bytes, *options: Any) -> Any:
        return check(value, *options)

    def checked(value: Any, *options: Any, **named: Any) -> Any:
        if named or not isinstance(value, str | bytes):
            return check(value, *options, **named)
        return right(value, *options)

    return checked


_ROOMS: Final[dict[str, tuple[Any, ...]]] = {
    "set_uid": (ae, dimse_primitives, pdu_items, pdu_primitives, presentation),
    "set_ae": (ae, association, dimse_primitives, pdu, pdu_items, pdu_primitives),
}
"""Each imported the check by its name."""

for _name, _rooms in _ROOMS.items():
    for _room in _rooms:
        setattr(_room, _name, remembered(getattr(_room, _name)))


class Contexts(list[PresentationContext]):
    """What is taken or proposed; a deep copy shares what negotiation reads and never changes.

    Each association gets contexts of its own with lists of its own: the library writes the result,
    the number and the roles of an answer into new ones.
    """

    def __init__(self, contexts: Iterable[PresentationContext]) -> None:
        super().__init__(contexts)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[PresentationContext]:
        return [_own(one) for one in self]


@lru_cache(maxsize=256)
def proposed(offers: tuple[tuple[str, tuple[str, ...]], ...]) -> Contexts:
    """What a requestor proposes, of which the library makes a deep copy for each association.

    Args:
        offers: SOP classes, and the transfer syntaxes of each.
    """
    return Contexts(build_context(abstract, list(syntaxes)) for abstract, syntaxes in offers)


@lru_cache(maxsize=16)
def taken(offers: tuple[tuple[str, tuple[str, ...]], ...], roles: tuple[str, ...] = ()) -> Contexts:
    """What a listener takes; to put together some hundred of them takes longer than to listen.

    Args:
        offers: SOP classes, and the transfer syntaxes of each.
        roles: classes where a requestor may be the SCP.
    """
    known = ae.ApplicationEntity()
    for abstract, syntaxes in offers:
        both = {"scu_role": True, "scp_role": True} if abstract in roles else {}
        known.add_supported_context(abstract, list(syntaxes), **both)
    return Contexts(known.supported_contexts)


def _own(context: PresentationContext) -> PresentationContext:
    made = copy(context)
    made._transfer_syntax = list(context._transfer_syntax)  # noqa: SLF001 - its setter checks anew
    return made
