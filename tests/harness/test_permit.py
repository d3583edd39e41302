"""The policy: production needs a window, forbidden addresses are never opened."""

import datetime as dt
from pathlib import Path

import pytest

from harness import i18n
from harness.addresses import Forbidden, database_places
from harness.errors import PermitError
from harness.permit import Permit, read_permit
from harness.profile import load_profile

CHINA = dt.timezone(dt.timedelta(hours=8))
NIGHT = dt.datetime(2026, 1, 5, 23, 0, tzinfo=CHINA)

SITE = """\
format = 1
name = "x"
environment = "{environment}"

[systems.LIS]
mode = "real"

[policy]
forbidden_addresses = ["192.0.2.0/24", "his.example:1521", "198.51.100.7"]
{permit}
"""

PERMIT = """\
format = 1
profile_sha256 = "{hash}"
granted_by = "信息科"
granted_to = "测试组"
reason = "升级验证"

[[windows]]
from = 2026-01-05T22:00:00+08:00
to = 2026-01-06T02:00:00+08:00
allow = {allow}
"""


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


NAMES = {
    "his.example": ("203.0.113.9",),
    "lis.example": ("192.0.2.1",),
    "ok.example": ("10.0.0.1",),
}


def resolve(host):
    return NAMES.get(host, ())


def made(folder: Path, *, environment="production", permit="", now=NIGHT, environ=None) -> Permit:
    path = folder / "site.toml"
    key = 'permit = "permit.toml"' if permit is not None else ""
    path.write_text(SITE.format(environment=environment, permit=key), encoding="utf-8")
    profile = load_profile(path, resolve=resolve)
    if permit:
        text = permit.replace("{hash}", profile.hash)
        (folder / "permit.toml").write_text(text, encoding="utf-8")
    return Permit(profile, now, resolve=resolve, environ=environ or {})


def allowing(*actions: str) -> str:
    return PERMIT.replace("{allow}", str(list(actions)).replace("'", '"'))


def refused(action) -> str:
    with pytest.raises(PermitError) as caught:
        action()
    return str(caught.value)


# -- faults and writes -----------------------------------------------------------------------------


def test_a_test_environment_needs_no_permit(tmp_path):
    permit = made(tmp_path, environment="test", permit=None)

    permit.require_fault()
    permit.require_write("LIS order")


def test_production_without_a_permit_refuses_faults_and_writes(tmp_path):
    permit = made(tmp_path, permit=None)

    assert "refused in production: injecting a fault" in refused(permit.require_fault)
    assert "HIS order" in refused(lambda: permit.require_write("HIS order"))
    assert permit.window() is None


@pytest.mark.parametrize(
    ("allow", "fault", "his", "lis"),
    [
        (["fault"], True, False, False),
        (["write"], False, True, True),
        (["fault", "write"], True, True, True),
        (["write:HIS"], False, True, False),
        (["write:HIS order"], False, True, False),
        (["write:HIS ord"], False, False, False),
        (["write:H"], False, False, False),
    ],
)
def test_a_window_allows_what_it_names(tmp_path, allow, fault, his, lis):
    permit = made(tmp_path, permit=allowing(*allow))
    asked = [
        (permit.require_fault, fault),
        (lambda: permit.require_write("HIS order"), his),
        (lambda: permit.require_write("LIS order"), lis),
    ]

    for ask, allowed in asked:
        if allowed:
            ask()
        else:
            assert "does not allow this" in refused(ask)


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        (dt.datetime(2026, 1, 5, 21, 59, 59, tzinfo=CHINA), False),
        (dt.datetime(2026, 1, 5, 22, 0, 0, tzinfo=CHINA), True),
        (dt.datetime(2026, 1, 5, 14, 0, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 1, 6, 1, 59, 59, tzinfo=CHINA), True),
        (dt.datetime(2026, 1, 6, 2, 0, 0, tzinfo=CHINA), False),
    ],
)
def test_a_window_has_two_ends(tmp_path, now, inside):
    permit = made(tmp_path, permit=allowing("fault"), now=now)

    if inside:
        permit.require_fault()
    else:
        assert "refused in production" in refused(permit.require_fault)


