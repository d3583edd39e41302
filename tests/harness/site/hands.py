"""A site whose HIS has nothing but screens, for tests of operator steps; not a test module."""

from __future__ import annotations

import json
import socket
import threading
import urllib.parse
import urllib.request
from contextlib import contextmanager

from engine import play

from harness.evidence.trace import read
from harness.link.address import Address
from harness.link.host import Host
from harness.profile import load_profile
from harness.resources import fixture
from harness.scenario.binding import load
from harness.scenario.session import RunSession, SessionOptions
from harness.scenario.steps import load_libraries
from simulators.foreground import running
from simulators.hospital import schema
from simulators.hospital.his_client import LINK as CLIENT
from simulators.hospital.his_client import HisClient
from simulators.hospital.his_settle import whole_his
from simulators.hospital.outbox import Timing
from simulators.shell import plain
from simulators.store import open_store

__all__ = ["Screens", "double", "free_port", "play", "profile_text", "run_feature"]

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

FEATURE = """# language: zh-CN
@接口-LIS-ASTM
功能: 现场
  负责人: 测试组

  @REQ-LAB-001 @id-on-site
  场景: 人工登记后上传
    假如 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 分析仪“生化仪”上传标本“管1”的结果:
      | 项目 | 结果 |
      | K    | 4.10 |
    那么 5秒内LIS中标本“管1”的结果应为:
      | 项目 | 患者 | 结果 |
      | K    | 甲   | 4.10 |
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


BUILT_IN = fixture("profiles", "builtin.toml").read_text(encoding="utf-8")
OWNED = ']\nowner = "检验科 李, 8001"\nreach = "stored"'
PROBES = (
    "".join(
        f"[probes.lis-{part.replace(']', OWNED, 1)}" for part in BUILT_IN.split("[probes.lis-")[1:]
    )
    .split("[probes.his-")[0]
    .split("# ---")[0]
)
"""The probes of the LIS, as they ship."""


class Screens:
    """The HIS double with its addresses."""

    def __init__(self, runtime, folder, relay_port):
        store = open_store(
            str(folder / "double.sqlite"), (*schema.HIS, *schema.HIS_SETTLE), durable=False
        )
        actor = HisClient(whole_his(store, runtime.clock, set(), Timing(answer_s=1.0, retry_s=0.2)))
        self.member = runtime.add("HIS", Host(actor, runtime.clock, plain, store=store))
        self.client = f"http://{self.member.listen(CLIENT)}"
        self.results = self.member.listen("lis-his").port
        self.member.routes["his-lis"] = Address(host="127.0.0.1", port=relay_port)
        self.store = store

    def self_test(self, address, stop):
        """What the person at the route proof does: the harmless action, once."""
        board = Operators(address)
        while not any("自检" in card["text"] for card in board.cards()):
            if stop.wait(0.05):
                return
        self.enter("接口自检")

    def enter(self, page, **fields):
        """What a person does, without a browser: one form."""
        url = f"{self.client}/?page={urllib.parse.quote(page)}"
        body = urllib.parse.urlencode(fields).encode()
        return OPENER.open(url, body, timeout=30).read().decode()


@contextmanager
def double(folder):
    """The double, and the port on which our relay must wait for it."""
    port = free_port()
    with running() as runtime:
        screens = Screens(runtime, folder, port)
        try:
            yield screens, port
        finally:
            screens.store.close()


def profile_text(screens, relay_port, *, operator="wait_s = 90.0", more="", canary_s=60.0):
    return f"""
format = 1
name = "现场"
environment = "test"
[systems.LIS]
mode = "simulated"
[systems.HIS]
mode = "real"
worked_by = "person"
version = "1"
[endpoints.analyzer-lis]
interface = "LIS-ASTM"
from = "analyzer"
to = "LIS"
protocol = "astm"
[endpoints.his-lis]
interface = "HIS-ORD"
also = ["HIS-ADT"]
from = "HIS"
to = "LIS"
protocol = "mllp"
via = "relay"
relay_port = {relay_port}
[endpoints.lis-his]
interface = "LIS-ORU"
from = "LIS"
to = "HIS"
protocol = "mllp"
via = "relay"
host = "127.0.0.1"
port = {screens.results}
{PROBES}
[privacy]
plain = "王主任，信息科"
[canaries.self-test]
interface = "HIS-ADT"
type = "ADT^A08"
from = "HIS"
text = "在“接口自检”页点保存"
wait_s = {canary_s}
[operator]
mints = ["HIS.patient_id", "HIS.barcode", "HIS.placer"]
{operator}
{more}
"""


class Operators:
    """Talks to the board as the page does."""

    def __init__(self, address):
        self.base = f"http://{address}"

    def cards(self):
        return json.loads(OPENER.open(f"{self.base}/cards.json", timeout=30).read())["cards"]

    def post(self, path, body=b"", *, own=True, host=None, **words):
        headers = {"X-Medharness": "1"} if own else {}
        headers |= {"Host": host} if host else {}
        url = f"{self.base}{path}?{urllib.parse.urlencode(words)}"
        request = urllib.request.Request(url, body, headers, method="POST")
        return OPENER.open(request, timeout=30).read().decode()


def run_feature(folder, text, work, *, feature=FEATURE, **options):
    """Run a feature at a site; ``work(address, stop)`` is what persons do, in a thread."""
    (folder / "site.toml").write_text(text, encoding="utf-8")
    (folder / "own.feature").write_text(feature, encoding="utf-8")
    told, stop, trouble = [], threading.Event(), []

    def say(line):
        told.append(line)
        if line.startswith(("cards:", "操作卡页面")):
            address = line.split("//")[1].strip("/")
            thread = threading.Thread(target=act, args=(address,), daemon=True)
            threads.append(thread)
            thread.start()

    def act(address):
        try:
            work(address, stop)
        except Exception as error:  # noqa: BLE001 - shown where the test fails
            print(f"the operator left: {error}")
            if not stop.is_set():  # at the end the page goes while somebody looks at it
                trouble.append(error)

    threads = []
    load_profile(str(folder / "site.toml"))
    given = SessionOptions(profile=str(folder / "site.toml"), seed=1, folder=folder / "run")
    session = RunSession(given, say=say, **options)
    (bound,) = load([folder / "own.feature"], load_libraries())
    try:
        conclusion = session.run(bound)
    finally:
        stop.set()
        session.stop()
    for thread in threads:
        thread.join(60)
    assert not trouble, trouble
    path = next(iter((folder / "run" / "traces").glob("*.jsonl")))
    return conclusion, read(path).records, told
