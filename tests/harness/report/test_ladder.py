"""The sequence of a scenario as rows."""

import sample

from harness.clock import VirtualClock
from harness.evidence import trace
from harness.evidence.trace import Trace, pack
from harness.report import ladder
from harness.report.ladder import ROLES_MAX, ROWS_MAX, lay_out


def rows_of(folder, ident):
    return lay_out(trace.read(folder / "traces" / f"{ident}.jsonl").records)


class Journal:
    """A trace in memory."""

    def __init__(self):
        self.clock = VirtualClock()
        self.trace = Trace(clock=self.clock)

    def message(self, frm="LIS", to="HIS", raw=b"MSH|x", conn="c#1", **more):
        more = {"type": "ORU^R01", "id": "1", "protocol": "hl7", "corr": {}} | more
        self.trace.add("message", conn=conn, frm=frm, to=to, raw=pack(raw), **more)

    def fault(self, before=b"", after=b"", event="fired", **more):
        more = {"id": "f1", "fault_class": "hl7-37", "action": "drop", "conn": "c#1"} | more
        self.trace.add("fault", event=event, before=pack(before), after=pack(after), **more)

    def laid(self):
        return lay_out(self.trace.records)


def test_roles_stand_as_results_travel(folder):
    assert rows_of(folder, "result-arrives").roles == ("analyzer", "LIS", "HIS")


def test_unknown_roles_stand_between():
    journal = Journal()
    journal.message(frm="HIS", to="broker")
    journal.message(frm="feed-2", to="LIS")

    assert journal.laid().roles == ("feed-2", "LIS", "broker", "HIS")


def test_an_arrow_names_type_and_narrowest_key(folder):
    labels = [row.label for row in rows_of(folder, "result-arrives").rows if row.kind == "message"]

    assert labels == ["astm result 2603020017", "ORU^R01 2603020017", "ACK^R01 AA M1"]


def test_acknowledgements_are_lighter(folder):
    light = [row.light for row in rows_of(folder, "result-arrives").rows if row.kind == "message"]

    assert light == [False, False, True]


def test_a_fault_lies_on_the_arrow_that_it_hit(folder):
    hit = [row for row in rows_of(folder, "value-changed").rows if row.bolts]

    assert [(row.label, row.bolts, row.broken) for row in hit] == [
        ("ORU^R01 2603020017", ("lab-21 replace",), False)
    ]


def test_an_answer_that_was_dropped_is_an_arrow_of_its_own_and_broken(folder):
    lost = [row for row in rows_of(folder, "sent-twice").rows if row.kind == "fault"]

    assert [(row.frm, row.to, row.label, row.broken) for row in lost] == [
        ("HIS", "LIS", "hl7-37 drop", True)
    ]


def test_a_message_whose_bytes_were_dropped_is_broken():
    journal = Journal()
    journal.message(raw=b"MSH|first")
    journal.message(raw=b"MSH|second")
    journal.fault(before=b"\x0bMSH|first\x1c\r", frm="LIS", to="HIS")

    first, second = journal.laid().rows

    assert (first.broken, first.bolts) == (True, ("hl7-37 drop",))
    assert (second.broken, second.bolts) == (False, ())


def test_a_frame_of_a_message_is_found_in_it():
    journal = Journal()
    journal.message(frm="analyzer", to="LIS", raw=b"H|\\^&\rP|1|M260001\rL|1\r")
    # LIS01-A2 §6.3: STX, frame number, text, ETX, checksum, CR LF
    frame = b"\x022P|1|M260001\r\x03A7\r\n"
    journal.fault(before=frame, after=frame[:-4] + b"B8\r\n", frm="analyzer", to="LIS")

    (arrow,) = journal.laid().rows

    assert arrow.bolts == ("hl7-37 drop",)
    assert not arrow.broken


def test_a_changed_unit_lies_on_the_nearest_arrow_of_its_connection():
    journal = Journal()
    journal.message(raw=b"MSH|a", conn="other#1")
    journal.message(raw=b"MSH|b")
    journal.fault(before=b"\x06", after=b"\x15", frm="LIS", to="HIS")

    other, own = journal.laid().rows

    assert (other.bolts, own.bolts) == ((), ("hl7-37 drop",))


