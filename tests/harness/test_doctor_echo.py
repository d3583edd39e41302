"""The echo matrix of the doctor: who may call whom, and why not; nothing passes in silence."""

import contextlib
import json
import socket
import threading
from contextlib import contextmanager

import pytest

from harness import cli, i18n
from harness.doctor import Cell, Means, Status, examine
from harness.doctor_echo import LOOKER, SILENT_MAX, callers
from harness.doctor_echo_words import context_result, rejection
from harness.link import tls
from harness.link.dicom import VERIFICATION, Answer
from harness.link.dicom_data import IMPLICIT
from harness.link.dicom_scp import Listener, free_port
from harness.profile import load_profile
from harness.report.text import columns
from harness.site.echo_table import echo_table
from simulators.hospital import pacs_shell
from simulators.modality.papers import Papers

EXPLICIT = "1.2.840.10008.1.2.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"

HEAD = """\
format = 1
name = "x"
environment = "test"
[systems.PACS]
mode = "{mode}"
version = "1"
[systems.VNA]
mode = "simulated"
[policy]
forbidden_addresses = [{forbidden}]
"""

LINK = """\
[endpoints.{name}]
interface = "PACS-DIMSE"
from = "{frm}"
to = "PACS"
protocol = "dicom"
host = "127.0.0.1"
port = {port}
{more}
"""


@pytest.fixture(autouse=True)
def english():
    before = i18n.current()
    i18n.use("en")
    yield
    i18n.use(before)


@contextmanager
def pacs(folder, callers=(), defects=()):
    """The built-in PACS; its port."""
    folder.mkdir(exist_ok=True)
    config = {"role": "PACS", "store": str(folder / "pacs.sqlite"), "durable": False}
    service, listener, store = pacs_shell.make({**config, "defects": list(defects)})
    listener.callers = callers
    address = listener.start("127.0.0.1", 0)
    try:
        yield address.port
    finally:
        left = listener.stop()
        service.stop()
        store.close()
    assert left == []


