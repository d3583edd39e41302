"""What an association shares with all others, and what it must not."""

import copy

import pytest
from pynetdicom import build_context
from pynetdicom.presentation import negotiate_as_acceptor

from harness.link.dicom_setup import Contexts, proposed, remembered, taken

CT = "1.2.840.10008.5.1.4.1.1.2"
PLAIN = "1.2.840.10008.1.2"


def test_a_copy_of_the_contexts_is_read_by_negotiation_and_changes_nothing():
    known = Contexts([build_context(CT, [PLAIN, "1.2.840.10008.1.2.1"])])
    known[0].scp_role = known[0].scu_role = True
    mine = copy.deepcopy(known)
    assert (mine[0].abstract_syntax, mine[0].transfer_syntax) == (CT, known[0].transfer_syntax)
    assert (mine[0].scu_role, mine[0].scp_role) == (True, True)
    asked = build_context(CT, [PLAIN])
    asked.context_id = 1
    found, _ = negotiate_as_acceptor([asked], mine, {})
    assert (found[0].result, found[0].transfer_syntax) == (0, [PLAIN])
    mine[0].transfer_syntax.clear()
    mine[0].scp_role = False
    assert len(known[0].transfer_syntax) == 2
    assert known[0].scp_role is True
    assert known[0].result is None


def test_a_uid_is_checked_once_and_a_wrong_one_each_time():
    asked = []

    def check(value, name, *options, **named):
        asked.append((value, name, options, named))
        if not value:
            raise ValueError(name)
        return value

    known = remembered(check)
    assert [known(CT, "class"), known(CT, "class"), known(CT, "other")] == [CT] * 3
    assert len(asked) == 2
    for _ in range(2):
        with pytest.raises(ValueError, match="class"):
            known("", "class")
    assert known(CT, "class", validate=False) == CT
    assert asked[-1] == (CT, "class", (), {"validate": False})


def test_what_is_proposed_is_made_once_and_no_association_changes_it():
    known = proposed(((CT, (PLAIN,)),))
    assert proposed(((CT, (PLAIN,)),)) is known
    mine = copy.deepcopy(known)
    mine[0].context_id = 1
    mine[0].transfer_syntax.clear()
    assert known[0].context_id is None
    assert (known[0].abstract_syntax, known[0].transfer_syntax) == (CT, [PLAIN])


def test_what_a_listener_takes_is_made_once_and_no_association_changes_it():
    mr = "1.2.840.10008.5.1.4.1.1.4"
    offers = ((mr, (PLAIN,)), (CT, (PLAIN,)), (CT, ("1.2.840.10008.1.2.1",)))
    known = taken(offers, (CT,))
    assert taken(offers, (CT,)) is known
    assert taken(offers) is not known
    told = {one.abstract_syntax: (one.transfer_syntax, one.scu_role, one.scp_role) for one in known}
    both = [PLAIN, "1.2.840.10008.1.2.1"]
    assert told == {CT: (both, True, True), mr: ([PLAIN], None, None)}
    mine = copy.deepcopy(known)
    mine[0].transfer_syntax.clear()
    mine[0].scp_role = False
    assert [(one.transfer_syntax, one.scp_role) for one in known] == [(both, True), ([PLAIN], None)]
