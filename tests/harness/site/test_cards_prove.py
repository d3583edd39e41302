"""Cards against what the built-in hospital really sends: each is proven by its own message alone.

A scenario that ships lets our HIS or LIS do what a card asks a person for. Its messages must prove
the card of the patient that it was about, and no card of another patient.
"""

import pytest

from harness.evidence.trace import read
from harness.profile import load_profile
from harness.resources import fixture
from harness.scenario.binding import load
from harness.scenario.persons import with_person
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries
from harness.site.cards import Card, read_forms

SHIPPED = [
    ("HIS transfer", "feeds/admissions", "feed-transfer"),
    ("HIS discharge", "feeds/admissions", "feed-discharge"),
    ("HIS update", "feeds/admissions", "feed-delete-phone"),
    ("HIS merge", "feeds/admissions", "feed-merge"),
    ("HIS cancel", "feeds/orders", "feed-cancel"),
    ("LIS review", "lab/kinds", "lab-reviewed"),
    ("LIS choose", "lab/kinds", "lab-choose-rerun"),
    ("LIS correct", "lab/critical", "lab-critical-corrected"),
    ("HIS yb-mobile-pay", "insurance/mobile", "yb-mobile"),
    ("HIS yb-list", "insurance/lists", "yb-list"),
    ("HIS yb-list-check", "insurance/lists", "yb-list-resettled"),
    ("HIS yb-ownpay", "insurance/lists", "yb-ownpay"),
    ("HIS yb-dispense", "insurance/trace_codes", "yb-trace"),
    ("HIS yb-return", "insurance/trace_codes", "yb-trace-return-lost"),
    ("HIS yb-face-settle", "insurance/credentials", "yb-face"),
]

NOBODYS = {"HIS yb-list-check"}
"""Of a day or a department: no patient stands on the card."""


@pytest.fixture(scope="module")
def libraries():
    return load_libraries()


@pytest.fixture(scope="module")
def carried():
    ends = load_profile("builtin").endpoints
    return {name: (one.interface, *one.also) for name, one in ends.items()}


def played(folder, libraries, file, ident):
    path = fixture("profiles", "builtin.toml").parents[2] / "scenarios" / f"{file}.feature"
    (bound,) = [one for one in load([path], libraries) if one.scenario.id == ident]
    worlds = []
    options = SessionOptions(profile="memory", seed=3, folder=folder / "run")
    session = RunSession(options, prepare=worlds.append)
    try:
        assert session.run(bound).verdict == "pass"
    finally:
        session.stop()
    return read(folder / "run" / "traces" / f"{ident}.jsonl").records, worlds[0].people


def card_of(form, args, since):
    return Card(number=1, form=form, args=dict(args), workstation=form.workstation,
                minted=frozenset(), typed=frozenset(), since=since, opened="")  # fmt: skip


def proving(card, records, carried):
    wanted = card.wanted({})
    assert wanted, "nothing would be looked at"
    return [one["n"] for one in records if card.proves(one, wanted, carried)]


@pytest.mark.parametrize(("name", "file", "ident"), SHIPPED, ids=[one[0] for one in SHIPPED])
def test_a_card_is_proven_by_what_is_sent_about_its_patient(
    tmp_path, libraries, carried, name, file, ident
):
    role, _, command = name.partition(" ")
    form = read_forms()[role, command]
    records, people = played(tmp_path, libraries, file, ident)
    told = [one for one in records if one["kind"] == "command" and one["name"] == command]
    assert told, "the scenario does not do it"
    before = [one["n"] for one in records if one["kind"] == "step" and one["n"] < told[0]["n"]][-1]
    args = with_person(told[0]["args"], people)
    assert proving(card_of(form, args, before), records, carried)
    last = records[-1]["n"]
    assert not proving(card_of(form, args, last), records, carried), "what passed before is none"
    if name in NOBODYS:
        return
    about = [one for one in ("patient_id", "barcode", "id_card") if f"{{{one}}}" in str(form.match)]
    assert about, "the card is about nobody"
    for one in about:
        other = card_of(form, args | {one: f"{args[one]}9"}, before)
        assert not proving(other, records, carried), f"another {one} is taken for it"
