"""Take a snapshot: everything that a profile and the command line name, read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness import __version__, resources
from harness.clock import RealClock
from harness.contract import dialect, dicom, files, imaging, rows, sql, workstation
from harness.contract.model import Snapshot, sha256
from harness.errors import HarnessError
from harness.i18n import tr
from harness.link.tap import Connection
from harness.permit import Permit
from harness.profile import Mode, Profile
from harness.profile_check import BUILT_IN_URL
from harness.profile_values import LinkProtocol
from harness.scenario.wiring import AddressGate, addresses

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the command line names beside the profile: parts by name.

    Attributes:
        databases: URLs.
        tables: tables to read row by row, by database or role.
        files: folders of WSDL and XSD files, or of others.
        traffic: recorded HL7.
        imaging: recorded DICOM.
        workstations: folders copied from workstations, or shares.
    """

    databases: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Sequence[rows.Named]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    traffic: Mapping[str, Path] = field(default_factory=dict)
    imaging: Mapping[str, Path] = field(default_factory=dict)
    workstations: Mapping[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Taking:
    """A snapshot while it is taken: one failure is one missing part."""

    say: Say
    parts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)

    def part(self, name: str, look: Callable[[], Mapping[str, str]]) -> None:
        """Look at one thing."""
        try:
            found = look()
        except (HarnessError, OSError) as error:
            self.missed[name] = str(error)
            self.say(tr("{part}: not looked at: {reason}", part=name, reason=error))
            return
        if found:
            self.parts[name] = found
            self.say(tr("{part}: {count} items", part=name, count=len(found)))
        else:
            self.missed[name] = tr("there is nothing in it")
            self.say(tr("{part}: not looked at: {reason}", part=name, reason=self.missed[name]))


def take(profile: Profile | None, named: Named, environ: Mapping[str, str], say: Say) -> Snapshot:
    """Look at everything; what cannot be looked at is named in the snapshot.

    Raises:
        HarnessError: the profile's certificates or permit cannot be used.
    """
    taking = Taking(say)
    if profile is not None:
        _systems(taking, profile)
        permit = Permit(profile, RealClock().wall)
        _databases(taking, profile, permit, environ, named.tables)
        _imaging(taking, profile, permit, environ)
        taking.part("centre specifications", specifications)
    for name, url in named.databases.items():
        taking.part(f"sql {name}", partial(sql.items, url, named.tables.get(name, ())))
    for name, path in named.files.items():
        taking.part(f"files {name}", partial(files.items, path))
    for name, path in named.traffic.items():
        taking.part(f"hl7 {name}", partial(dialect.items, path))
    for name, path in named.imaging.items():
        taking.part(f"imaging {name}", partial(imaging.items, path))
    for name, path in named.workstations.items():
        taking.part(f"workstation {name}", partial(workstation.items, path))
    facts = {} if profile is None else {"name": profile.name, "hash": profile.hash}
    return Snapshot(
        parts=taking.parts, missed=taking.missed, profile=facts, harness_version=__version__,
        taken=RealClock().wall().isoformat(timespec="seconds"),
    )  # fmt: skip


def _systems(taking: Taking, profile: Profile) -> None:
    """What the site itself says of its systems: versions, character sets, what is peculiar."""
    for role, system in profile.systems.items():
        items = {"version": system.version, "product": system.product, "mode": str(system.mode)}
        coding = profile.encodings.get(role)
        if coding is not None:
            items |= {"sends": coding.sends, "receives": coding.receives,
                      "declared": coding.declared}  # fmt: skip
        items |= {
            f"quirk {name}": str(value) for name, value in profile.quirks.get(role, {}).items()
        }
        taking.part(f"system {role}", partial(_valued, items))


def _valued(items: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in items.items() if value}


def _databases(
    taking: Taking, profile: Profile, permit: Permit, environ: Mapping[str, str],
    tables: Mapping[str, Sequence[rows.Named]],
) -> None:  # fmt: skip
    """Each database that a probe looks into, once."""
    seen: set[str] = set()
    for name, probe in profile.probes.items():
        url = profile.probe_url(name, environ)
        part = f"sql {probe.role}"
        if url in seen:
            continue
        seen.add(url)
        if url.startswith(BUILT_IN_URL):
            continue  # it starts with the run: there is nothing to look at now
        if not url:
            taking.missed[part] = tr("not looked at: its database URL is not set")
            continue

        def look(url: str = url, role: str = probe.role) -> Mapping[str, str]:
            permit.require_database(url)
            return sql.items(url, tables.get(role, ()))

        taking.part(part if part not in taking.parts else f"{part} {name}", look)


def _imaging(taking: Taking, profile: Profile, permit: Permit, environ: Mapping[str, str]) -> None:
    """Each system over DICOM that others connect to and that we do not play."""
    where = addresses(profile, environ)
    for name, endpoint in profile.endpoints.items():
        if (
            endpoint.protocol is not LinkProtocol.DICOM
            or profile.mode(endpoint.to) is Mode.SIMULATED
        ):
            continue
        if name not in where:
            taking.missed[f"dicom {name}"] = tr("the profile gives no port")
            continue
        connection = Connection(
            id=f"{name}#contract", link=name, interface=endpoint.interface, local="contract",
            peer=endpoint.to, client=True,
        )  # fmt: skip

        def look(
            name: str = name, title: str = endpoint.ae_title, connection: Connection = connection
        ) -> Mapping[str, str]:
            return dicom.items(where[name], title or "ANY-SCP", connection, AddressGate(permit))

        taking.part(f"dicom {name}", look)


def specifications() -> Mapping[str, str]:
    """Versions of the 医保 interface that the centre is played by, with their hashes."""
    folder = resources.fixtures_folder() / "centre"
    found: dict[str, str] = {}
    for path in _files(folder / "schema"):
        found[f"schema {path.stem}"] = sha256(path.read_bytes())[:16]
    for path in _files(folder / "provinces"):
        found[f"province {path.stem}"] = sha256(path.read_bytes())[:16]
    dictionaries = folder / "dictionaries.json"
    if dictionaries.is_file():
        found["dictionaries"] = sha256(dictionaries.read_bytes())[:16]
    return found


def _files(folder: Path) -> Sequence[Path]:
    return sorted(one for one in folder.glob("*") if one.is_file()) if folder.is_dir() else []
