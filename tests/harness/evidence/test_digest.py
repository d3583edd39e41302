"""Long bytes stand in the journal as their digest, everything else as it is."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.digest import KEPT, Digests
from harness.link.tap import Connection, Gathering

WAY = Connection(id="c1", link="l", interface="I", local="CT", peer="PACS", client=True)


class Journal:
    def __init__(self):
        self.told = []

    def link(self, connection, event, reason):
        self.told.append(("link", event))

    def data(self, connection, data, *, sent):
        self.told.append(("data", data, sent))

    def event(self, connection, protocol, event, *, sent):
        self.told.append(("event", event))

    def note(self, role, text):
        self.told.append(("note", role, text))


def test_long_bytes_are_hashed_in_their_order_and_told_before_what_follows():
    journal = Journal()
    digests = Digests(journal)
    first, second = bytes(KEPT + 1), b"\1" * 5000
    digests.data(WAY, b"short", sent=True)
    digests.data(WAY, first, sent=True)
    digests.data(WAY, second, sent=True)
    digests.data(WAY, b"end", sent=True)
    digests.data(WAY, second, sent=False)
    digests.link(WAY, "closed", "")
    both = hashlib.sha256(first + second).hexdigest()
    back = hashlib.sha256(second).hexdigest()
    assert journal.told == [
        ("data", b"short", True),
        ("note", "CT", f"digest: c1 sent {len(first) + 5000} bytes in 2 pieces, sha256 {both}"),
        ("data", b"end", True),
        ("note", "CT", f"digest: c1 received 5000 bytes in 1 pieces, sha256 {back}"),
        ("link", "closed"),
    ]


def test_a_change_of_direction_ends_a_digest():
    journal = Journal()
    digests = Digests(journal)
    digests.data(WAY, bytes(2000), sent=True)
    digests.data(WAY, bytes(3000), sent=False)
    digests.event(WAY, "dicom", object(), sent=False)
    assert [one[0] for one in journal.told] == ["note", "note", "event"]
    assert "2000" in journal.told[0][2]
    assert "3000" in journal.told[1][2]


def test_sizes_alone_are_told_where_the_objects_are_known_by_their_own_digest():
    journal = Journal()
    digests = Digests(journal, hashing=False)
    digests.together(WAY, bytes(12) + bytes(2 * 5000), [12, 5000, 5000], sent=True)
    digests.link(WAY, "closed", "")
    told = f"digest: c1 sent {2 * 5000} bytes in 2 pieces"
    assert journal.told == [("data", bytes(12), True), ("note", "CT", told), ("link", "closed")]


def test_what_is_just_kept_is_kept():
    journal = Journal()
    Digests(journal).data(WAY, bytes(KEPT), sent=True)
    assert journal.told == [("data", bytes(KEPT), True)]


@given(st.lists(st.integers(1, 3 * KEPT), max_size=12), st.randoms(use_true_random=False))
def test_what_leaves_together_is_told_as_if_it_left_one_by_one(sizes, chance):
    pieces = [chance.randbytes(size) for size in sizes]
    alone, together = Journal(), Journal()
    one, all_at_once = Digests(alone), Digests(together)
    for piece in pieces:
        one.data(WAY, piece, sent=True)
    all_at_once.together(WAY, b"".join(pieces), sizes, sent=True)
    for each in (one, all_at_once):
        each.link(WAY, "closed", "")
    assert together.told == alone.told


def test_an_association_tells_what_leaves_together():
    assert isinstance(Digests(Journal()), Gathering)
    assert not isinstance(Journal(), Gathering)
