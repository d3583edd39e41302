"""One association of a listener: who calls, and what may be said over it beside the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from harness.link.dicom import Answer, Request
from harness.link.dicom_messages import answer_of, is_request, say_request

LOOK_S: Final = 0.005
"""How often a session looks whether its requestor has ended the association."""

UNSUPPORTED: Final = 0x0122
"""SOP class not supported (PS3.7 annex C.5.6)."""


@dataclass(slots=True)
class Session:
    """The association that a request came over.

    Attributes:
        calling: AE title of the requestor.
        called: AE title that it called.
        host: where it called from.
    """

    calling: str
    called: str
    host: str
    _assoc: Any = None

    def cancelled(self, request: Request) -> bool:
        """Whether a C-CANCEL for this request came."""
        return bool(request.message_id in self._assoc.dimse.cancel_req)

    def syntaxes(self, abstract: str) -> list[str]:
        """Transfer syntaxes agreed for a class."""
        contexts = self._assoc.accepted_contexts
        return [str(one.transfer_syntax[0]) for one in contexts
                if str(one.abstract_syntax) == abstract]  # fmt: skip

    def _context(self, request: Request) -> int | None:
        """The context that a request of ours fits; None where there is none."""
        for one in self._assoc.accepted_contexts:
            same = str(one.abstract_syntax) == request.sop_class
            if same and (not request.payload or str(one.transfer_syntax[0]) == request.syntax):
                return int(one.context_id)
        return None

    def ask(self, request: Request) -> Answer:
        """A request of ours on the same association, while one of the peer is being served."""
        context = self._context(request)
        if context is None:
            return Answer(status=UNSUPPORTED, kind=request.kind, error="context")
        say_request(self._assoc, request, context)
        _, message = self._assoc.dimse.get_msg(block=True)
        if message is None or is_request(message):
            return Answer(status=-1, kind=request.kind, error="no answer")
        return answer_of(message, request.syntax, 0.0)

    def stands(self, wait_s: float) -> bool:
        """Whether the requestor keeps the association for so long, and asks for nothing more.

        For what is to be said after the answer to its request, in the thread that serves it.
        """
        until = time.monotonic() + wait_s
        while not self._ending and time.monotonic() < until:
            time.sleep(LOOK_S)
        return not self._ending

    @property
    def _ending(self) -> bool:
        """The peer has asked for the release, broken it off, or is gone."""
        assoc = self._assoc
        return bool(assoc.dul.peek_next_pdu() is not None or not assoc.dul.is_alive())

    def tell(self, request: Request, wait_s: float) -> Answer:
        """As ``ask``, for so long, and no longer than the association: a release may cross it."""
        context = self._context(request)
        if context is None:
            return Answer(status=UNSUPPORTED, kind=request.kind, error="context")
        say_request(self._assoc, request, context)
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            ident, message = self._assoc.dimse.get_msg(block=False)
            if message is not None and not is_request(message):
                return answer_of(message, request.syntax, 0.0)
            if message is not None:
                self._assoc.dimse.msg_queue.put((ident, message))  # it is served after this one
            if message is not None or self._ending:
                break
            time.sleep(LOOK_S)
        return Answer(status=-1, kind=request.kind, error="no answer")

    def abort(self) -> None:
        """Break it off."""
        self._assoc.abort()

    def exceed(self, size: int) -> None:
        """Send PDUs of this length from now on, whatever the requestor announced to take."""
        self._assoc.requestor.maximum_length = size


@dataclass(slots=True)
class Call:
    """A request for an association that is not answered yet.

    Attributes:
        calling: AE title of the requestor.
        called: AE title that it called.
        window: the asynchronous window was proposed.
        active: associations that are requested or established, this one included.
        silent: connections beside them that have asked for nothing yet.
    """

    calling: str
    called: str
    window: bool
    active: int
    silent: int
    _assoc: Any = None

    def refuse(self, result: int, source: int, reason: int) -> None:
        """Answer with a rejection (PS3.8 table 9-21)."""
        self._assoc.acse.send_reject(result, source, reason)
        self._assoc.is_rejected = True
        self._assoc.kill()

    def abort(self) -> None:
        """Break it off without an answer."""
        self._assoc.abort()

    def propose(self, change: Callable[[str, list[str]], list[str] | None]) -> None:
        """Read the proposal otherwise: by class and syntaxes, new ones; none drops a context."""
        primitive = self._assoc.requestor.primitive
        kept = []
        for one in primitive.presentation_context_definition_list:
            syntaxes = change(str(one.abstract_syntax), [str(each) for each in one.transfer_syntax])
            if syntaxes is not None:
                one.transfer_syntax = syntaxes
                kept.append(one)
        primitive.presentation_context_definition_list = kept

    def no_roles(self) -> None:
        """Overlook every proposal of a role (PS3.7 D.3.3.4)."""
        self._assoc.requestor.primitive.user_information = [
            one
            for one in self._assoc.requestor.primitive.user_information
            if type(one).__name__ != "SCP_SCU_RoleSelectionNegotiation"
        ]
