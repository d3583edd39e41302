"""The site profile as a typed model: who plays what, where, in which words, and what is allowed.

The model refuses a key that it does not know. What concerns several keys at once stands in
``profile_check.py``; reading a file, and saying on which line it is wrong, in ``profile_load.py``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from harness import limits
from harness.profile_values import (
    AeTitle,
    Codec,
    Environment,
    EnvName,
    Filled,
    Flag,
    Host,
    LimitName,
    LimitValue,
    LinkProtocol,
    LinkTransport,
    Mode,
    Name,
    Pattern,
    Port,
    ProbeKind,
    Query,
    QuirkName,
    Rate,
    Reach,
    Role,
    Scalar,
    Seconds,
    SerialUrl,
    Sha256,
    Text,
    Transport,
    Url,
    Via,
    WebPath,
    Worker,
)

FORMAT = 1
"""Format of the profile; raised when an older profile would be misread."""

ENTRIES_MAX = 500
"""Systems, endpoints, probes and forbidden addresses, each: a county with 17 institutions and
some 20 interfaces a house fits."""

DEVICE_ROLES = frozenset({"analyzer", "modality", "feed", "monitor", "ecg", "payer", "operator"})
"""Roles that we play without an entry in ``[systems]``."""


class Part(BaseModel):
    """Base of every table of the profile: closed, frozen, documented by its docstrings."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        regex_engine="python-re",
    )


class System(Part):
    """One system under test, or one that stands in for it."""

    mode: Mode
    """simulated: we run it; real: it is there and we talk to it; observed: we only watch it."""
    product: Text = ""
    """Product name, for the report."""
    vendor: Text = ""
    """Who makes it."""
    version: Text = ""
    """The version that runs now; stands in every report."""
    version_before: Text = ""
    """The version before the upgrade that is being verified."""
    version_after: Text = ""
    """The version that the upgrade will install."""
    required: Flag = True
    """An unreachable required system blocks a scenario; an optional one makes it not applicable."""
    worked_by: Worker = Worker.PROGRAM
    """person: what a scenario asks of this system is done by a person at its screen."""


class Tls(Part):
    """Certificates of one endpoint; files are named relative to the profile."""

    ca: Text = ""
    """PEM file with the authorities that the other side's certificate must come from."""
    certificate: Text = ""
    """PEM file with our own certificate."""
    key_env: EnvName | None = None
    """Environment variable with the path of our private key."""
    key_password_env: EnvName | None = None
    """Environment variable with the password of that key."""
    server_name: Host | None = None
    """The name that the other side's certificate must carry; default: the host."""


class Line(Part):
    """Settings of a serial line (LIS01-A2 §5.2: 9600 baud, 8 bits, no parity, 1 stop bit)."""

    baud: Annotated[int, Field(strict=True, ge=300, le=921_600)] = 9600
    """Bits a second."""
    data_bits: Annotated[int, Field(strict=True, ge=7, le=8)] = 8
    """Bits a character."""
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    """Parity bit."""
    stop_bits: Annotated[int, Field(strict=True, ge=1, le=2)] = 1
    """Stop bits."""
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    """Flow control."""
    ready: Literal["none", "cts", "dsr"] = "none"
    """Modem line that the other end must raise before we talk; its fall is a pulled cable."""


class Endpoint(Part):
    """One link: who connects to whom, over what, where."""

    interface: Filled
    """Id from fixtures/interfaces.toml: what the report counts this link to."""
    also: tuple[Filled, ...] = Field(default=(), max_length=ENTRIES_MAX)
    """Other interfaces that share this line, such as admissions on the line of the orders."""
    frm: Role = Field(alias="from")
    """Role that connects."""
    to: Role
    """Role that listens; the address is where it listens."""
    protocol: LinkProtocol
    """What is spoken."""
    transport: LinkTransport = LinkTransport.TCP
    """What carries it."""
    host: Host = "127.0.0.1"
    """Where the listening role is; for a simulated one, where we listen."""
    port: Port = 0
    """TCP port; 0 lets the operating system choose, for a simulated role only."""
    url: SerialUrl = ""
    """Serial port: COM3, /dev/ttyUSB0, or socket://HOST:PORT of a device server. Where we run both
    sides, pty:// makes a pair of pseudo-terminals."""
    listen_url: SerialUrl = ""
    """Serial port of a listening role that we run, at the other end of the line of url."""
    line: Line | None = None
    """Settings of a serial line."""
    ae_title: AeTitle = ""
    """DICOM only: AE title of the listening system; default: the one of the built-in system."""
    path: WebPath = ""
    """DICOMweb only: where the services begin, such as /dcm4chee-arc/aets/DCM4CHEE/rs; default:
    /dicom-web."""
    encoding: Codec | None = None
    """Character set on this link; default: the one of its roles in [encodings]."""
    tls: Tls | None = None
    """Certificates; transport = "tls" only."""
    via: Via = Via.DIRECT
    """relay: we stand in line, watch, and inject faults."""
    relay_host: Host = "127.0.0.1"
    """Where the relay listens."""
    relay_port: Port = 0
    """Port of the relay; a real system that connects needs a fixed one."""
    expose: Flag = False
    """Say yes to listening on an address that other machines can reach."""
    required: Flag = True
    """false: a site without this link makes its scenarios not applicable."""
    forwards: Flag = True
    """false: nothing that is written to the connecting system is passed on over this link, so it
    needs no canary before a write; say it only of what its settings show."""
    single_client: Flag = False
    """The listener takes one client: it is never opened only to look whether it is there."""


