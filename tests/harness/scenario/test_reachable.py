"""Blocked or not applicable, before a scenario begins."""

import pytest

from harness.errors import PermitError
from harness.evidence.verdict import Verdict
from harness.link.reach import Reached
from harness.permit import Permit
from harness.profile import load_profile
from harness.scenario.reachable import Reachability

PROFILE = """
format = 1
name = "样例"
environment = "test"
transport = "tcp"
[systems.LIS]
mode = "{lis}"
product = "示例 LIS"
version = "1"
required = {required}
[systems.HIS]
mode = "simulated"
[endpoints.one]
interface = "HIS-ORD"
also = ["HIS-ADT"]
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "192.0.2.1"
port = 5001
required = {link_required}
[endpoints.two]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
port = 5002
{more}
"""

SECOND = """
[endpoints.other]
interface = "HIS-ORD"
from = "HIS"
to = "LIS"
protocol = "mllp"
host = "192.0.2.2"
port = 5003
"""

SERIAL = """
[endpoints.line]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
transport = "serial"
url = "COM3"
line = {{ baud = 9600 }}
"""


@pytest.fixture
def looking(tmp_path):
    def make(*, up=(), lis="real", required="true", link_required="true", more=""):
        path = tmp_path / "site.toml"
        text = PROFILE.format(lis=lis, required=required, link_required=link_required, more=more)
        path.write_text(text.replace("{{", "{").replace("}}", "}"), encoding="utf-8")
        looked = []

        def look(host, port):
            looked.append((host, port))
            return Reached(ok=host in up, reason="" if host in up else "timed out")

        profile = load_profile(path, resolve=lambda host: (host,))
        permit = Permit(profile, lambda: None, resolve=lambda host: (host,))
        return Reachability(profile, permit, look), looked

    return make


def verdict(obstacle):
    return None if obstacle is None else obstacle.verdict


def test_a_real_system_that_answers_is_no_obstacle_and_is_looked_for_once(looking):
    reachability, looked = looking(up={"192.0.2.1"})
    assert reachability.obstacle("HIS-ORD") is None
    assert reachability.obstacle("HIS-ADT") is None
    assert looked == [("192.0.2.1", 5001)]


def test_one_that_does_not_blocks_and_says_why(looking):
    reachability, looked = looking()
    obstacle = reachability.obstacle("HIS-ORD")
    assert verdict(obstacle) is Verdict.BLOCKED
    assert "LIS" in obstacle.reason
    assert "timed out" in obstacle.reason
    assert reachability.obstacle("HIS-ORD") == obstacle
    assert len(looked) == 1


@pytest.mark.parametrize("optional", ["required", "link_required"])
def test_an_optional_one_makes_it_not_applicable(looking, optional):
    reachability, _ = looking(**{optional: "false"})
    assert verdict(reachability.obstacle("HIS-ORD")) is Verdict.NOT_APPLICABLE


def test_an_interface_that_the_site_does_not_have(looking):
    reachability, looked = looking()
    obstacle = reachability.obstacle("LIS-ASTM")
    assert verdict(obstacle) is Verdict.NOT_APPLICABLE
    assert "LIS-ASTM" in obstacle.reason
    assert looked == []


def test_one_of_several_endpoints_is_enough(looking):
    reachability, _ = looking(up={"192.0.2.2"}, more=SECOND)
    assert reachability.obstacle("HIS-ORD") is None


def test_a_required_endpoint_outweighs_an_optional_one(looking):
    reachability, _ = looking(link_required="false", more=SECOND)
    assert verdict(reachability.obstacle("HIS-ORD")) is Verdict.BLOCKED


def test_systems_that_we_run_are_not_looked_for(looking):
    reachability, looked = looking()
    assert reachability.obstacle("LIS-ORU") is None
    assert looked == []


def test_a_serial_line_is_not_opened_to_look(looking):
    reachability, looked = looking(more=SERIAL)
    assert reachability.obstacle("LIS-ASTM") is None
    assert looked == []


def test_a_forbidden_address_is_never_opened(looking):
    class Forbidding:
        def require_open(self, host, port):
            raise PermitError(f"{host}:{port} is forbidden")

    reachability, looked = looking(up={"192.0.2.1"})
    reachability.permit = Forbidding()
    with pytest.raises(PermitError, match=r"192\.0\.2\.1:5001"):
        reachability.obstacle("HIS-ORD")
    assert looked == []
