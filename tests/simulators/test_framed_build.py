"""Every shipped framed model: what it writes is what an independent reader reads."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import CHINA
from harness.errors import InputError
from harness.wire.core import Message
from harness.wire.framings_read import read
from harness.wire.framings_readers import READERS
from simulators.analyzer.framed_analyzer import FramedAnalyzer
from simulators.analyzer.framed_build import Seat, payloads, questions
from simulators.analyzer.model import known_models, load_model
from simulators.analyzer.model_framed import Field_, FramedSection
from simulators.analyzer.upload import Result
from simulators.analyzer.upload import Tested as Specimen

TIME = datetime(2026, 1, 5, 8, 0, tzinfo=CHINA)


def sections() -> dict[str, FramedSection]:
    models = (load_model(name) for name in known_models())
    return {model.name: model.framed for model in models if model.family == "framed"}


SECTIONS = sections()


def over_the_wire(section: FramedSection, messages: list[bytes]) -> list[bytes]:
    """Through one core and out of another, with every reply given."""
    sender = FramedAnalyzer(section).open_core("L", client=True)
    receiver = FramedAnalyzer(section).open_core("L", client=False)
    for payload in messages:
        sender.send(Message(payload=payload), 0.0)
    for _ in range(1_000):
        data = sender.data_to_send()
        if not data:
            break
        receiver.receive(data, 0.0)
        sender.receive(receiver.data_to_send(), 0.0)
    return [event.payload for event in receiver.events() if isinstance(event, Message)]


def test_the_families_are_there() -> None:
    assert set(SECTIONS) >= {
        "beckman-au", "hitachi-7170", "sysmex-kx21", "ciba-corning-1620", "urit-strip",
        "biomerieux-mini-vidas", "coulter-maxm", "vitros-750", "beckman-array",
    }  # fmt: skip
    assert {section.reader for section in SECTIONS.values()} == set(READERS)


@pytest.mark.parametrize("name", sorted(SECTIONS))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_what_is_written_is_read(name: str, data: st.DataObject) -> None:
    section = SECTIONS[name]
    items = data.draw(st.lists(st.sampled_from(sorted(section.channels)), min_size=1, unique=True))
    numbers = [data.draw(st.integers(10, 9_999)) for _ in items]
    results = [
        Result(item=item, value=str(Decimal(number) / 100), flag=data.draw(st.sampled_from("NHL")))
        for item, number in zip(items, numbers, strict=True)
    ]
    barcode = data.draw(st.from_regex(r"[1-9][0-9]{5,11}", fullmatch=True))
    tested = Specimen(barcode=barcode, results=results)
    sent = payloads(section, [tested, Specimen(barcode="9" * 8, results=results)], time=TIME)
    received = over_the_wire(section, sent)
    assert [one.rstrip(b" ") for one in received] == [one.rstrip(b" ") for one in sent]

    got = read(READERS[section.reader], received, section.lis_setup)
    assert got.problems == []
    found = [(one.barcode, one.results) for one in got.specimens]
    mine = [result for code, rows in found for result in rows if code == barcode and result.value]
    assert {code for code, _ in found} == {barcode, "9" * 8}
    assert len(mine) == len(results)
    by_code = {result.code: result for result in mine}
    for result in results:
        channel = section.channels[result.item]
        back = by_code[channel.code]
        exact = Decimal(result.value).scaleb(channel.factor)
        places = channel.decimals if channel.decimals is not None else 2
        assert abs(Decimal(back.value) - exact) <= Decimal(5).scaleb(-places - 1)
        if _flagged(section):
            assert (back.flag == "") == (result.flag == "N")


def _flagged(section: FramedSection) -> bool:
    """Whether the layout has a place for flags at all; one maker's has none."""
    fields = [one for frame in section.frames for one in (*frame.head, *frame.each)]
    return any(one.source == "flag" for one in fields)


