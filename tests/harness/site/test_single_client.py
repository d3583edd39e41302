"""A listener that takes one client is never opened only to look; everything opened is announced."""

import pytest

from harness import doctor
from harness.link.reach import Reached
from harness.permit import Permit
from harness.profile import load_profile
from harness.scenario.reachable import Reachability

SITE = """
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "real"
version = "1"
[endpoints.one]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
{where}
{more}
[endpoints.com]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
transport = "serial"
url = "COM3"
"""


AT = ("192.0.2.10", 5001)
PLACES = (
    'host = "192.0.2.10"\nport = 5001',
    'transport = "serial"\nurl = "socket://192.0.2.10:5001"',
    'transport = "serial"\nurl = "rfc2217://192.0.2.10:5001"',
)
FLAGS = {"": False, "single_client = false": False, "single_client = true": True}


@pytest.fixture(params=[(where, flag) for where in PLACES for flag in FLAGS])
def site(request, tmp_path):
    where, flag = request.param
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(where=where, more=flag), encoding="utf-8")
    return load_profile(str(path)), FLAGS[flag], flag


def looked(profile):
    """What the doctor found, what it opened, and what it told before."""
    opened, told = [], []

    def look(host, port):
        assert told, "nothing opens before it was told"
        opened.append((host, port))
        return Reached(ok=True, seconds=0.0)

    return doctor.examine(profile, announce=told.append, open_connection=look), opened, told


def test_the_doctor_opens_what_it_announced_and_nothing_else(site):
    profile, single, _ = site
    checks, opened, told = looked(profile)

    assert opened == ([] if single else [AT])
    assert len(told) == len(opened)
    (reach,) = [one for one in checks if one.place == "endpoints.one" and one.name == "reach"]
    assert reach.status == ("skipped" if single else "ok")
    assert all("COM3" not in line for line in told)


def test_where_nobody_said_whether_it_takes_one_client_the_doctor_warns(site):
    """A port of this machine is never opened, so nothing need be said of it."""
    profile, _, flag = site
    checks, _, _ = looked(profile)
    found = [(one.place, one.status) for one in checks if one.name == "single-client"]
    assert found == ([] if flag else [("endpoints.one", "warn")])


BOTH_OURS = """
format = 1
name = "x"
environment = "test"
[systems.LIS]
mode = "simulated"
[endpoints.two]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
transport = "serial"
url = "socket://192.0.2.10:5001"
listen_url = "rfc2217://192.0.2.11:5002"
{more}
"""


@pytest.mark.parametrize("flag", FLAGS)
def test_both_ends_of_a_line_are_kept_shut(tmp_path, flag):
    path = tmp_path / "site.toml"
    path.write_text(BOTH_OURS.format(more=flag), encoding="utf-8")
    checks, opened, told = looked(load_profile(str(path)))

    assert opened == ([] if FLAGS[flag] else [AT, ("192.0.2.11", 5002)])
    assert len(told) == len(opened)
    assert [one.name for one in checks] == ["reach", "reach"]


@pytest.mark.parametrize("protocol", ["mllp", "dicom"])
def test_of_a_listener_that_takes_many_nobody_need_say_so(tmp_path, protocol):
    interface = {"mllp": "HIS-ORD", "dicom": "PACS-DIMSE"}[protocol]
    text = SITE.format(where='host = "192.0.2.10"\nport = 5001', more="")
    text = text.replace("LIS-ASTM", interface, 1).replace('"astm"', f'"{protocol}"', 1)
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    checks, opened, _ = looked(load_profile(str(path)))

    assert opened == [AT]
    assert all(one.name != "single-client" for one in checks)


def test_a_run_does_not_knock_either(site):
    profile, single, _ = site
    opened = []

    def look(host, port):
        opened.append((host, port))
        return Reached(ok=False, seconds=0.0, reason="refused")

    found = Reachability(profile, Permit(profile, lambda: None), look).obstacle("LIS-ASTM")
    assert bool(opened) is not single
    assert found is None
