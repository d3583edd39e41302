"""Asks a centre a fixed list of questions and says where it differs from its profile.

Nothing but a way to exchange one request for its answer is needed; who guards it is the caller's
business, but each payload is shown to the guard of identities before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from harness.errors import PeerError
from harness.model import Person
from harness.wire.envelope import as_text
from harness.wire.http1_events import HttpRequest, HttpResponse
from harness.wire.json_exact import decode, encode
from simulators.bridge import probe_plan as plan
from simulators.bridge.caller import Caller
from simulators.bridge.compare import OK_STATUS, Compared, Comparer, code_list_differences
from simulators.bridge.exchange import UnansweredError
from simulators.centre import provinces, rules_texts
from simulators.centre.gateway import UNMODELLED
from simulators.centre.provinces import Gateway

FAMILIES: Final = ("csb", "tif", "oauth2", "none")
"""Signatures that are tried where the gateway refuses the profile's."""

UNKNOWN_PERSON: Final = "unknown_person"
"""Cause whose wording is compared: clients decide by what a text contains."""

Exchange = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question and what became of it.

    Attributes:
        infno: transaction.
        outcome: ``compared``, ``empty`` (nothing in the answer to compare beyond its envelope),
            ``refused``, ``unmodelled``, ``unanswered`` or ``gateway`` (turned away before the
            centre).
        fields: how many were compared.
        err_msg: of a refusal, or why there is no answer.
        essential: without it the comparison says nothing.
    """

    infno: str
    outcome: str
    fields: int = 0
    err_msg: str = ""
    essential: bool = False


@dataclass(slots=True, kw_only=True)
class Finding:
    """A difference and the transactions that showed it."""

    place: str
    kind: str
    expected: str
    actual: str
    seen: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Probe:
    """One look at a centre.

    Args:
        caller: writes the requests.
        exchange: sends one and gives the answer; ``UnansweredError`` where there is none.
        who: the test person.
        nobody: a generated person whom no centre knows.
        wall: civil time with a zone.
        guard: is shown each message in the clear before it is sealed and sent.
    """

    caller: Caller
    exchange: Exchange
    who: Person
    nobody: Person
    wall: Callable[[], datetime]
    guard: Callable[[bytes], None] = lambda _message: None
    asked: list[Asked] = field(default_factory=list)
    findings: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    known: plan.Known = field(init=False)
    _left_behind: bool = False

    def __post_init__(self) -> None:
        self.known = plan.Known(who=self.who, house=self.caller.house, now=self.wall())

    # -- the whole look ------------------------------------------------------------------------

    def run(self, *, write: bool = False, discover: bool = False) -> None:
        """Ask everything; ``write`` settles one visit and takes it back."""
        before = self._ask(plan.HOSPITAL, note=False)
        if before is None or not self._through(before):
            self._tell(before, plan.HOSPITAL)
            if not (discover and self._discovered()):
                return
            before = self._ask(plan.HOSPITAL, note=False)
        signed = self._ask(plan.SIGN_IN)
        if signed is not None and signed.ok:
            self.caller.sign_no = _sign_no(signed.output)
        self._sign_in_rule(before, self._ask(plan.HOSPITAL))
        if self._learned(plan.PERSON) and self.known.psn_no:
            self._unknown_person()
            for step in plan.READING:
                self._learned(step)
            if write:
                self._write()
        if self.caller.sign_no:
            self._ask(plan.sign_out(self.caller.sign_no))

    def _write(self) -> None:
        """Go as far as the centre lets us, and take everything back."""
        for step in plan.WRITING:
            if not self._learned(step) and step.infno in {"2201", "2203", "2204", "2207"}:
                break
        for step in plan.UNDOING:
            needless = (step.infno == "2208" and not self.known.setl_id) or not self.known.mdtrt_id
            if not needless and not self._learned(step):
                self._left_behind = True

    @property
    def left_behind(self) -> bool:
        """Something that was written could not be taken back."""
        return self._left_behind

    @property
    def complete(self) -> bool:
        """Whatever is essential was compared, and every question was answered."""
        essential = {one.infno for one in self.asked if one.essential and one.outcome == "compared"}
        wanted = {plan.HOSPITAL.infno, plan.SIGN_IN.infno, plan.PERSON.infno}
        silent = any(one.outcome in {"unanswered", "gateway"} for one in self.asked)
        return essential == wanted and not silent

    # -- one question --------------------------------------------------------------------------

    def _learned(self, step: plan.Step) -> bool:
        found = self._ask(step)
        if found is None or not found.ok:
            return False
        step.learn(self.known, found.output)
        return True

    def _ask(self, step: plan.Step, *, note: bool = True) -> Compared | None:
        """The answer beside the profile; None where none came."""
        self.known.now = at = self.wall()
        try:
            response = self._answered(step, at)
        except (UnansweredError, PeerError) as error:
            if note:
                self._note(step, "unanswered", err_msg=error.message)
            return None
        found = self._comparer().answer(step.infno, response)
        if response.header(UNMODELLED):
            if note:
                self._note(step, "unmodelled")
            return found
        if step.code_list and found.ok:
            differences, compared = code_list_differences(
                self._comparer().spec, step.code_list, found.output
            )
            found.differences += differences
            found.fields += compared
        if note:
            self._tell(found, step)
        return found

    def _answered(self, step: plan.Step, at: datetime) -> HttpResponse:
        caller = self.caller
        if caller.province.gateway.family == "oauth2" and not caller.token:
            caller.token = _token(self.exchange(caller.token_request()))
        msgid = caller.msgid(at)
        members = caller.members(step.infno, msgid, at, self.known.insuplc)
        nodes = step.nodes(self.known)
        self.guard(self._without_given(encode({**members, "input": nodes})))
        return self.exchange(caller.request(members, nodes, at))

    def _without_given(self, message: bytes) -> bytes:
        """A message without the numbers that the centre itself gave for this visit.

        One in ninety of those with 18 digits passes for an identity card number. What stands under
        any other name is guarded, even if it is the same number.
        """
        given = {
            "mdtrt_id": self.known.mdtrt_id,
            "setl_id": self.known.setl_id,
            "sign_no": self.caller.sign_no,
        }
        for name, number in given.items():
            message = message.replace(f'"{name}":"{number}"'.encode(), f'"{name}":""'.encode())
        return message

    def _comparer(self) -> Comparer:
        province = self.caller.province
        return Comparer(province, province.spec())

    def _tell(self, found: Compared | None, step: plan.Step) -> None:
        if found is None:
            if not self.asked or self.asked[-1].outcome != "unanswered":
                self._note(step, "unanswered")
            return
        for one in found.differences:
            known = self.findings.setdefault(
                (one.place, one.kind, one.expected),
                Finding(
                    place=one.place, kind=one.kind, expected=one.expected, actual=one.actual
                ),
            )  # fmt: skip
            if step.infno not in known.seen:
                known.seen.append(step.infno)
        if not self._through(found):
            outcome = "gateway"
        elif not found.ok:
            outcome = "refused"
            if step.essential:
                self._add(f"{step.infno} answer", "refused", "answered", found.err_msg, step.infno)
        else:
            outcome = "compared" if found.fields > len(_ENVELOPE) else "empty"
        self._note(step, outcome, fields=found.fields, err_msg=found.err_msg)

    def _note(self, step: plan.Step, outcome: str, fields: int = 0, err_msg: str = "") -> None:
        self.asked.append(
            Asked(
                infno=step.infno, outcome=outcome, fields=fields, err_msg=err_msg,
                essential=step.essential,
            )
        )  # fmt: skip

    @staticmethod
    def _through(found: Compared) -> bool:
        """The centre itself has answered, and not a gateway in front of it."""
        return found.ok is not None

    def _add(self, place: str, kind: str, expected: str, actual: str, infno: str) -> None:
        key = (place, kind, expected)
        self.findings[key] = Finding(
            place=place, kind=kind, expected=expected, actual=actual, seen=[infno]
        )

    # -- what only several answers show --------------------------------------------------------

    def _sign_in_rule(self, before: Compared | None, after: Compared | None) -> None:
        """Whether the centre wants 9001 first: the same question before and after it."""
        if before is None or after is None or not after.ok:
            return
        rule = "optional" if before.ok else "required"
        expected = self.caller.province.sign_in
        if rule != expected:
            self._add("policy sign_in", "policy", expected, rule, "9001")

    def _unknown_person(self) -> None:
        """A refusal on purpose: how failure is written, and how it is worded."""
        who, self.known.who = self.known.who, self.nobody
        found = self._ask(replace(plan.PERSON, essential=False), note=False)
        self.known.who = who
        if found is None or found.ok is None:
            return
        if found.ok:
            self._add("1101 unknown person", "policy", "refused", "answered", "1101")
            return
        self._tell(found, replace(plan.PERSON, essential=False))
        policy = self.caller.province.books_policy()
        expected = policy.wording.get(UNKNOWN_PERSON, rules_texts.TEXTS[UNKNOWN_PERSON])
        if expected not in found.err_msg:
            self._add("1101 err_msg", "wording", expected, found.err_msg[:60], "1101")

    def _discovered(self) -> bool:
        """Try the other gateways that we know until one lets us through."""
        expected = self.caller.province
        for gateway in self._gateways(expected.gateway):
            self.caller.province = expected.model_copy(update={"gateway": gateway})
            self.caller.token = ""
            found = self._ask(plan.HOSPITAL, note=False)
            if found is not None and self._through(found):
                for name in ("family", "path"):
                    was, now = getattr(expected.gateway, name), getattr(gateway, name)
                    if was != now:
                        self._add(f"gateway {name}", "gateway", was, now, "1201")
                self.asked.clear()
                return True
        self.caller.province = expected
        return False

    @staticmethod
    def _gateways(expected: Gateway) -> Iterator[Gateway]:
        """Each known path with each family, the province's own pairs first."""
        shipped = [provinces.load_province(name).gateway for name in provinces.names()]
        pairs = [(one.family, one.path, one.token_path) for one in shipped]
        pairs += [
            (family, one.path, one.token_path)
            for one in [expected, *shipped]
            for family in FAMILIES
        ]
        for family, path, token_path in dict.fromkeys(pairs):
            changed: dict[str, Any] = {"family": family, "path": path, "token_path": token_path}
            yield expected.model_copy(update=changed)


_ENVELOPE: Final = ("infcode", "inf_refmsgid", "refmsg_time", "respond_time")
"""Members that every answer has compared."""


def _sign_no(output: Any) -> str:
    node = output.get("signinoutb") if isinstance(output, dict) else None
    node = node[0] if isinstance(node, list) and node else node
    return as_text(node.get("sign_no")) if isinstance(node, dict) else ""


def _token(response: HttpResponse) -> str:
    if response.status != OK_STATUS:
        raise UnansweredError(f"no token: HTTP {response.status}")
    value = decode(response.payload).value
    token = value.get("access_token") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise UnansweredError("no token in the answer")
    return token