@contextmanager
def silent():
    """A listener that takes connections and says nothing; it counts them."""
    held, over = [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def accept():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    held.append(server.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1], held
        finally:
            over.set()
            thread.join()
            for one in held:
                one.close()


def written(folder, *links, mode="real", forbidden=""):
    path = folder / "site.toml"
    path.write_text(HEAD.format(mode=mode, forbidden=forbidden) + "".join(links), "utf-8")
    return path


def link(port, name="modality-pacs", frm="modality", more='ae_title = "MHPACS"'):
    return LINK.format(port=port, name=name, frm=frm, more=more)


def short(address, called, calling, connection, guard):
    """A C-ECHO that waits for a moment alone."""
    from harness.link.dicom_echo import echo

    return echo(address, called=called, calling=calling, connection=connection, guard=guard,
                wait_s=0.05)  # fmt: skip


def asked(path, means=None, said=None):
    profile = load_profile(path, resolve=lambda _: ["192.0.2.1"])
    checks = examine(profile, announce=(said if said is not None else []).append,
                     means=means)  # fmt: skip
    return [one for one in checks if one.name == "echo"]


def cells_of(checks):
    return [cell for check in checks for cell in check.cells]


def test_our_titles_are_those_of_the_devices_and_of_our_looks():
    from simulators.modality.model import known_models, load_model

    assert set(callers()) == {LOOKER, *(load_model(name).ae_title for name in known_models())}
    assert callers()[0] == LOOKER


@pytest.mark.slow
def test_a_pacs_that_takes_everybody_and_one_that_knows_two_callers(tmp_path):
    known = ("MHPROBE", "MHCT1")
    with pacs(tmp_path, callers=known) as port, pacs(tmp_path / "all") as free:
        said = []
        found = asked(written(tmp_path, link(port), link(free, "vna", "PACS")), said=said)
    rest = [one for one in callers() if one not in known]
    good, bad, everybody = found
    assert (good.status, good.place) == (Status.OK, "endpoints.modality-pacs")
    assert good.detail.startswith(f"MHPACS takes 2 of {len(callers())} AE titles of ours, in ")
    assert (bad.status, bad.place) == (Status.WARN, good.place)
    assert bad.detail == (
        f"MHPACS to {' '.join(rest)}: rejected for good (1,1,3) by the application (service user): "
        "calling AE title not recognised"
    )
    assert bad.remedy == (
        f"register the AE titles {' '.join(rest)} at PACS, with the address of this machine"
    )
    assert everybody.detail.startswith(f"MHPACS takes {len(callers())} of {len(callers())} ")
    cells = {(one.place, one.calling): one for one in cells_of(found)}
    assert len(cells) == 2 * len(callers())
    assert cells["endpoints.modality-pacs", "MHUS1"].triple == (1, 1, 3)
    assert cells["endpoints.modality-pacs", "MHCT1"].came == "accepted"
    assert cells["endpoints.modality-pacs", "MHCT1"].ms is not None
    told = [one for one in said if "C-ECHO" in one]
    assert told[0] == (
        f"will open: endpoints.modality-pacs → 127.0.0.1:{port} "
        f"(C-ECHO to MHPACS, as {' '.join(callers())})"
    )


@pytest.mark.slow
def test_looks_that_are_refused_are_a_failure(tmp_path):
    with pacs(tmp_path, callers=["MHCT1"]) as port:
        found = asked(written(tmp_path, link(port)))
    assert [one.status for one in found] == [Status.OK, Status.FAIL]
    assert "MHPROBE" in found[1].remedy


@pytest.mark.slow
def test_systems_that_call_each_other_need_not_know_our_devices(tmp_path):
    with pacs(tmp_path, callers=["VNA"]) as port:
        found = asked(written(tmp_path, link(port, "vna-pacs", "VNA")))
        nobody = asked(written(tmp_path, link(port)))
    assert [one.status for one in found] == [Status.OK]
    assert [one.status for one in nobody] == [Status.FAIL]


@pytest.mark.slow
def test_where_the_devices_are_the_sites_own_only_our_looks_call(tmp_path):
    with pacs(tmp_path) as port:
        path = written(tmp_path, '[systems.modality]\nmode = "real"\nversion = "1"\n', link(port))
        (only,) = asked(path)
    assert [one.calling for one in only.cells] == [LOOKER]
    assert only.status is Status.OK


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held", "came"), [("device", "accepted"), ("device-other-authority", "closed")]
)
def test_a_system_behind_tls_is_called_with_the_certificates_of_its_link(tmp_path, held, came):
    papers = Papers(tmp_path)
    papers.path("authority")
    listener = Listener(
        Echo(), "MHPACS", [(VERIFICATION, [IMPLICIT])],
        tls=lambda: tls.mutual_context(papers.path("pacs"), papers.path("authority")),
    )  # fmt: skip
    address = listener.start("127.0.0.1", 0)
    more = 'ae_title = "MHPACS"\ntransport = "tls"\ntls = { ca = "%s", certificate = "%s", %s }'
    names = (papers.path("authority").name, papers.path(held).name, 'key_env = "KEY"')
    path = written(papers.path("pacs").parent, link(address.port, more=more % names))
    try:
        first = asked(path, Means(environ={"KEY": str(papers.path(held))}))[0]
    finally:
        assert listener.stop() == []
    assert first.cells[0].came == came


@pytest.mark.slow
def test_a_called_title_that_is_wrong_is_told_with_its_key(tmp_path):
    with pacs(tmp_path, defects=["pacs-forgets-own-title"]) as port:
        (only,) = asked(written(tmp_path, link(port, more='ae_title = "OTHER"')))
    assert only.status is Status.FAIL
    assert only.remedy == (
        "correct ae_title of endpoints.modality-pacs: the system has another one"
    )
    assert {one.triple for one in only.cells} == {(1, 1, 7)}


def test_a_port_that_nobody_listens_on_is_asked_once(tmp_path):
    (first, rest) = asked(written(tmp_path, link(free_port())))
    assert first.status is Status.FAIL
    assert first.detail.startswith("MHPACS to MHPROBE: no connection")
    assert rest.status is Status.SKIPPED
    assert len(first.cells) == len(callers())
    assert {one.came for one in first.cells[1:]} == {"not-asked"}