class ProbeConfig(Part):
    """A read-only look into a system."""

    role: Role
    """Whose effects it shows."""
    kind: ProbeKind = ProbeKind.SQL
    """How it looks."""
    url: Url | None = None
    """sqlite:PATH, builtin:ROLE for a system that we run, folder:PATH of a carried probe or of
    exports, http://HOST:PORT, https://HOST:PORT, mllp://HOST:PORT; nothing with a password."""
    url_env: EnvName | None = None
    """Environment variable with the database URL, such as postgresql://user:password@host/db,
    oracle+oracledb://user:password@host:1521/?service_name=ZLHIS, mssql+pymssql://..., or
    mysql+pymysql://...."""
    oracle_client: Text = ""
    """sql: folder of the site's Oracle client (oci.dll, libclntsh.so), which databases before 12.1
    need; empty for the driver alone."""
    query: Query
    """What is asked, with named holes such as :barcode: one SELECT (sql, carried), names of files
    such as results-*.csv (files), path and query of a GET (http), a query message, a segment a line
    (hl7), what the card says (person), services such as C-FIND C-GET QIDO-RS (dicom)."""
    rows: Pattern = ""
    """Where the rows stand: a JSON pointer or XML path (http), the segment that is a row (hl7), a
    regular expression with a named group a column for a line of text (files)."""
    owner: Text = ""
    """Who answers for what it shows: a name and a telephone number of the house."""
    rate_per_s: Rate | None = None
    """At most so many looks a second; default: 10 at a system that we do not run."""
    header_env: EnvName | None = None
    """http: environment variable with one header line, such as Authorization: Bearer ..."""
    empty_status: Annotated[list[Annotated[int, Field(strict=True)]], Field(max_length=5)] = Field(
        default_factory=list
    )
    """http: statuses by which the service says that it has no such rows, such as [404] or [410];
    else they are an error of the probe, as a wrong path is."""
    encoding: Codec | None = None
    """hl7: character set of the question; default: what the role receives."""
    tls: Tls | None = None
    """http with https, hl7 over TLS: certificates."""
    columns: dict[Filled, Filled] = Field(default_factory=dict)
    """Our column name = the query's column name; default: the query's own names."""
    reach: Reach = Reach.STORED
    """How far it sees: stored in a table, sent to the next system, displayed to a person."""
    control: Query = ""
    """One SELECT without holes that must show at least one row: proof that the probe can see."""
    clock: Query = ""
    """One SELECT without holes that gives the database's time, for the clock offset."""
    rows_max: Annotated[int, Field(strict=True, gt=0, le=1_000_000)] = limits.PROBE_ROWS_MAX
    """More rows than this are an error."""
    timeout_s: Seconds = limits.PROBE_TIMEOUT_S
    """Time for one look, in seconds."""


class RoleEncoding(Part):
    """Character sets of one role."""

    sends: Codec = "gb18030"
    """What it sends."""
    receives: Codec = "gb18030"
    """What it reads."""
    declared: Text = ""
    """What it writes into MSH-18."""
    aliases: dict[Filled, Codec] = Field(default_factory=dict)
    """Its own words in MSH-18, such as UTF8, and the character set that each means."""


class Policy(Part):
    """What this project may do at this site."""

    forbidden_addresses: Annotated[list[Filled], Field(max_length=ENTRIES_MAX)] = Field(
        default_factory=list
    )
    """Hosts, host:port or CIDR networks that are never opened, in no environment."""
    permit: Text = ""
    """Permit file (TOML) that names the window for faults and writes in production."""


class Operators(Part):
    """How persons work at systems that we cannot command."""

    port: Port = 0
    """Port of the page with the cards, on this machine alone; 0 lets the system choose."""
    wait_s: Seconds = 1800.0
    """How long a batch of cards may take; what is not seen to be done then is blocked."""
    cards: Text = ""
    """Cards of this site (TOML), over those that ship; named relative to the profile."""
    mints: list[Filled] = Field(default_factory=list, max_length=ENTRIES_MAX)
    """Ids that the system under test gives, as ROLE.argument: HIS.patient_id, HIS.barcode."""
    typed: list[Filled] = Field(default_factory=list, max_length=ENTRIES_MAX)
    """Those of them that a person types or scans into the page, as ROLE.argument."""
    workstations: dict[Filled, Filled] = Field(default_factory=dict)
    """What a workstation of the cards is called here."""


