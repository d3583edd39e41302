"""The commands of the page for a fixed host name work, from the CA to the answer of our centre."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from tests.docs.test_readme import ROOT, arguments, blocks
from tests.harness.ledger.test_log_text import BRIDGE, DLL

PAGE = "docs/how-to/at-a-real-site.md"
CHINESE = "docs/how-to/at-a-real-site.zh-CN.md"
AT, PORT = "192.0.2.20", "443"


def block(page, language, word):
    """The one block that speaks of a word."""
    (found,) = (one for one in blocks(page, language) if word in one)
    return found.splitlines()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@pytest.fixture
def served(tmp_path):
    """Every command of the page up to the last, which asks the centre; gives that one."""
    port = str(free_port())
    lines = [
        line.replace(AT, "127.0.0.1").replace(f":{PORT}", f":{port}").replace(
            f"--port {PORT}", f"--port {port}")
        for line in block(PAGE, "console", "mh-ca.key")
    ]  # fmt: skip
    centre = None
    try:
        for line in lines[:-1]:
            if arguments(line):
                words = [sys.executable, "-m", "harness", *shlex.split(arguments(line))]
                centre = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE)
                watch = threading.Timer(60, centre.kill)
                watch.start()
                assert b"ready centre https://" in centre.stdout.readline()
                watch.cancel()
            else:
                subprocess.run(
                    line, cwd=tmp_path, shell=True, check=True, capture_output=True, timeout=60
                )
        yield lines[-1], tmp_path
    finally:
        if centre is not None:
            centre.terminate()
            centre.wait(30)
            centre.stdout.close()


def asked(line, folder):
    return subprocess.run(shlex.split(line), cwd=folder, capture_output=True, check=False,
                          timeout=60)  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("curl"))
    and os.environ.get("MEDHARNESS_REQUIRE_PEERS") != "1",
    reason="the page needs openssl and curl",
)
def test_a_client_that_trusts_the_ca_gets_an_answer_and_no_other_does(served):
    line, folder = served
    done = asked(line, folder)
    assert done.returncode == 0, done.stderr
    assert b"HTTP/1.1" in done.stdout
    refused = 60  # curl: the certificate cannot be verified
    assert asked(line.replace("--cacert mh-ca.pem ", ""), folder).returncode == refused
    assert asked(line.replace("yb.example.cn", "yb2.example.cn"), folder).returncode == refused
    text = subprocess.run(["openssl", "x509", "-in", "mh-ca.pem", "-noout", "-text"], cwd=folder,
                          capture_output=True, check=True).stdout.decode()  # fmt: skip
    assert "Permitted:\n                  DNS:yb.example.cn" in text


def test_what_is_put_in_at_the_workstation_is_taken_out_again():
    (put,) = (one for one in blocks(PAGE, "bat") if "-addstore" in one)
    (taken,) = (one for one in blocks(PAGE, "bat") if "-delstore" in one)
    name = re.search(r'-subj "/CN=([^"]*CA)"', "\n".join(block(PAGE, "console", "mh-ca.key")))[1]
    assert f'-delstore Root "{name}"' in taken
    assert "-addstore -f Root mh-ca.pem" in put
    kept, hosts = re.search(r"^copy (\S+) (\S+)$", put, re.MULTILINE).groups()[::-1]
    assert f"copy /y {kept} {hosts}" in taken
    assert f"{AT} yb.example.cn)>> {hosts}" in put
    for both in (put, taken):
        assert "ipconfig /flushdns" in both
    alias = re.search(r"keytool -importcert .*-alias (\S+)", put)[1]
    assert f"keytool -delete -alias {alias} " in taken


def test_both_languages_show_these_commands():
    for language, word in (("console", "mh-ca.key"), ("bat", "-addstore"), ("bat", "-delstore")):
        assert block(PAGE, language, word) == block(CHINESE, language, word)


@pytest.mark.parametrize("page", ["docs/how-to/reconcile.md", "docs/how-to/reconcile.zh-CN.md"])
def test_the_patterns_of_the_page_are_those_that_are_tested(page):
    shown = "\n".join(blocks(page, "text")).splitlines()
    assert BRIDGE in shown
    assert DLL in shown
    assert (ROOT / page).is_file()