def test_a_listener_that_says_nothing_is_asked_a_few_times(tmp_path):
    with silent() as (port, held):
        first, rest = asked(written(tmp_path, link(port)), Means(echo=short))
    assert len(held) == SILENT_MAX + 1  # and the look that closes without a byte
    assert first.status is Status.FAIL
    assert first.detail == "MHPACS to MHPROBE MHCR1 MHCT3: connected, and no answer in time"
    assert rest.status is Status.SKIPPED
    assert rest.detail.endswith("not asked: the calls before it found nobody who answers")
    assert [one.ms for one in first.cells] == [None] * len(callers())


@pytest.mark.slow
def test_an_association_without_a_context_for_verification(tmp_path):
    listener = Listener(Echo(), "MHPACS", [(FIND, [EXPLICIT])])
    address = listener.start("127.0.0.1", 0)
    try:
        (only,) = asked(written(tmp_path, link(address.port)))
    finally:
        assert listener.stop() == []
    assert only.status is Status.FAIL
    assert only.detail.endswith(
        "no presentation context for verification: abstract syntax not supported (3)"
    )
    assert {(one.came, one.result) for one in only.cells} == {("no-context", 3)}


@pytest.mark.slow
def test_an_echo_that_fails_is_no_success(tmp_path):
    with pacs(tmp_path, defects=["pacs-breaks-echo"]) as port:
        (only,) = asked(written(tmp_path, link(port)))
    assert only.status is Status.FAIL
    assert {(one.came, one.status) for one in only.cells} == {("failed", 0x0211)}


class Echo:
    """Answers everything with success."""

    def serve(self, request, session):
        yield Answer(status=0)


# ---- what is not asked


@pytest.mark.parametrize(
    ("more", "mode", "forbidden", "reason"),
    [
        ("single_client = true", "real", "", "no C-ECHO: it takes one client"),
        ('ae_title = ""', "real", "", "no C-ECHO: nobody said which AE title is called there"),
        ("", "simulated", "", "no C-ECHO: PACS starts with the run"),
        ("", "observed", "", "no C-ECHO: PACS is only watched"),
        ('host = "pacs.example"', "real", '"198.51.100.0/24"', "no C-ECHO: pacs.example is"),
    ],
)
def test_what_is_not_asked_is_said_with_its_reason(tmp_path, more, mode, forbidden, reason):
    def never(*_):
        raise AssertionError("it was asked")

    with silent() as (port, held):
        more = more if "ae_title" in more else f'{more}\nae_title = "MHPACS"'
        text = link(port, more=more)
        if "host" in more:
            text = text.replace('host = "127.0.0.1"\n', "")
        path = written(tmp_path, text, mode=mode, forbidden=forbidden)
        (only,) = asked(path, Means(echo=never, resolve=lambda _: ["198.51.100.7"]))
    assert only.detail.startswith(reason)
    assert only.status in {Status.SKIPPED, Status.WARN}
    assert only.cells == ()
    assert len(held) <= 1


def test_where_we_listen_the_other_side_has_to_call(tmp_path):
    back = link(free_port(), "pacs-modality", "PACS", "").replace('to = "PACS"', 'to = "modality"')
    (only,) = asked(written(tmp_path, back))
    assert (only.status, only.detail) == (
        Status.SKIPPED,
        "no C-ECHO: we listen here ourselves: PACS has to call us",
    )


def test_a_site_without_images_is_told_nothing_of_dicom(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text("utf-8").replace("systems.PACS", "systems.LIS"), "utf-8")
    assert asked(path) == []


def test_a_pacs_without_a_dicom_endpoint_is_told_so(tmp_path):
    (only,) = asked(written(tmp_path))
    assert (only.status, only.detail) == (
        Status.SKIPPED,
        "no DICOM endpoint: no C-ECHO was asked",
    )


def test_nothing_is_asked_in_memory(tmp_path):
    end = link(0, more='transport = "memory"').replace('host = "127.0.0.1"\nport = 0\n', "")
    path = written(tmp_path, end, mode="simulated")
    text = path.read_text("utf-8").replace('"test"\n', '"test"\ntransport = "memory"\n', 1)
    path.write_text(text, "utf-8")
    (only,) = asked(path)
    assert (only.status, only.detail) == (Status.SKIPPED, "no C-ECHO: runs in memory")