class Canary(Part):
    """A harmless action whose message must arrive at us before an interface is tested."""

    interface: Filled
    """Which interface it proves."""
    text: Text = ""
    """What a person does for it, such as: read a card at the cashier's desk (9001, 1101)."""
    type: Filled
    """Type of the message that must arrive: 9001, QBP^Q22 ..."""
    frm: Role = Field(alias="from")
    """The system under test that must have sent it."""
    wait_s: Seconds = 600.0
    """How long it may take."""


class Privacy(Part):
    """What becomes of recordings of real systems."""

    key_env: EnvName | None = None
    """Environment variable with the passphrase that encrypts traces of real and observed roles."""
    plain: Filled | None = None
    """Who accepts that they lie plain, by name and office; instead of key_env."""
    retention_days: Annotated[int, Field(strict=True, ge=1, le=3650)] = 180
    """Run folders older than this are removed by medharness purge."""


class TestSubjects(Part):
    """A signed list of real test patients, beside the generated ones."""

    __test__ = False

    list: Filled
    """CSV file: patient_id,name,sex,birth,id_card; named relative to the profile."""
    sha256: Sha256
    """SHA-256 of that file: what was signed for."""
    signer: Filled
    """Who agreed that these patients may be used."""
    date: Annotated[dt.date, Field(strict=True)]
    """When."""


class Profile(Part):
    """A site profile."""

    format: Literal[1]
    """Format of the profile: 1."""
    name: Filled
    """Name of the site, for reports."""
    environment: Environment
    """production refuses faults and writes unless a permit file names the window."""
    transport: Transport = Transport.TCP
    """memory runs everything in one process on a virtual clock; for simulated systems only."""
    systems: Annotated[dict[Role, System], Field(min_length=1, max_length=ENTRIES_MAX)]
    """Systems by role: LIS, HIS, PACS, centre ..."""
    endpoints: Annotated[dict[Name, Endpoint], Field(max_length=ENTRIES_MAX)] = Field(
        default_factory=dict
    )
    """Links by name."""
    probes: Annotated[dict[Name, ProbeConfig], Field(max_length=ENTRIES_MAX)] = Field(
        default_factory=dict
    )
    """Probes by name."""
    limits: dict[Role, dict[LimitName, LimitValue]] = Field(default_factory=dict)
    """Limits by role; each name ends in its unit, such as answer_s."""
    encodings: dict[Role, RoleEncoding] = Field(default_factory=dict)
    """Character sets by role."""
    quirks: dict[Role, dict[QuirkName, Scalar]] = Field(default_factory=dict)
    """What is peculiar to a system at this site, by role."""
    policy: Policy = Field(default_factory=Policy)
    """What is allowed."""
    test_subjects: TestSubjects | None = None
    """Real test patients, signed for."""
    operator: Operators = Field(default_factory=Operators)
    """Cards for persons, and the page that shows them."""
    canaries: dict[Name, Canary] = Field(default_factory=dict)
    """Harmless actions that prove which way a call takes, by name."""
    privacy: Privacy = Field(default_factory=Privacy)
    """Encryption and retention of traces."""

    _path: Path = PrivateAttr(default_factory=Path)
    _hash: str = PrivateAttr(default="")

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return self._path

    @property
    def hash(self) -> str:
        """SHA-256 of that file's bytes."""
        return self._hash

    def place(self, path: Path, digest: str) -> None:
        """Say where this profile came from; for the loader."""
        self._path = path
        self._hash = digest

    def file(self, name: str) -> Path:
        """A file that the profile names, relative to its own folder."""
        return self._path.parent / name

    def probe_url(self, name: str, environ: Mapping[str, str]) -> str:
        """Where a probe looks, its secret filled in; empty where its variable is not set."""
        probe = self.probes[name]
        url = probe.url or environ.get(probe.url_env or "", "")
        if url.startswith("sqlite:"):
            return f"sqlite:{self.file(url.removeprefix('sqlite:'))}"
        return url

    def mode(self, role: str) -> Mode:
        """How a role is played; devices without an entry in ``[systems]`` are simulated."""
        system = self.systems.get(role)
        return Mode.SIMULATED if system is None else system.mode

    @property
    def theirs(self) -> list[str]:
        """Roles that we do not play: what they say may be about real patients."""
        return [role for role, one in self.systems.items() if one.mode is not Mode.SIMULATED]
