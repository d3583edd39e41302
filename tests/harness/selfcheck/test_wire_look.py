"""A fault that says it fired is believed only if the link shows it."""

from harness.evidence.line import pack
from harness.selfcheck.wire_look import happened


def fired(before=b"ABCDEF", after=b"ABCXEF", **more):
    fields = {"conn": "c#1", "frm": "LIS", "to": "HIS", "layer": "message", "detail": ""}
    packed = {"before": pack(before), "after": pack(after)}
    head = {"n": 1, "t": 1.0, "kind": "fault", "event": "fired", "id": "F1"}
    return head | fields | packed | more


def sent(*chunks, t=1.0, conn="c#1", frm="LIS", first=2):
    return [
        {"n": n, "t": t, "kind": "bytes", "conn": conn, "frm": frm, "raw": pack(chunk)}
        for n, chunk in enumerate(chunks, first)
    ]


def link(event, reason="", n=8, conn="c#1", frm="LIS", to="HIS"):
    fields = {"event": event, "reason": reason, "conn": conn, "frm": frm, "to": to}
    return {"n": n, "t": 1.0, "kind": "link"} | fields


def test_other_bytes_are_seen():
    assert happened(fired(), sent(b"ABCXEF"))
    assert happened(fired(), sent(b"ABC", b"XEF"))


def test_bytes_that_went_as_they_were_are_not():
    assert not happened(fired(), sent(b"ABCDEF"))
    assert not happened(fired(), [])


def test_only_later_bytes_of_the_same_sender_on_the_same_connection_tell():
    assert not happened(fired(), sent(b"ABCXEF", first=0)[:1])
    assert not happened(fired(), sent(b"ABCXEF", conn="c#2"))
    assert not happened(fired(), sent(b"ABCXEF", frm="HIS"))


def test_a_repeat_begins_like_what_it_repeats():
    repeat = fired(b"AB", b"ABAB")

    assert happened(repeat, sent(b"ABAB"))
    assert not happened(repeat, sent(b"AB"))


def test_a_cut_is_no_cut_if_the_rest_follows():
    cut = fired(b"ABCDEF", b"ABC")

    assert happened(cut, sent(b"ABC"))
    assert not happened(cut, sent(b"ABC", b"DEF"))


def test_a_loss_is_a_loss_until_it_is_sent_again():
    loss = fired(b"AB", b"")

    assert happened(loss, [])
    assert happened(loss, sent(b"AB", t=2.0))
    assert not happened(loss, sent(b"AB"))


def test_the_same_bytes_in_pieces_late_or_with_a_reset_behind_them():
    same = fired(b"AB", b"AB")

    assert happened(same, sent(b"A", b"B"))
    assert happened(same, sent(b"AB", t=1.5))
    assert happened(same, [*sent(b"AB"), link("closed", "by us, reset")])
    assert not happened(same, sent(b"AB"))
    assert not happened(same, [*sent(b"AB"), link("closed", "by the peer")])
    assert not happened(same, sent(b"XY"))


def test_a_refused_connection_ends():
    refused = fired(b"", b"")

    assert happened(refused, [link("refused")])
    assert not happened(refused, [link("opened")])
    assert not happened(refused, [link("refused", conn="c#2")])


def test_a_lost_power_breaks_connections_of_that_system():
    lost = fired(layer="process", conn="", detail="HIS lost its power")
    back = {"n": 9, "t": 1.3, "kind": "fault", "event": "healed", "id": "F1"}

    assert happened(lost, [link("opened", n=3), link("closed", "reset"), back])
    assert not happened(lost, [link("closed", "by us"), back])
    assert not happened(lost, [link("closed", "reset", frm="a", to="LIS"), back])
    assert not happened(lost, [back, link("closed", "reset", n=10)])
    assert not happened(lost, [])


def test_a_pause_is_one_if_nothing_is_answered_for_so_long():
    pause = fired(action="pause", layer="process", detail="LIS stands still for 17 s")
    asked = [one | {"to": "LIS"} for one in sent(b"A", t=1.0, frm="analyzer")]
    answer = [one | {"to": "analyzer"} for one in sent(b"B", t=19.0, first=3)]

    assert happened(pause, [*asked, *answer])
    assert not happened(pause, [*asked, *(one | {"t": 9.0} for one in answer)])
    assert not happened(pause, answer)
    assert not happened(pause | {"detail": "LIS rests"}, [*asked, *answer])