def test_a_fault_too_far_away_keeps_its_own_row():
    journal = Journal()
    journal.message(raw=b"MSH|a")
    journal.clock.advance_to(ladder.NEAR_S + 0.1)
    journal.fault(before=b"MSH|a", after=b"MSH|b", frm="LIS", to="HIS")

    assert [row.kind for row in journal.laid().rows] == ["message", "gap", "fault"]


def test_a_message_without_bytes_is_hit_by_nothing_it_cannot_hold():
    journal = Journal()
    journal.message(raw=b"")
    journal.fault(before=b"MSH|a", frm="LIS", to="HIS")

    assert [row.kind for row in journal.laid().rows] == ["message", "fault"]


def test_silence_is_folded_and_told(folder):
    gaps = [row.label for row in rows_of(folder, "ack-lost-once").rows if row.kind == "gap"]

    assert gaps == ["10.0 s nothing"]


def test_a_probe_that_answers_the_same_is_one_note(folder):
    notes = [row.label for row in rows_of(folder, "ack-lost-once").rows if row.kind == "probe"]

    assert notes == ["probe results: 0 rows ×4", "probe results: 1 rows"]


def test_a_probe_that_could_not_look_says_so():
    journal = Journal()
    journal.trace.add("probe", probe="results", role="HIS", outcome="failed", rows=[])

    assert journal.laid().rows[0].label == "probe results: failed"


def test_commands_notes_healing_and_violations_are_told(folder):
    journal = Journal()
    journal.trace.add("command", role="HIS", name="restart", outcome="ok")
    journal.trace.add("note", role="LIS", text="queue restored")
    journal.trace.add("note", window="e1", rests=[])  # nothing to read
    journal.fault(event="healed", id="f9", conn="")
    journal.fault(event="healed", id="f8", conn="c#1")  # healed by firing: said already

    assert [(row.kind, row.label) for row in journal.laid().rows] == [
        ("note", "HIS · restart · ok"),
        ("note", "queue restored"),
        ("note", "fault f9 healed"),
    ]
    violations = [row for row in rows_of(folder, "value-changed").rows if row.kind == "violation"]
    assert [row.label for row in violations] == ["mllp.junk-before-start MLLP R1 §2"]


def test_a_long_scenario_is_bounded_and_keeps_its_faults():
    journal = Journal()
    for number in range(1000):
        journal.message(id=f"m{number}")
        if number == 500:
            journal.fault(frm="HIS", to="LIS", before=b"\x06")

    laid = journal.laid()
    shown = [row for row in laid.rows if row.n]
    more = [row.label for row in laid.rows if row.kind == "more"]

    assert len(shown) <= ROWS_MAX
    assert len(shown) + laid.dropped == 1001
    assert [row.label for row in shown if row.kind == "fault"] == ["hl7-37 drop"]
    assert len(more) == 2
    assert sum(int(label.split()[1]) for label in more) == laid.dropped


def test_a_flood_of_faults_is_bounded():
    journal = Journal()
    for _ in range(300):
        journal.fault(frm="HIS", to="LIS", before=b"\x06")

    assert sum(1 for row in journal.laid().rows if row.n) <= ROWS_MAX


def test_more_roles_than_lifelines_are_left_out():
    journal = Journal()
    for number in range(ROLES_MAX + 3):
        journal.message(frm=f"analyzer-{number}", to="HIS")

    laid = journal.laid()

    assert len(laid.roles) == ROLES_MAX
    assert laid.dropped + len(laid.rows) == ROLES_MAX + 3
    assert all({row.frm, row.to} <= set(laid.roles) for row in laid.rows)


def test_labels_are_hidden_before_they_are_cut():
    records = [{"n": 1, "t": 0.0, "w": "", "kind": "note", "text": f"患者 {sample.NAME}"}]

    laid = lay_out(records, hide=lambda text: text.replace(sample.NAME, "****"))

    assert laid.rows[0].label == "患者 ****"


def test_records_without_their_fields_still_lie_out():
    records = [
        {"n": number, "t": 0.0, "kind": kind} for number, kind in enumerate(sorted(trace.KINDS), 1)
    ]

    assert lay_out(records).roles == ()
