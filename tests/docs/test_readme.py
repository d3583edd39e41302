"""The README and the guides are true to the letter: commands run, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "LICENSE.md"
)

NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]

TIMEOUT_S = 300
"""The slowest command here takes three seconds on a fast machine."""

GUIDE = ROOT / "docs" / "how-to" / "write-a-scenario.md"

MODEL_GUIDE = "docs/how-to/write-an-analyzer-model.md"

EXECUTED = {
    "run --profile memory scenarios/lab": 0,
    'run --profile memory --tags "@冒烟"': 0,
    "run --profile memory --lang en scenarios/lab/upload.feature:8": 0,
    "run --profile memory --lang zh-CN scenarios/lab/upload.feature:8": 0,
    "run --profile memory --lang en --defect lis-drops-unit scenarios/lab/upload.feature:8": 1,
    "run --profile memory --lang zh-CN --defect lis-drops-unit scenarios/lab/upload.feature:8": 1,
    "run --profile memory scenarios/lab/upload.feature:8": 0,
    "run --profile memory --defect lis-drops-unit scenarios/lab/upload.feature:8": 1,
    "run --profile memory --defect lis-drops-unit scenarios/lab/upload.feature": 1,
    "run scenarios/lab/upload.feature:8 --seed 1": 0,
    "run my.feature --profile memory": 0,
    "run my.feature": 0,
    "run my.feature --profile memory --defect lis-flattens-flags": 1,
    "lint my.feature": 0,
    "lint": 0,
    "steps": 0,
    "init site.toml": 0,
    "doctor --profile builtin": 0,
    "reconcile --his his.csv --centre centre.csv --out out": 1,
    "reconcile --his his.csv --centre centre.csv --out out --his-detail his_detail.csv "
    "--centre-detail centre_detail.csv --period 2026-09-01 2026-09-06 --stated-his 171239.20 "
    "--stated-centre 171178.20": 1,
    "mapping lint --his catalogue_his.csv --matches matches.csv --limits limits.csv "
    "--ratios ratios.csv --bills his_detail.csv --out out": 1,
    "fingerprint make ORU^R01 --repeat OBX=20 --set PID-3=TEST001 --set OBR-3=T26000001 "
    "--out before": 0,
    "simulate analyzer --model list": 0,
    "decode capture.log --model my-analyzer.toml": 1,
    "--help": 0,
}
"""Commands of medharness that pages show, and the exit code of each."""

NOT_EXECUTED = {
    'openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -keyout mh-ca.key -out mh-ca.pem -subj "/CN=medharness test CA" -addext "keyUsage=critical,keyCertSign" -addext "nameConstraints=critical,permitted;DNS:yb.example.cn"': "tests/docs/test_own_ca.py runs it",
    'openssl req -newkey rsa:2048 -nodes -sha256 -keyout centre.key -out centre.csr -subj "/CN=yb.example.cn"': "tests/docs/test_own_ca.py runs it",
    "echo subjectAltName=DNS:yb.example.cn > centre.ext": "tests/docs/test_own_ca.py runs it",
    "openssl x509 -req -in centre.csr -CA mh-ca.pem -CAkey mh-ca.key -CAcreateserial -sha256 -days 30 -extfile centre.ext -out centre.pem": "tests/docs/test_own_ca.py runs it",
    "medharness simulate centre --province hunan --ledger centre.sqlite --host 192.0.2.20 --port 443 --tls-cert centre.pem --tls-key centre.key --expose": "tests/docs/test_own_ca.py runs it, on loopback",
    "curl -i --cacert mh-ca.pem --resolve yb.example.cn:443:192.0.2.20 https://yb.example.cn:443/": "tests/docs/test_own_ca.py runs it, on loopback",
    "medharness reconcile --his his.csv --centre centre.csv --log yb.log --log-pattern @yb-log.txt --out out": "a log of the reader's own; tests/harness/ledger/test_log_text.py reads such",
    "make run": "installs, then runs every scenario over TCP; the commands behind it are checked",
    "make test": "this is the test run",
    "python3 -m venv .venv": "installs",
    ".venv/bin/python -m pip install --require-hashes -r requirements/dev.lock": "installs",
    ".venv/bin/python -m pip install --no-build-isolation --no-deps --editable .": "installs",
    '.venv/bin/medharness run --jobs 6 --tags "not (@slow or @extended)"': "scenarios over TCP: a minute",
    ".venv/bin/python tests/run_all.py": "this is the test run",
    "medharness report runs/20260105-080000": "the name stands for the reader's own folder; "
    "tests/harness/report runs the command",
    "medharness run --profile site.toml --label before --out before": "a real site",
    "medharness case take com3.log --about B8559300690 --out case --model ciba-corning-1620"
    " --end TX=LIS --end RX=analyzer": "a log of the reader's own; "
    "tests/harness/captures/test_serial_log.py takes one",
    "medharness case take recording/recording.pcap --about B8559300690 --out case --model"
    ' beckman-au --fault "LIS ORU^R01 OBX[3=K]-6 = mmol/L"': "a recording of the reader's own; "
    "tests/harness/cases/test_makers_played.py plays one",
    "medharness run --profile site.toml --label before --out before2": "a real site",
    "medharness run --profile site.toml --label after --out after": "a real site",
    "medharness compare before after --noise before2 --out compare-out": "the folders of the "
    "lines before it; tests/harness/upgrade runs the command",
    "medharness dialect learn traffic/ --out dialect.toml": "the reader's own traffic; "
    "tests/harness/dialect runs the command",
    "medharness dialect check dialect.toml new-traffic/": "the same",
    "medharness documents check documents/": "the reader's own documents; tests/harness/xmldoc "
    "runs the command",
    "medharness documents check documents/ --schema site.xsd --schematron site.sch": "the same",
    "medharness documents check documents/ --rules site.toml": "the same",
    "medharness documents check documents/ --waivers waivers.toml": "the same",
    "medharness fingerprint search before.json trace.jsonl results.csv page.json "
    "--out before-map.json": "the reader's own system; tests/harness/fingerprint runs the command",
    "medharness fingerprint compare before-map.json after-map.json": "the same",
    "medharness reconcile --his his.csv --centre centre.csv --log calls.jsonl --out out": "the "
    "reader's own log; tests/harness/ledger runs the command",
    "medharness reconcile --his his.csv --centre centre.csv --trace runs/20260901-090000 "
    "--out out": "the reader's own run; tests/harness/ledger runs the command",
    "medharness reconcile --his his.csv --centre centre.csv --out out "
    "--his-batch RJ20260906-03": "the reader's own batch; test_cut.py runs the command",
    "medharness reconcile --his his.csv --centre centre.csv --out out "
    "--his-receipts A0012001 A0012500": "the same",
    "medharness reconcile --his his.csv --centre centre.csv --out out "
    "--his-time 2026-09-06 2026-09-06": "the same",
    "medharness reconcile --his his.csv --centre result.zip --province hubei --out out": "the "
    "reader's own file; tests/harness/ledger runs the command",
    "medharness reconcile --his his.csv --centre centre.csv --channel bill.zip --out out": "the "
    "same",
    "medharness reconcile --his 0901_his.csv --centre 0901_centre.csv --state books "
    "--out out/0901": "the same",
    "medharness reconcile --his 0902_his.csv --centre 0902_centre.csv --state books "
    "--out out/0902": "the same",
    "medharness simulate centre --province hunan --port 8443 --ledger centre.sqlite": "runs until "
    "Ctrl-C; tests/simulators/centre runs the command",
    "medharness run --profile fixtures/profiles/orthanc.toml --jobs 1 "
    "scenarios/imaging/storage.feature scenarios/imaging/query.feature "
    "scenarios/imaging/association.feature scenarios/imaging/object-validity.feature "
    "scenarios/imaging/pixel-syntaxes.feature scenarios/imaging/web-store.feature "
    "scenarios/imaging/web-retrieve.feature": "needs Orthanc; tests/peers/test_orthanc_suite.py runs"
    " it",
    "medharness run --profile fixtures/profiles/orthanc-worklist.toml --jobs 1 "
    "scenarios/imaging/worklist.feature scenarios/imaging/worklist-keys.feature": "the same",
    "medharness simulate hospital --driver my-analyzer.toml --port 7100": "runs until Ctrl-C; "
    "tests/docs/test_model_guide.py plays the guide's model against the built-in LIS",
    "medharness simulate analyzer --model my-analyzer.toml --link tcp://127.0.0.1:7100": "needs the "
    "line before it; the same test",
    'medharness simulate analyzer --model my-analyzer.toml --link "serial://COM3?baud=9600"': "a "
    "real port; tests/simulators/test_simulate_serial.py runs the command over a pseudo-terminal",
    "medharness contract snapshot --profile site.toml --workstation 窗口1=D:/copies/w1 "
    "--out contract-before": "a real site; tests/harness/contract runs the command",
    "medharness contract snapshot --profile site.toml --workstation 窗口1=D:/copies/w1 "
    "--out contract-after": "the same",
    "medharness contract snapshot --imaging CT=day-before.pcap --out contract-before": "the reader's "
    "own capture; tests/harness/contract/test_imaging.py runs the command",
    "medharness contract snapshot --imaging CT=day-after.pcap --out contract-after": "the same",
    "medharness contract compare contract-before contract-after --out contract-out": "the same",
    "medharness sign after --before before --compared compare-out --contract contract-out "
    "--reconciled reconcile-out --facts facts.toml --out signoff": "the folders of the lines "
    "before it; tests/harness/signoff runs the command",
    "medharness run --profile memory --out before scenarios/feeds": "minutes; "
    "tests/harness/upgrade/test_releases.py plays both releases",
    "medharness run --profile memory --release 2 --defect lis-sends-no-unit --out after "
    "scenarios/feeds": "the same",
    "medharness compare before after": "the same",
    "medharness mapping compare --before old.csv --after new.csv --bills his_detail.csv": "the "
    "names stand for the reader's own tables; tests/harness/ledger runs the command",
    "medharness record --profile site.toml --out recording": "a real site; "
    "tests/harness/cases/test_lasting.py runs the command",
    "medharness case take recording/recording.pcap --about B8559300690 --out case --fault "
    '"LIS ORU^R01 OBX[3=K]-6 = mmol/L"': "the reader's own recording; "
    "tests/harness/cases/test_take.py runs the command",
    "medharness case take recording/recording.pcap --from 2026-01-05T08:00 --to 2026-01-05T08:20 "
    "--out window": "the same",
    "medharness replay case --profile test-system.toml": "the reader's own system; "
    "tests/harness/cases/test_replay.py runs the command",
    "medharness replay case --profile centre.toml --province guangdong "
    "--slot MHW3Z6P4YNT8=TEST00000042": "a centre; tests/harness/cases/test_asking.py runs it",
    "medharness replay case --profile bridge.toml --path /api/YiBao/{infno}": "the same",
    "medharness minimise case --profile test-system.toml --reference memory --number 2026-031": "the "
    "reader's own system; tests/harness/cases/test_replay.py runs the command",
    "medharness case make recording/recording.pcap --about B8559300690 --out case --fault "
    '"LIS ORU^R01 OBX[3=K]-6 = mmol/L" --profile test-system.toml --reference memory '
    "--number 2026-031": "the same",
}
"""Commands that pages show and no test here runs, with the reason."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, *languages: str) -> list[str]:
    found = re.findall(r"^```(\S*)\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)
    return [body for language, body in found if language in languages]


def commands(name: str) -> list[str]:
    """Every command in a block that is a shell's."""
    lines = re.sub(r"\\\n\s*", "", "".join(blocks(name, "sh", "console"))).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def arguments(command: str) -> str:
    """What is handed to medharness; empty for other programs."""
    found = re.fullmatch(r"(?:\.venv/bin/)?medharness (.*)", command)
    return found[1] if found else ""


def shown() -> dict[str, str]:
    """Every command on every page, with one page that shows it."""
    return {command: name for name in NAMES for command in commands(name)}


def test_every_command_is_run_here_or_excused() -> None:
    unknown = {
        command: name
        for command, name in shown().items()
        if command not in NOT_EXECUTED and arguments(command) not in EXECUTED
    }

    assert unknown == {}


def test_nothing_is_listed_that_no_page_shows() -> None:
    told = shown()
    handed = {arguments(command) for command in told}

    assert [command for command in NOT_EXECUTED if command not in told] == []
    assert [line for line in EXECUTED if line not in handed] == []


@lru_cache(maxsize=1)
def example() -> str:
    """The scenario that the guide shows."""
    (feature,) = blocks(GUIDE.relative_to(ROOT).as_posix(), "gherkin")
    return feature


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One command in an empty folder, which holds the guide's scenario and the demo's tables."""
    shutil.copytree(ROOT / "fixtures" / "ledger" / "demo", folder, dirs_exist_ok=True)
    (folder / "my.feature").write_text(example(), encoding="utf-8")
    (folder / "my-analyzer.toml").write_text(blocks(MODEL_GUIDE, "toml")[0], encoding="utf-8")
    (folder / "capture.log").write_text(blocks(MODEL_GUIDE, "text")[0], encoding="utf-8")
    words = [
        str(ROOT / word) if word.startswith("scenarios/") else word for word in shlex.split(line)
    ]
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("line", list(EXECUTED))
def test_command_does_what_the_page_says(line: str, tmp_path: Path) -> None:
    done = run(line, tmp_path)

    assert done.returncode == EXECUTED[line], done.stdout + done.stderr


# -- what the README shows -----------------------------------------------------------------------


def masked(text: str) -> str:
    """Times and folders differ from run to run."""
    text = re.sub(r"\d+\.\d+s", "0.1s", text)
    text = re.sub(r"\d{8}-\d{6}", "20260105-080000", text).replace("\\", "/")
    text = re.sub(r"[^\s(：]*/(?=scenarios/)", "", text)
    return re.sub(r"[^\s(：]*/(?=runs/)", ".../", text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_output_is_what_the_readme_shows(name: str, tmp_path: Path) -> None:
    pattern = r"^```console\n(\S*medharness [^\n]*)\n```\n\n```text\n(.*?)^```$"
    pairs = re.findall(pattern, text_of(name), re.MULTILINE | re.DOTALL)
    assert len(pairs) == 2
    for number, (command, output) in enumerate(pairs):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run(arguments(command), folder)

        assert output in masked(done.stdout)


@pytest.mark.slow
def test_guide_shows_a_scenario_that_names_the_right_place(tmp_path: Path) -> None:
    done = run("run my.feature --profile memory --lang en --defect lis-flattens-flags", tmp_path)

    assert "LIS-ASTM sql results.flag: expected HH, got H" in done.stdout
    assert "`LIS-ASTM sql results.flag`" in GUIDE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_windows_commands_are_the_same(name: str) -> None:
    (windows,) = blocks(name, "bat")
    plain = windows.replace("py -3 ", "python3 ").replace("\\Scripts\\", "/bin/")
    plain = plain.replace("requirements\\", "requirements/")

    assert plain in blocks(name, "sh")


# -- both languages ------------------------------------------------------------------------------


def translated() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        guide = name == "README.md" or name.startswith(("docs/tutorial/", "docs/how-to/"))
        if guide and ".zh-CN." not in name:
            yield name, name.replace(".md", ".zh-CN.md")


@pytest.mark.parametrize(("english", "chinese"), list(translated()))
def test_both_languages_show_the_same(english: str, chinese: str) -> None:
    def facts(name: str) -> list[object]:
        text = text_of(name)
        shapes = [line.split()[0] for line in text.splitlines() if line.startswith("#")]
        return [
            [command.replace("zh-CN", "en") for command in commands(name)],
            blocks(name, "gherkin", "bat"),
            [block.count("\n") for block in blocks(name, "toml")],
            len(re.findall(r"^\|", text, re.MULTILINE)),
            len(shapes),
        ]

    assert facts(chinese) == facts(english)


# -- links ---------------------------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors of the headings, as hosting platforms make them."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(name: str) -> Iterator[str]:
    text = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    assert list(dead_links(name)) == []


def test_every_page_can_be_reached() -> None:
    """From the README, by links alone."""
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8"))
        found = [(page.parent / target).resolve() for target in targets if "://" not in target]
        todo += [path for path in found if path.suffix == ".md" and path.is_file()]

    assert [name for name in NAMES if ROOT / name not in seen] == []
