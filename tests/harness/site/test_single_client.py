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
host = "192.0.2.10"
port = 5001
{more}
[endpoints.com]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
transport = "serial"
url = "COM3"
"""


@pytest.fixture(params=["", "single_client = true"])
def site(request, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(more=request.param), encoding="utf-8")
    return load_profile(str(path)), bool(request.param)


def test_the_doctor_opens_what_it_announced_and_nothing_else(site):
    profile, single = site
    opened, told = [], []

    def look(host, port):
        assert told, "nothing opens before it was told"
        opened.append((host, port))
        return Reached(ok=True, seconds=0.0)

    checks = doctor.examine(profile, announce=told.append, open_connection=look)

    assert opened == ([] if single else [("192.0.2.10", 5001)])
    assert len(told) == len(opened)
    (reach,) = [one for one in checks if one.place == "endpoints.one" and one.name == "reach"]
    assert reach.status == ("skipped" if single else "ok")
    assert all("COM3" not in line for line in told)


def test_a_run_does_not_knock_either(site):
    profile, single = site
    opened = []

    def look(host, port):
        opened.append((host, port))
        return Reached(ok=False, seconds=0.0, reason="refused")

    found = Reachability(profile, Permit(profile, lambda: None), look).obstacle("LIS-ASTM")
    assert bool(opened) is not single
    assert found is None