def test_all_layouts_but_one_have_a_place_for_flags() -> None:
    assert [name for name in sorted(SECTIONS) if not _flagged(SECTIONS[name])] == ["sebia-hydrasys"]


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_specimen_without_results_can_be_sent(name: str) -> None:
    section = SECTIONS[name]

    for payload in payloads(section, [Specimen(barcode="12345678", results=[])], time=TIME):
        assert payload.decode(section.encoding)


def test_blocks_split_values() -> None:
    """A report of the MAXM is longer than one block; the reader sees whole lines."""
    section = SECTIONS["coulter-maxm"]
    tested = Specimen(barcode="12345678", results=[Result(item="WBC", value="6.1")])
    (payload,) = payloads(section, [tested], time=TIME)

    assert len(payload) > section.framing.block_bytes
    assert b"-----" in payload


def test_the_bytes_of_an_olympus_block() -> None:
    section = SECTIONS["beckman-au"]
    tested = Specimen(
        barcode="24000001", rack="12", position="3", number="7",
        results=[Result(item="GLU", value="5.6"), Result(item="K", value="140", flag="H")],
    )  # fmt: skip
    assert payloads(section, [tested], time=TIME) == [
        b"DB01",
        b"D 001203 000724000001            E01  5.60  97140.00H ",
        b"DE01",
    ]

    control = Specimen(barcode="L1", results=[], quality_control=True)
    assert payloads(section, [control], time=TIME)[1].startswith(b"DQ")
    assert questions(section, "24000001", time=TIME, seat=Seat(rack="12")) == [
        b"RB01",
        b"R 001201 000124000001            ",
        b"RE01",
    ]
    assert questions(SECTIONS["sysmex-kx21"], "1", time=TIME) == []


def test_implied_decimals_and_another_unit() -> None:
    """135 g/L is 13.5 g/dL, and ``0135`` on the wire of a KX-21."""
    results = [Result(item="HGB", value="135"), Result(item="WBC", value="6.14", flag="H")]
    (payload,) = payloads(
        SECTIONS["sysmex-kx21"], [Specimen(barcode="24000001", results=results)], time=TIME
    )

    assert payload == (b"D1U260105       24000001" + b"00611" + b"*0000" + b"01350" + b"*0000" * 5)


@pytest.mark.parametrize(
    ("name", "result", "part"),
    [
        ("beckman-au", Result(item="NONE", value="1"), "NONE"),
        ("beckman-au", Result(item="GLU", value="12345.6"), "12345.60"),
        ("sysmex-kx21", Result(item="WBC", value="<0.1"), "<0.1"),
    ],
)
def test_what_the_instrument_cannot_say(name: str, result: Result, part: str) -> None:
    with pytest.raises(InputError, match=part):
        payloads(SECTIONS[name], [Specimen(barcode="1", results=[result])], time=TIME)


def test_a_barcode_is_never_cut() -> None:
    with pytest.raises(InputError, match="12345678901234"):
        payloads(
            SECTIONS["hitachi-7170"], [Specimen(barcode="12345678901234", results=[])], time=TIME
        )


def test_words_go_out_as_they_are() -> None:
    results = [Result(item="U-PRO", value="1+", flag="A"), Result(item="U-NIT", value="-")]
    (payload,) = payloads(
        SECTIONS["urit-strip"], [Specimen(barcode="24000001", results=results)], time=TIME
    )

    assert b"\r\n*PRO  1+      g/L\r\n NIT  -       \r\n" in payload


def test_a_model_that_does_not_fit_together() -> None:
    raw = {"channels": {}, "frames": [{"scope": "specimen"}]}
    for wrong in ({"query": "olympus"}, {"query": "poll"}, {"framing": {"start": "<NO>"}}):
        with pytest.raises(ValueError, match=r"query|poll|control"):
            FramedSection.model_validate(raw | wrong)
    with pytest.raises(ValueError, match="pad"):
        Field_.model_validate({"pad": ""})
