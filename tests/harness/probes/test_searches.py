"""What a probe over HTTP may ask: a GET, or a POST to a path that only searches."""

import json

import pytest

from harness import i18n
from harness.errors import HarnessError, InputError
from harness.probes.http import HttpProbe
from harness.probes.searches import SEARCHES, question_of
from harness.profile import load_profile
from harness.resources import fixture
from harness.wire.http1_events import HttpResponse


@pytest.fixture(autouse=True)
def english():
    i18n.use("en")


FIND = """POST /tools/find
{"Level": "Instance", "Expand": true, "Limit": 9, "Query": {"StudyInstanceUID": ":study"}}"""


def test_a_path_is_asked_by_get_with_its_values_encoded():
    asked = question_of("/results?barcode=:code").request({"code": "a/b&c=1 甲"}, ())
    assert (asked.method, asked.payload) == ("GET", b"")
    assert asked.target == "/results?barcode=a%2Fb%26c%3D1%20%E7%94%B2"


def test_a_search_is_asked_by_post_with_its_keys():
    asked = question_of(FIND).request({"study": "1.2.3"}, (("Accept", "x"),))
    assert (asked.method, asked.target) == ("POST", "/tools/find")
    assert asked.headers == (("Accept", "x"), ("Content-Type", "application/json"))
    assert json.loads(asked.payload) == {"Level": "Instance", "Expand": True, "Limit": 9,
                                         "Query": {"StudyInstanceUID": "1.2.3"}}  # fmt: skip


@pytest.mark.parametrize("value", ['", "Level": "Study', "\\", '"}', "甲"])
def test_a_value_stays_a_value(value):
    asked = question_of(FIND).request({"study": value}, ())
    found = json.loads(asked.payload)
    assert found["Query"] == {"StudyInstanceUID": value}
    assert found.keys() == {"Level", "Expand", "Limit", "Query"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("POST /instances\n{}", "nobody says that it only searches"),
        ("POST /tools/find/../../instances\n{}", "nobody says that it only searches"),
        ("POST /tools/find?x=1\n{}", "nobody says that it only searches"),
        ("POST tools/find\n{}", "a path that begins with /"),
        ("POST /tools/find", "no JSON"),
        ("POST /tools/find\n[1]", "no JSON object"),
        ("DELETE /studies/1", "a path that begins with /"),
        ("tools/find", "a path that begins with /"),
        ("/a b", "a path that begins with /"),
    ],
)
def test_what_is_no_search_is_refused(query, words):
    with pytest.raises(InputError, match=words):
        question_of(query)


def test_a_profile_that_posts_elsewhere_is_refused(tmp_path):
    text = fixture("profiles", "orthanc.toml").read_text("utf-8")
    assert load_profile(str(fixture("profiles", "orthanc.toml"))).probes
    path = tmp_path / "site.toml"
    path.write_text(text.replace("POST /tools/find", "POST /tools/reset"), "utf-8")
    with pytest.raises(HarnessError) as told:
        load_profile(str(path))
    assert "nobody says that it only searches" in str(told.value)


def test_every_search_says_whose_it_is():
    assert all(path.startswith("/") and ":" in why for path, why in SEARCHES.items())


def test_a_question_without_its_value_is_refused_before_anything_is_sent():
    sent = []

    def send(request):
        sent.append(request)
        return HttpResponse(status=200, payload=b"[]")

    probe = HttpProbe(name="p", role="PACS", send=send, target=FIND)
    assert probe.ask({"other": "1"}).error == "the question has no value for study"
    assert sent == []
    assert list(probe.ask({"study": "1"}).rows) == []
    assert [one.method for one in sent] == ["POST"]
