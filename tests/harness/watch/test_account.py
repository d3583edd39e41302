"""The rules of the accounts by hand, and what passive readers make of bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.errors import PeerError
from harness.link.spec import LinkSpec
from harness.model import Outcome
from harness.probes.probe import Answer
from harness.probes.sql import SqlProbe
from harness.watch import counts
from harness.watch.account import Account
from harness.watch.facts import Answered, Asked, Replied, Sent
from harness.watch.follow import Follow
from harness.watch.line import Beside, Lines
from harness.watch.reading import AstmReader, Hl7Reader, HttpReader, hl7_fact

MSH = b"MSH|^~\\&|A|B|C|D|20260105080000||ORU^R01|%s|P|2.4\r"
PID = b"PID|1||P1^^^H||X\rOBX|1|NM|K||4.1\r"


def sent(key: str, content: str = "", stamp: str = "", subject: str = "p") -> Sent:
    return Sent(key=key, kind="ORU^R01", subject=subject, content=content or key,
                order=("A", stamp))  # fmt: skip


def test_lost_is_what_was_never_accepted_and_is_older_than_the_limit() -> None:
    account = Account(late_s=10)
    account.take(sent("1"), "c", 0)
    account.take(sent("2"), "c", 95)
    account.finish(100)

    assert (account.lost, account.open) == (1, 1)
    assert account.troubles[0].key == "1"


def test_sent_again_before_an_answer_is_no_duplicate_and_after_it_is_one() -> None:
    account = Account(late_s=10)
    for now in (0, 1):
        account.take(sent("1"), "c", now)
    account.take(Answered(key="1", good=True), "c", 2)
    assert (account.repeats, account.duplicated) == (1, 0)
    account.take(sent("1"), "c", 3)
    account.take(sent("renamed", content="1"), "c", 4)

    assert account.duplicated == 2


def test_a_refusal_is_an_answer_and_no_loss() -> None:
    account = Account(late_s=10)
    account.take(sent("1"), "c", 0)
    account.take(Answered(key="1", good=False), "c", 1)
    account.finish(100)

    assert (account.refused, account.lost) == (1, 0)


def test_the_same_content_under_a_new_id_stands_for_the_lost_one() -> None:
    account = Account(late_s=10)
    account.take(sent("1", content="x"), "c", 0)
    account.take(sent("2", content="x"), "c", 20)
    account.take(Answered(key="2", good=True), "c", 21)
    account.finish(100)

    assert account.lost == 0


@pytest.mark.parametrize(("stamps", "told"), [(("1", "2"), 0), (("2", "1"), 1), (("2", "10"), 0)])
def test_order_is_asked_of_dates_of_equal_length(stamps: tuple[str, str], told: int) -> None:
    account = Account(late_s=10)
    for number, stamp in enumerate(stamps):
        account.take(sent(str(number), stamp=stamp), "c", number)

    assert account.reordered == told


def test_what_waits_where_nobody_reads_any_more_is_not_lost() -> None:
    account = Account(late_s=5.0)
    account.take(Sent(key="1", kind="ADT"), "a", 0.0)
    account.take(Sent(key="2", kind="ADT"), "b", 0.0)
    account.blind("a", "why")
    account.finish(100.0)

    assert (account.lost, account.unread, account.unread_why) == (1, 1, "why")


def test_a_late_answer_is_late_and_its_wait_is_an_outage() -> None:
    account = Account(late_s=10)
    account.take(sent("1"), "c", 0)
    account.tick(11)
    assert account.down
    account.take(Answered(key="1", good=True), "c", 15)

    assert account.late == 1
    assert account.outage_s() == 15


def test_a_closed_line_is_an_outage_only_with_a_question_open() -> None:
    account = Account(late_s=10)
    account.opened(0)
    account.closed("c", 1, by_listener=True)
    assert not account.down
    account.opened(2)
    account.take(sent("1"), "c", 3)
    account.closed("c", 4, by_listener=True)
    account.failed("refused", 5)
    account.opened(9)

    assert [(one.begin, one.end) for one in account.outages] == [(4, 9)]


def test_hl7_by_its_control_id_and_its_acknowledgement() -> None:
    reader = Hl7Reader()
    raw = b"\x0b" + MSH % b"7" + PID + b"\x1c\r"
    facts = [*reader.data(raw[:9], 0, forth=True), *reader.data(raw[9:], 0, forth=True)]
    back = MSH.replace(b"ORU^R01", b"ACK") % b"A" + b"MSA|AA|7\r"
    facts += reader.data(b"\x0b" + back + b"\x1c\r", 0, forth=False)

    (_, one), (_, answer) = facts
    assert isinstance(one, Sent)
    assert (one.key, one.kind, one.order) == ("7", "ORU^R01", ("A", "20260105080000"))
    assert answer == Answered(key="7", good=True)
    assert "P1" not in one.subject


def test_the_same_body_has_the_same_content_under_another_id() -> None:
    one, other = (hl7_fact(MSH % ident + PID) for ident in (b"1", b"2"))

    assert isinstance(one, Sent)
    assert isinstance(other, Sent)
    assert (one.content == other.content, one.key == other.key) == (True, False)


# LIS01-A2 §6.3: ENQ, frames with number, ETX and check sum, EOT; ACK for each.
FRAME = b"\x021H|\\^&|||AN|||||||P||20260105080000\rO|1|S1\rR|1|^^^K|4.1\rL|1\r\x03A1\r\n"


@pytest.mark.parametrize(("reply", "good"), [(b"\x06", True), (b"\x15", False)])
def test_astm_by_what_stands_between_enq_and_eot(reply: bytes, good: bool) -> None:
    reader = AstmReader()
    facts = []
    for data, forth in ((b"\x05", True), (b"\x06", False), (FRAME, True), (reply, False),
                        (b"\x04", True)):  # fmt: skip
        facts += reader.data(data, 0, forth=forth)

    (forth_1, one), (forth_2, answer) = facts[-2:]
    assert facts[:-2] == [
        (True, Asked(kind="astm ENQ")), (False, Replied()),
        (True, Asked(kind="astm frame")), (False, Replied()),
    ]  # fmt: skip
    assert (forth_1, forth_2) == (True, False)
    assert isinstance(one, Sent)
    assert one.kind == "astm result"
    assert answer == Answered(key=one.key, good=good)


def test_a_frame_that_is_sent_again_counts_once() -> None:
    reader = AstmReader()
    once, twice = (
        [fact for data in (b"\x05", FRAME * times, b"\x04")
         for _, fact in reader.data(data, 0, forth=True)]
        for times in (1, 2)
    )  # fmt: skip

    assert [one for one in once if isinstance(one, Sent)] == [
        one for one in twice if isinstance(one, Sent)
    ]


def test_a_dialogue_that_was_cut_has_no_answer() -> None:
    reader = AstmReader()
    list(reader.data(b"\x05" + FRAME, 0, forth=True))

    assert [type(fact) for _, fact in reader.ended()] == [Sent]


@pytest.mark.parametrize(
    ("status", "body", "good"),
    [(200, b'{"infcode":0}', True), (200, b'{"infcode":"-1"}', False), (500, b"", False)],
)
def test_http_by_the_msgid_and_both_levels_of_success(status: int, body: bytes, good: bool) -> None:
    reader = HttpReader()
    asked = b'{"infno":"2207","msgid":"H1","input":{}}'
    request = b"POST /yb HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked
    answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body
    facts = []
    for _ in range(2):  # a connection that is kept
        facts += reader.data(request, 0, forth=True)
        facts += reader.data(answer, 0, forth=False)

    assert [fact for _, fact in facts[2:]] == [fact for _, fact in facts[:2]]
    (_, one), (_, said) = facts[:2]
    assert isinstance(one, Sent)
    assert (one.key, one.kind) == ("H1", "2207")
    assert said == Answered(key="H1", good=good)


def test_what_is_no_http_is_told_and_read_no_further() -> None:
    with pytest.raises(PeerError, match="request line"):
        list(HttpReader().data(b"\x16\x03\x01\r\n\r\n", 0, forth=True))
    reader = HttpReader()
    list(reader.data(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 0, forth=True))
    with pytest.raises(PeerError, match=r"request line|status line"):
        list(reader.data(b"\x15\x03\x03\r\n\r\n", 0, forth=False))


def test_a_response_without_a_length_ends_with_its_connection() -> None:
    reader = HttpReader()
    list(reader.data(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 0, forth=True))

    assert list(reader.data(b"HTTP/1.0 200 OK\r\n\r\n{}", 1, forth=False)) == []
    assert [fact for _, fact in reader.ended()] == [Answered(key=reader.key, good=True)]


def test_a_response_that_was_cut_is_no_answer() -> None:
    reader = HttpReader()
    list(reader.data(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 0, forth=True))

    assert (
        list(reader.data(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", 1, forth=False)) == []
    )
    assert list(reader.ended()) == []


def test_an_answer_that_overtakes_the_acknowledgement_is_no_message_of_its_own() -> None:
    follow = Follow("in", "out", 10)
    follow.offered(sent("1"), 0)
    follow.came_out(sent("1"), 0.1)
    follow.accepted("1", 0.2)
    follow.finish(100)

    assert (follow.entered, follow.left, follow.lost, follow.own) == (1, 1, 0, 0)


def test_messages_that_get_new_ids_are_found_by_type_and_subject() -> None:
    follow = Follow("in", "out", 10)
    for number in range(2):
        follow.offered(sent(f"i{number}"), 0)
        follow.accepted(f"i{number}", 0)
    follow.came_out(sent("o0"), 1)
    follow.finish(100)

    assert (follow.left, follow.lost) == (1, 1)


def test_messages_towards_the_sender_have_an_account_of_their_own() -> None:
    spec = LinkSpec(name="l", interface="LIS-ASTM", frm="analyzer", to="LIS", protocol="astm")
    lines = Lines({"l": spec}, VirtualClock(), {"l": 10.0})
    near, far = (spec.connection(name, client=name.endswith(">")) for name in ("l#1", "l#1>"))
    for who, data in ((near, b"\x05"), (far, b"\x06"), (near, FRAME), (far, b"\x06"),
                      (near, b"\x04"), (far, b"\x05"), (near, b"\x06"), (far, FRAME),
                      (near, b"\x06"), (far, b"\x04")):  # fmt: skip
        lines.data(who, data, sent=False)

    assert {name: one.messages for name, one in lines.accounts.items()} == {"l": 1, "l ←": 1}
    assert all(not one.waiting for one in lines.accounts.values())


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nothing_is_kept_of_connections_that_are_over(order: tuple[int, int]) -> None:
    spec = LinkSpec(name="l", interface="HIS-ADT", frm="HIS", to="LIS", protocol="mllp")
    lines = Lines({"l": spec}, VirtualClock(), {"l": 10.0})
    beside, far = Beside(spec, lines), ("lis", 2)
    for number in range(50):
        ends = (("his", number), far)
        beside.opened(*ends)
        beside.passed(*ends, b"\x0bMSH|^~\\&|")
        for one in order:
            beside.closed(ends[one], ends[1 - one], reset=False)
        beside.turned_away(("his", number), "refused")

    assert not (beside._conns or beside._half or lines._readers or lines._left)
    assert lines.accounts["l"].connections == 50


def astm_line(clock: VirtualClock) -> tuple[Lines, Callable[[str, bytes], None]]:
    spec = LinkSpec(name="l", interface="LIS-ASTM", frm="analyzer", to="LIS", protocol="astm")
    lines = Lines({"l": spec}, clock, {"l": 10.0})
    ends = {way: spec.connection(name, client=name.endswith(">"))
            for way, name in (("forth", "l#1"), ("back", "l#1>"))}  # fmt: skip

    def passes(way: str, data: bytes) -> None:
        lines.data(ends[way], data, sent=False)

    return lines, passes


def test_each_reply_of_astm_is_timed_and_a_late_one_is_told() -> None:
    clock = VirtualClock()
    lines, passes = astm_line(clock)
    for wait_s, data in ((0.2, b"\x05"), (0.4, FRAME), (12.0, FRAME)):
        passes("forth", data)
        clock.advance_to(clock.now() + wait_s)
        passes("back", b"\x06")
    passes("forth", b"\x04")
    lines.finish()

    account = lines.accounts["l"]
    assert [round(one, 3) for one in account.waits] == [0.2, 0.4, 12.0]
    assert (account.messages, account.late, account.lost) == (1, 1, 0)
    assert [(one.what, one.kind) for one in account.troubles] == [("late", "astm frame")]


def test_a_receiver_of_astm_that_replies_no_more_is_out_of_service_until_it_does() -> None:
    clock = VirtualClock()
    lines, passes = astm_line(clock)
    passes("forth", b"\x05")
    passes("back", b"\x06")
    passes("forth", FRAME)
    clock.advance_to(clock.now() + 9.0)
    lines.tick()
    assert not lines.accounts["l"].down
    clock.advance_to(clock.now() + 21.0)
    lines.tick()
    assert lines.accounts["l"].down
    passes("back", b"\x06")
    passes("forth", b"\x04")
    lines.finish()

    account = lines.accounts["l"]
    assert [(round(one.seconds), one.reason) for one in account.outages] == [(30, "no answer")]
    assert not account.down_at_end


def test_a_line_of_astm_that_breaks_inside_a_frame_is_an_outage_of_the_receiver() -> None:
    clock = VirtualClock()
    lines, passes = astm_line(clock)
    passes("forth", b"\x05")
    passes("back", b"\x06")
    passes("forth", FRAME)
    lines.link(lines.specs["l"].connection("l#1>", client=True), "closed", "reset")
    assert lines.accounts["l"].down


@pytest.mark.parametrize(
    ("now", "weeks", "says"),
    [(100, (98, 110, 95, 120), "usual"), (50, (98, 110, 95, 120), "low"),
     (200, (98, 110, 95, 120), "high"), (0, (9, 0, 0, 0), "no measure"), (0, (9, 12), "usual"),
     (0, (10, 12), "low")],
)  # fmt: skip
def test_an_hour_against_its_weeks(now: int, weeks: tuple[int, ...], says: str) -> None:
    assert counts.judge(now, weeks) == says


def test_rows_an_hour_are_counted_read_only_against_the_same_weekday(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "lis.sqlite"
    begin = datetime(2026, 11, 20, 9, 30)  # noqa: DTZ001 - a civil time of the database
    db = sqlite3.connect(path)
    with db:
        db.execute("CREATE TABLE results (at TEXT)")
        for week in range(4):
            for minute in range(0 if week else 24, 25):
                at = begin - timedelta(weeks=week) + timedelta(minutes=minute)
                db.execute("INSERT INTO results VALUES (?)", (at.strftime("%Y%m%d%H%M%S"),))
    db.close()
    query = "SELECT COUNT(*) AS n FROM results WHERE at >= :begin AND at < :end"
    assert counts.counting(query)
    assert not counts.counting("SELECT 1 FROM results WHERE barcode = :barcode")
    probe = SqlProbe(name="n", role="LIS", url=str(path), query=query)

    found = counts.count({"n": probe}, begin, begin + timedelta(minutes=45), weeks=3)
    probe.close()

    assert [(one.count, list(one.weeks), one.says) for one in found] == [
        (1, [25, 25, 25], "low"), (0, [0, 0, 0], "no measure"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["²", "-1", "1.0", "x", "9" * 5_000])
def test_what_is_no_number_is_no_count(text: str) -> None:
    class Odd:
        name = role = "LIS"

        def ask(self, args: object) -> Answer:
            return Answer(outcome=Outcome.OK, rows=[{"n": text}])

        def close(self) -> None: ...

    begin = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - as above
    (found,) = counts.count({"n": Odd()}, begin, begin + timedelta(hours=1), weeks=1)

    assert (found.count, found.says) == (None, "failed")


def test_a_count_that_fails_is_never_usual() -> None:
    class Broken:
        name = role = "LIS"

        def ask(self, args: object) -> Answer:
            return Answer(outcome=Outcome.FAILED, error="gone")

        def close(self) -> None: ...

    begin = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - as above
    (hour,) = counts.count({"n": Broken()}, begin, begin + timedelta(minutes=5))

    assert (hour.says, hour.reason) == ("failed", "gone")