def test_a_window_that_ends_during_the_run_ends_its_permission(tmp_path):
    times = [NIGHT, NIGHT + dt.timedelta(hours=6)]
    permit = made(tmp_path, permit=allowing("fault"), now=lambda: times.pop(0))

    permit.require_fault()
    refused(permit.require_fault)


def test_a_permit_that_is_taken_away_permits_nothing(tmp_path):
    permit = made(tmp_path, permit=allowing("fault"))
    permit.require_fault()
    (tmp_path / "permit.toml").unlink()

    assert "the permit file cannot be used" in refused(permit.require_fault)


def test_a_permit_is_for_one_text_of_the_profile(tmp_path):
    permit = made(tmp_path, permit=allowing("fault").replace("{hash}", "0" * 64))

    assert "for another profile" in refused(permit.require_fault)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('reason = "升级验证"', "", "reason: Field required"),
        ('reason = "升级验证"', 'reason = ""', "reason: "),
        ("format = 1", "format = 2", "format: "),
        ('["fault"]', "[]", "windows.0.allow: "),
        ('["fault"]', '["everything"]', "windows.0.allow.0: "),
        ("[[windows]]", "[windows]", "windows: "),
        ("from = 2026-01-05T22:00:00+08:00", "from = 2026-01-05T22:00:00", "time zone"),
        ("to = 2026-01-06T02:00:00+08:00", "to = 2026-01-06T02:00:00", "time zone"),
        ("to = 2026-01-06T02:00:00+08:00", "to = 2026-01-05T22:00:00+08:00", "lasts up to"),
        ("to = 2026-01-06T02:00:00+08:00", "to = 2026-01-08T22:00:01+08:00", "lasts up to"),
        ("to = 2026-01-06T02:00:00+08:00", "to = 1767636000", "windows.0.to: "),
        ("granted_by", "granted_by =", "line 3"),
    ],
)
def test_a_permit_that_cannot_be_meant_is_refused(tmp_path, old, new, why):
    path = tmp_path / "permit.toml"
    text = allowing("fault").replace("{hash}", "a" * 64)
    path.write_text(text, encoding="utf-8")
    read_permit(path)
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

    said = refused(lambda: read_permit(path))
    assert why in said
    assert str(path) in said


def test_a_permit_in_the_wrong_character_set_or_without_end_is_refused(tmp_path):
    path = tmp_path / "permit.toml"
    path.write_bytes(allowing("fault").encode("gb18030"))
    refused(lambda: read_permit(path))
    path.write_bytes(b"#" * (64 * 1024 + 1))

    assert "too large" in refused(lambda: read_permit(path))


# -- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["test", "production"])
@pytest.mark.parametrize(
    ("host", "port", "forbidden"),
    [
        ("192.0.2.1", 80, True),
        ("lis.example", 80, True),
        ("his.example", 1521, True),
        ("his.example", 1522, False),
        ("203.0.113.9", 1521, True),
        ("203.0.113.9", 1522, False),
        ("198.51.100.7", 1, True),
        ("ok.example", 80, False),
        ("127.0.0.1", 80, False),
    ],
)
def test_forbidden_addresses_do_not_open(tmp_path, environment, host, port, forbidden):
    permit = made(tmp_path, environment=environment, permit=None)

    if forbidden:
        assert "is forbidden by" in refused(lambda: permit.require_open(host, port))
    else:
        permit.require_open(host, port)


def test_the_addresses_that_were_judged_are_told(tmp_path):
    permit = made(tmp_path)

    assert permit.require_open("ok.example", 80) == ("10.0.0.1",)
    assert permit.require_open("10.0.0.1", 80) == ("10.0.0.1",)


def test_a_name_that_cannot_be_resolved_is_not_opened(tmp_path):
    permit = made(tmp_path)

    assert "cannot be resolved" in refused(lambda: permit.require_open("gone.example", 80))


