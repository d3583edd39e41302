"""A card that a terminal is armed for is the armed person, whoever holds it; and once."""

import json

import pytest
from test_strangers_http import STRANGER, WHO, settled

from harness import people
from harness.errors import PermitError
from harness.identity import IdentityGuard


@pytest.fixture
def guard():
    return IdentityGuard([WHO])


def read(card="K900", terminal="W1", infno="1101", **more):
    """What a HIS sends when somebody holds a card to its reader."""
    data = {"mdtrt_cert_type": "03", "mdtrt_cert_no": card, "card_sn": "", "certno":
            STRANGER.id_card, "psn_name": STRANGER.name, "brdy": "1971-02-03"} | more  # fmt: skip
    whole = {"infno": infno, "opter": "1001", "dev_no": terminal, "input": {"data": data}}
    return json.dumps(whole, ensure_ascii=False).encode()


def passes(guard, body):
    try:
        guard.check("http", body, theirs=True)
    except PermitError:
        return False
    return True


@pytest.mark.parametrize("shown", [{}, {"mdtrt_cert_type": "02", "mdtrt_cert_no":
                                        STRANGER.id_card}])  # fmt: skip
def test_the_holder_of_an_armed_card_is_the_armed_person_in_the_reading_message(guard, shown):
    assert not passes(guard, read(**shown))
    guard.expect_unknown("W1")
    assert not passes(guard, read(terminal="W2", **shown))
    assert not passes(guard, read(infno="2207", psn_no=WHO.patient_id, **shown))
    assert not passes(guard, read(psn_no=STRANGER.patient_id, **shown)), "on no card"
    assert not passes(guard, read(remark=f"陪同人{people.generate(3, 0).id_card}", **shown))
    assert passes(guard, read(**shown))


def test_an_armed_card_stays_known_and_the_next_unknown_one_is_a_stranger_again(guard):
    guard.expect_unknown("W1")
    assert passes(guard, read())
    assert passes(guard, read()), "the same card, read again"
    ours = {"psn_no": WHO.patient_id, "certno": WHO.id_card, "psn_name": WHO.name,
            "brdy": WHO.birth}  # fmt: skip
    assert passes(guard, read(infno="2207", **ours))
    assert not passes(guard, read(infno="2207", **ours | {"psn_name": STRANGER.name}))
    assert not passes(guard, read("K901"))
    guard.expect_unknown("W1")
    assert passes(guard, read("K901"))


def test_a_known_card_uses_no_arming(guard):
    guard.expect_unknown("W1")
    assert passes(guard, settled(WHO).encode())
    assert passes(guard, read())
