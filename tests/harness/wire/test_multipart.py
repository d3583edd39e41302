"""Multipart bodies: what RFC 2046 prints, what the reader of mail makes of them, what is broken."""

import email
import random
from email import policy

import pytest

from harness.errors import PeerError
from harness.wire import multipart
from harness.wire.multipart import Media, Part

# Typed from RFC 2046 §5.1.1, its example of a body with preamble, epilogue and two parts.
PRINTED = (
    b"This is the preamble.  It is to be ignored, though it\r\n"
    b"is a handy place for composition agents to include an\r\n"
    b"explanatory note to non-MIME conformant readers.\r\n"
    b"\r\n"
    b"--simple boundary\r\n"
    b"\r\n"
    b"This is implicitly typed plain US-ASCII text.\r\n"
    b"It does NOT end with a linebreak.\r\n"
    b"--simple boundary\r\n"
    b"Content-type: text/plain; charset=us-ascii\r\n"
    b"\r\n"
    b"This is explicitly typed plain US-ASCII text.\r\n"
    b"It DOES end with a linebreak.\r\n"
    b"\r\n"
    b"--simple boundary--\r\n"
    b"\r\n"
    b"This is the epilogue.  It is also to be ignored.\r\n"
)


def test_the_printed_example_has_two_parts():
    first, second = multipart.parse(PRINTED, "simple boundary")

    assert first.headers == ()
    assert first.body.endswith(b"It does NOT end with a linebreak.")
    assert second.body.endswith(b"It DOES end with a linebreak.\r\n")
    assert second.media == Media(kind="text/plain", parameters={"charset": "us-ascii"})


@pytest.mark.parametrize("seed", range(20))
def test_what_is_built_is_read_by_us_and_by_the_reader_of_mail(seed):
    drawn = random.Random(seed)
    bodies = [drawn.randbytes(drawn.choice((0, 1, 7, 300))) for _ in range(drawn.randint(1, 6))]
    bodies.append(b"\r\n--edge\r\n--edg--\r\n--edgex\r\n"[: drawn.randint(2, 26)])
    boundary = "edge" + "".join(drawn.choices("abcXYZ0189'()+_,-./:=?", k=20)) + "9"
    parts = [Part(body=one, headers=[("Content-Type", "application/dicom")]) for one in bodies]

    whole = multipart.build(parts, boundary)

    assert [one.body for one in multipart.parse(whole, boundary)] == bodies
    head = f'Content-Type: multipart/related; boundary="{boundary}"\r\n\r\n'.encode()
    mail = email.message_from_bytes(head + whole, policy=policy.HTTP)
    assert len(list(mail.iter_parts())) == len(bodies)


def body(*parts):
    return multipart.build([Part(body=one) for one in parts], "b")


@pytest.mark.parametrize(
    ("data", "boundary", "why"),
    [
        (body(b"one", b"two")[:-5], "b", "ends inside a part"),
        (body(b"one", b"two")[:9], "b", "ends inside a part"),
        (body(b"one"), "other", "never comes"),
        (b"", "b", "never comes"),
        (body(b"one"), "", "no boundary"),
        (body(b"one"), "x" * 257, "no boundary"),
        (body(b"one"), "a\r\nb", "no boundary"),
        (b"--b\r\nno header\r\n\r\nx\r\n--b--", "b", "no header"),
        (b"--b\r\nA: b\r\nx\r\n--b--", "b", "have no end"),
    ],
)
def test_a_broken_body_is_an_error_with_its_clause(data, boundary, why):
    with pytest.raises(PeerError, match=why) as caught:
        multipart.parse(data, boundary)
    assert caught.value.clause


def test_a_boundary_that_is_too_long_and_in_use_is_read():
    """Two UUIDs, 73 characters: what a common archive writes as a client."""
    boundary = "7088e4c8-177f-4be4-9b3d-0c2d063d1353-7088e4c8-177f-4be4-9b3d-0c2d063d1353"

    assert len(boundary) > multipart.BOUNDARY_CHARS_MAX
    assert multipart.parse(multipart.build([Part(body=b"x")], boundary), boundary)[0].body == b"x"


def test_a_body_of_no_parts_has_none():
    assert multipart.parse(b"--b--\r\n", "b") == []


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_no_cut_gives_fewer_parts(cut):
    whole = body(b"first part", b"second part", b"third part")
    with pytest.raises(PeerError):
        multipart.parse(whole[: len(whole) - 4 - cut], "b")


@pytest.mark.parametrize(
    ("text", "kind", "parameters"),
    [
        ('multipart/related; type="application/dicom"; boundary=b', "multipart/related",
         {"type": "application/dicom", "boundary": "b"}),
        ('Multipart/Related;BOUNDARY="a;b\\"c" ; type=x/y', "multipart/related",
         {"boundary": 'a;b"c', "type": "x/y"}),
        ("application/dicom+json", "application/dicom+json", {}),
    ],
)  # fmt: skip
def test_media_types_with_and_without_quotes(text, kind, parameters):
    assert multipart.media(text) == Media(kind=kind, parameters=parameters)


@pytest.mark.parametrize("text", ["", "dicom", "a b/c", "x/y; =3", "x/y; a b=c"])
def test_what_is_no_media_type_is_refused(text):
    with pytest.raises(PeerError):
        multipart.media(text)


def test_what_is_accepted_comes_in_the_order_of_its_weight():
    said = 'text/html;q=0.5, multipart/related; type="a/b,c";q=0.9, */*;q=0, image/png'

    assert [one.kind for one in multipart.accepted(said)] == [
        "image/png", "multipart/related", "text/html",
    ]  # fmt: skip