def test_a_name_that_moves_to_a_forbidden_address_is_refused_when_it_opens(tmp_path, monkeypatch):
    permit = made(tmp_path)
    permit.require_open("ok.example", 80)
    monkeypatch.setitem(NAMES, "ok.example", ("10.0.0.1", "192.0.2.9"))

    assert "is forbidden by" in refused(lambda: permit.require_open("ok.example", 80))


def test_a_forbidden_name_keeps_the_address_that_it_had(tmp_path, monkeypatch):
    permit = made(tmp_path)
    monkeypatch.setitem(NAMES, "his.example", ())

    assert "is forbidden by" in refused(lambda: permit.require_open("203.0.113.9", 1521))


def test_nothing_is_looked_up_where_nothing_is_forbidden():
    def never(host):
        raise AssertionError(host)

    permit = Permit(load_profile("builtin"), NIGHT, resolve=never)

    assert permit.require_open("somewhere.example", 1) == ()


def test_listeners_stay_on_loopback_unless_asked(tmp_path):
    permit = made(tmp_path)

    permit.require_listen("127.0.0.1")
    permit.require_listen("0.0.0.0", expose=True)
    assert "could reach our listener" in refused(lambda: permit.require_listen("0.0.0.0"))


def test_an_entry_keeps_its_text():
    assert Forbidden.parse("LIS.example.:80") == Forbidden(
        text="LIS.example.:80", host="lis.example", port=80
    )


# -- databases -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("postgresql://u:p@10.0.0.1/db", [("10.0.0.1", 5432)]),
        ("postgresql://10.0.0.1:6000/db", [("10.0.0.1", 6000)]),
        ("postgresql://a:1,b:2/db", [("a", 1), ("b", 2)]),
        ("postgresql://[2001:db8::1]:7/db", [("2001:db8::1", 7)]),
        ("postgresql://[2001:db8::1]/db", [("2001:db8::1", 5432)]),
        ("postgresql:///db?host=10.0.0.1&port=7", [("10.0.0.1", 7)]),
        ("postgresql://ok/db?host=10.0.0.1", [("10.0.0.1", 5432)]),
        ("postgresql://ok:9/db?hostaddr=10.0.0.1", [("10.0.0.1", 9)]),
        ("postgresql:///db?host=a,b", [("a", 5432), ("b", 5432)]),
        ("postgresql://u:p%40x@10.0.0.1/db", [("10.0.0.1", 5432)]),
    ],
)
def test_every_place_of_a_database_url_is_known(url, places):
    assert database_places(url, {}) == places


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql:///db", {}),
        ("postgresql://%2Fvar%2Frun/db", {}),
        ("postgresql:///db?host=/var/run", {}),
        ("postgresql://10.0.0.1/db?service=prod", {}),
        ("postgresql://10.0.0.1/db", {"PGHOSTADDR": "192.0.2.1"}),
        ("postgresql://10.0.0.1/db", {"PGSERVICE": "prod"}),
        ("postgresql://[hunter2/db", {}),
    ],
)
def test_a_database_url_that_may_lead_anywhere_is_refused(url, environ):
    assert "hunter2" not in refused(lambda: database_places(url, environ))


def test_a_probe_does_not_open_a_forbidden_database(tmp_path):
    permit = made(tmp_path, environment="test", permit=None)

    permit.require_database("postgresql://u:p@10.0.0.1/db")
    permit.require_database("sqlite:/tmp/x")
    assert "forbidden" in refused(lambda: permit.require_database("postgres://u:p@192.0.2.5/db"))
    said = refused(lambda: permit.require_database("postgresql://u:hunter2@his.example:1521/db"))
    assert "hunter2" not in said


@pytest.mark.parametrize("page", ["profile.md", "profile.zh-CN.md"])
def test_the_permit_in_the_manual_can_be_used(tmp_path, page):
    manual = Path(__file__).resolve().parents[2] / "docs" / "how-to" / page
    text = manual.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    path = tmp_path / "permit.toml"
    path.write_text(text, encoding="utf-8")

    assert read_permit(path).windows[0].allow == ["write:HIS order", "fault"]
