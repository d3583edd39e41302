"""The drawing of a ladder."""

import re
from dataclasses import replace

import sample
from lxml import etree

from harness.evidence import trace
from harness.report.ladder import Ladder, Row, lay_out
from harness.report.ladder_svg import SLICE_PX, svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn(ladder, link=lambda number: ""):
    """The slices as trees: they must be well-formed on their own."""
    return [
        etree.fromstring(str(one).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
        for one in svg(ladder, link)
    ]


def arrow(**more) -> Row:
    return replace(Row(kind="message", n=1, frm="LIS", to="HIS", label="ORU^R01"), **more)


def two(*rows: Row) -> Ladder:
    return Ladder(roles=("LIS", "HIS"), rows=rows)


def texts(tree) -> list[str]:
    return [element.text for element in tree.iter(f"{SVG}text")]


def classes(tree) -> set[str]:
    return {name for element in tree.iter() for name in (element.get("class") or "").split()}


def test_an_arrow_runs_from_sender_to_receiver():
    (there,) = drawn(two(arrow()))
    (back,) = drawn(two(arrow(frm="HIS", to="LIS")))
    ends = []
    for tree in (there, back):
        line = tree.find(f".//{SVG}g[@class='arrow']/{SVG}line")
        ends.append((float(line.get("x1")), float(line.get("x2"))))

    assert ends[0][0] < ends[0][1]
    assert ends[1][0] > ends[1][1]


def test_a_fault_is_a_lightning_on_its_arrow():
    (tree,) = drawn(two(arrow(bolts=("hl7-37 drop",))))
    bolt = tree.find(f".//{SVG}path[@class='bolt']")
    x, y = (float(part) for part in re.findall(r"[\d.]+", bolt.get("transform")))
    line = tree.find(f".//{SVG}g[@class='arrow']/{SVG}line")

    assert float(line.get("x1")) < x < float(line.get("x2"))
    assert y == float(line.get("y1"))
    assert "hl7-37 drop" in texts(tree)


def test_a_lost_message_ends_in_a_cross():
    (tree,) = drawn(two(arrow(broken=True)))

    assert {"broken", "cross"} <= classes(tree)
    assert tree.find(f".//{SVG}polygon") is None


def test_an_acknowledgement_is_lighter():
    assert "light" in classes(drawn(two(arrow(light=True)))[0])


def test_rows_link_to_their_details():
    (tree,) = drawn(two(arrow(n=5), arrow(n=6)), lambda number: "s1-5" if number == 5 else "")

    assert [one.get("href") for one in tree.iter(f"{SVG}a")] == ["#s1-5"]


def test_a_fault_row_links_to_the_fault():
    row = Row(kind="fault", n=7, frm="HIS", to="LIS", label="drop", broken=True, faults=(7,))
    (tree,) = drawn(two(row), lambda number: f"s1-{number}")

    assert [one.get("data-detail") for one in tree.iter(f"{SVG}a")] == ["s1-7"]


def test_what_belongs_to_no_lifeline_goes_across():
    rows = (
        Row(kind="fault", label="kill HIS", broken=True),
        Row(kind="note", label="told to nobody"),
        Row(kind="link", label="his-oru opened"),
        arrow(frm="LIS", to="LIS", label="to itself"),
    )
    (tree,) = drawn(two(*rows))

    assert {"⚡ kill HIS", "told to nobody", "his-oru opened", "to itself"} <= set(texts(tree))


def test_slices_fit_a_page_and_repeat_the_lifelines():
    trees = drawn(two(*[arrow(n=number) for number in range(60)]))

    assert len(trees) > 1
    for tree in trees:
        assert float(tree.get("height")) <= SLICE_PX + 10
        assert texts(tree)[:2] == ["LIS", "HIS"]
    assert sum(1 for tree in trees for _ in tree.iter(f"{SVG}polygon")) == 60


def test_nothing_is_drawn_outside_the_picture(folder):
    for ident in sample.SCENARIOS:
        path = folder / "traces" / f"{ident}.jsonl"
        if not path.exists():
            continue
        for tree in drawn(lay_out(trace.read(path).records)):
            width = float(tree.get("width"))
            for box in tree.iter(f"{SVG}rect"):
                assert float(box.get("x")) >= 0
                assert float(box.get("x")) + float(box.get("width")) <= width + 0.01


def test_a_hostile_label_stays_text():
    hostile = sample.HOSTILE
    rows = [
        Row(kind=kind, n=1, frm=hostile, to="HIS", label=hostile, clock=hostile, bolts=(hostile,))
        for kind in (
            "message",
            "fault",
            "probe",
            "violation",
            "note",
            "link",
            "step",
            "gap",
            "more",
        )
    ]
    (tree,) = drawn(Ladder(roles=(hostile, "HIS"), rows=tuple(rows)), lambda _: '"><script>')

    assert {element.tag for element in tree.iter()} <= {
        SVG + name for name in ("svg", "g", "a", "line", "rect", "text", "path", "polygon")
    }
    assert "\u202e" not in "".join(text or "" for text in tree.itertext())


def test_an_empty_ladder_draws_nothing():
    assert svg(Ladder(roles=(), rows=()), str) == []