def test_the_address_is_asked_for_again_when_it_opens(tmp_path):
    """A name may lead elsewhere by then: the gate of the connection asks the policy, too."""
    from harness.errors import PermitError

    opened = []

    def ask(address, called, calling, connection, gate):
        opened.append(calling)
        with pytest.raises(PermitError):
            gate.opens(connection, "198.51.100.7", 104)
        raise OSError("far away")

    path = written(tmp_path, link(1), forbidden='"198.51.100.0/24"')
    first, _ = asked(path, Means(echo=ask))
    assert opened == [LOOKER]
    assert first.detail.endswith("no connection: far away")


# ---- words and table


@pytest.mark.parametrize(
    ("triple", "words"),
    [
        # PS3.8 table 9-21, by hand
        ((1, 1, 1), "rejected for good (1,1,1) by the application (service user): no reason given"),
        ((1, 1, 2), "application context not supported"),
        ((1, 1, 7), "called AE title not recognised"),
        ((1, 2, 1), "by the DICOM layer (service provider, ACSE): no reason given"),
        ((1, 2, 2), "protocol version not supported"),
        ((2, 3, 1), "rejected for now (2,3,1) by the DICOM layer (service provider, presentation)"),
        ((2, 3, 2), "local limit exceeded"),
        ((2, 1, 2), "rejected for now (2,1,2) by the application (service user): application"),
        ((1, 1, 4), "a value that the standard does not know"),
        ((9, 9, 9), "(9,9,9)"),
    ],
)
def test_a_rejection_is_told_in_words(triple, words):
    assert words in rejection(triple)


def test_the_result_of_a_context_is_told_in_words():
    found = [context_result(one) for one in (1, 2, 3, 4, 9, None)]
    assert found == [
        "refused by the user (1)",
        "no reason given (2)",
        "abstract syntax not supported (3)",
        "transfer syntaxes not supported (4)",
        "a value that the standard does not know (9)",
        "not answered",
    ]


def cell(calling, came, place="endpoints.甲院区", **more):
    return Cell(calling=calling, called="PACS", place=place, came=came, words=f"{came}！", **more)


def test_the_table_stands_upright_with_chinese_in_it():
    cells = [
        cell("MHCT1", "accepted", ms=3),
        cell("MHPROBE", "rejected", triple=(1, 1, 3)),
        cell("MHCT1", "no-context", place="endpoints.b", result=3),
        cell("MHPROBE", "silent", place="endpoints.b"),
    ]
    lines = list(echo_table(cells))
    assert lines == [
        "Echo matrix",
        "  calling \\ called  PACS      PACS",
        "                    甲院区    b",
        "  MHCT1             ✔ 3 ms    no context 3",
        "  MHPROBE           RJ 1,1,3  ✘ silent",
        "  RJ 1,1,3: rejected！",
        "  no context 3: no-context！",
        "  ✘ silent: silent！",
    ]
    starts = {columns(line[: line.index(word)]) for line, word in
              zip(lines[1:5], ("PACS     ", "甲", "✔", "RJ"), strict=True)}  # fmt: skip
    assert starts == {20}


def test_without_a_cell_there_is_no_table():
    assert list(echo_table([])) == []


@pytest.mark.slow
def test_the_command_shows_the_matrix_and_writes_it(tmp_path, capsys):
    with pacs(tmp_path, callers=["MHPROBE"]) as port:
        path = written(tmp_path, link(port))
        code = cli.main(["doctor", "--profile", str(path), "--lang", "en", "--json"])
    out = capsys.readouterr().out.splitlines()
    told = json.loads(out[-1])
    statuses = [one["status"] for one in told["checks"] if one["name"] == "echo"]
    assert statuses == ["ok", "warn"]
    assert code == told["exit_code"]
    assert [one["calling"] for one in told["echoes"]] == list(callers())
    assert told["echoes"][1]["triple"] == [1, 1, 3]
    assert any(line.split()[:2] == ["MHPROBE", "✔"] for line in out)
    assert any(line.split()[:3] == ["MHCT1", "RJ", "1,1,3"] for line in out)
