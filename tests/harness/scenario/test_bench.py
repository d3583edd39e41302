"""The bench: relays in line, devices that come and go, systems that come back."""

import pytest

from harness.clock import VirtualClock
from harness.link.pump import Pump
from harness.link.spec import LinkSpec
from harness.link.tap import Connection, Delivery
from harness.scenario.bench import Bench, Switch
from harness.scenario.hospital import OnlyRoles, Settings, built_in
from harness.scenario.systems import InPump
from harness.wire.core import Unit
from simulators.feed.feed import Feed

SPECS = {
    name: LinkSpec(name=name, interface=name, frm=frm, to=to, protocol="mllp", relayed=True)
    for name, frm, to in (("his-lis", "HIS", "LIS"), ("lis-his", "LIS", "HIS"))
}

ADMIT = {"patient_id": "T1", "name": "测试甲", "sex": "F", "birth": "19800101", "id_card": ""}

CONNECTION = Connection(id="a#1", link="a", interface="A", local="x", peer="y", client=True)
UNIT = Unit(kind="message", data=b"unit", payload=b"payload")


class Recording:
    """A watcher and a tap that remember who asked."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.calls.append(name)
            return {"connects": False, "unit": [b"other"]}.get(name, [Delivery(data=b"other")])

        return call


@pytest.fixture
def bench(tmp_path):
    pump = Pump(VirtualClock())
    systems = InPump(built_in(), Settings(tmp_path, durable=False), pump, SPECS)
    made = Bench(pump, systems, SPECS, {})
    made.start()
    yield made
    assert made.stop() == []


def delivered(bench):
    """What the HIS sends arrives somewhere and is answered."""
    bench.systems.order("HIS", "admit", ADMIT)
    return bench.driver.wait(
        lambda: bench.systems.order("HIS", "pending", {}) == 0, bench.clock.now() + 10.0
    )


def test_a_switch_without_a_scenario_lets_everything_pass():
    switch = Switch()
    switch.link(CONNECTION, "opened", "")
    switch.data(CONNECTION, b"x", sent=True)
    switch.event(CONNECTION, "mllp", None, sent=True)
    switch.note("x", "text")
    assert switch.connects(CONNECTION, 0.0)
    assert switch.unit(CONNECTION, UNIT, 0.0) == [b"unit"]
    assert switch.outgoing(CONNECTION, b"x", 0.0) == (Delivery(data=b"x"),)
    assert switch.incoming(CONNECTION, b"x", 0.0) == (Delivery(data=b"x"),)


def test_a_switch_asks_and_tells_the_running_scenario():
    switch, watcher, tap = Switch(), Recording(), Recording()
    switch.watcher, switch.tap = watcher, tap
    switch.link(CONNECTION, "opened", "")
    switch.data(CONNECTION, b"x", sent=True)
    switch.event(CONNECTION, "mllp", None, sent=True)
    switch.note("x", "text")
    assert watcher.calls == ["link", "data", "event", "note"]
    assert not switch.connects(CONNECTION, 0.0)
    assert switch.unit(CONNECTION, UNIT, 0.0) == [b"other"]
    assert switch.outgoing(CONNECTION, b"x", 0.0) == [Delivery(data=b"other")]
    assert switch.incoming(CONNECTION, b"x", 0.0) == [Delivery(data=b"other")]
    assert tap.calls == ["connects", "unit", "outgoing", "incoming"]


def test_a_device_stands_in_and_goes_with_its_scenario(bench):
    assert delivered(bench)
    feed = Feed("LIS", bench.clock)
    bench.join("测试端LIS", feed, ())
    bench.redirect("his-lis", "测试端LIS")
    watcher = Recording()
    bench.switch.watcher = watcher
    assert delivered(bench)
    assert "测试端LIS" in bench.driver.members
    assert watcher.calls

    assert bench.end() == []

    assert "测试端LIS" not in bench.driver.members
    assert bench.switch.watcher is None
    assert delivered(bench), "the way to the real LIS is back"


def test_a_system_that_is_gone_comes_back_on_the_same_way(bench):
    bench.systems.kill("LIS")
    bench.revive()
    assert bench.systems.running("LIS")
    assert delivered(bench)
    bench.revive()


def test_an_address_of_a_system_that_is_not_ours(tmp_path):
    pump = Pump(VirtualClock())
    part = OnlyRoles.of(built_in(), lambda role: role == "LIS")
    systems = InPump(part, Settings(tmp_path, durable=False), pump, SPECS)
    made = Bench(pump, systems, SPECS, {}, {"lis-his": "memory:elsewhere"})
    made.start()
    assert made.address(SPECS["lis-his"]) == "memory:elsewhere"
    assert made.address(SPECS["his-lis"]) == "memory:LIS/his-lis"
    made.stop()
