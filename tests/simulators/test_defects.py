"""The list of defects, and what the hospital may know of the world around it."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness import resources
from harness.clock import VirtualClock
from harness.errors import InputError
from simulators.hospital import defects
from simulators.hospital.built_in import BuiltInHospital

HOSPITAL = Path(defects.__file__).resolve().parent
AROUND = ("imaging_inside", "explore", "heard", "pacs", "ris")
"""What drives the hospital from outside, and imaging, whose DIMSE side is no actor: it runs on the
threads of its library. Neither may see a scenario; the import contracts hold that."""

SOURCES = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted(HOSPITAL.glob("*.py"))
    if path.name != "defects.py" and not path.name.startswith(AROUND)
}
PREFIXED = {
    "inbox.py": ("lis", "his"),
    "outbox.py": ("lis", "his"),
    "adt.py": ("lis",),
    "interface_engine_in.py": ("engine",),
}
"""Rooms that both systems share name a defect without the system, or with a hole for it."""


def fixture(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.fixture(name).read_text(encoding="utf-8"))


def implemented() -> set[str]:
    """Every id that a line of code asks for."""
    found: set[str] = set()
    for name, source in SOURCES.items():
        found |= set(re.findall(r'"((?:lis|his|engine)-[a-z0-9-]+)" (?:not )?in ', source))
        for prefix in PREFIXED.get(name, ()):
            asked = re.findall(r'self\.has\("([a-z0-9-]+)"\)', source)
            asked += re.findall(r'f"\{prefix\}-([a-z0-9-]+)"', source)
            found |= {f"{prefix}-{one}" for one in asked}
    return found


def test_every_defect_is_a_path_of_the_code() -> None:
    assert set(defects.BY_ID) - implemented() == set()


def test_ids_are_unique_and_begin_with_their_system() -> None:
    ids = [one.id for one in defects.DEFECTS]

    assert len(ids) == len(set(ids))
    assert {one.split("-")[0] for one in ids} == {"lis", "his", "engine"}


def test_no_code_asks_for_a_defect_that_is_not_listed() -> None:
    """A shared room asks on behalf of both systems, and some defects are of one alone."""
    bare = {one.split("-", 1)[1] for one in defects.BY_ID}

    assert {one for one in implemented() if one.split("-", 1)[1] not in bare} == set()


def test_requirements_and_interfaces_are_known() -> None:
    requirements = {one["id"] for one in fixture("requirements.toml")["requirement"]}
    interfaces = {one["id"] for one in fixture("interfaces.toml")["interface"]}

    assert {one.requirement for one in defects.DEFECTS} <= requirements
    places = [place for one in defects.DEFECTS for place in one.places]
    assert {place.split(" ")[0] for place in places} <= interfaces
    assert all(one.places and one.what and one.source for one in defects.DEFECTS)
    assert {place.split(" ")[1] for place in places} == {"sql", "hl7", "astm", "http", "ledger"}


def test_places_name_columns_that_are_there() -> None:
    schema = SOURCES["schema.py"]
    for one in defects.DEFECTS:
        for place in one.places:
            _, protocol, path = [*place.split(" ", 2), ""][:3]
            if protocol == "sql":
                table, _, column = path.partition(".")
                assert f"EXISTS {table} (" in schema, place
                assert re.search(rf"\b{column}\b", schema), place


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    BuiltInHospital().check_defects(list(defects.BY_ID))
    with pytest.raises(InputError, match="no defect lis-drop-unit") as caught:
        defects.check(["lis-drop-unit"])
    assert "lis-drops-unit" in caught.value.remedy
    with pytest.raises(InputError) as caught:
        BuiltInHospital().check_defects(["0"])
    assert caught.value.remedy == "medharness run --defect ID"


# -- what the hospital may know --------------------------------------------------------------------

ALLOWED = (
    "harness.clock", "harness.digits", "harness.errors", "harness.input_files", "harness.link.actor",
    "harness.link.dicom_data", "harness.link.tls", "harness.wire", "simulators",
)  # fmt: skip
"""Time, numbers, errors, files of a site, the shape of an actor, data sets and protocols: nothing of a run, a
fault or a judge."""

STANDARD = frozenset(
    {
        "__future__",
        "base64",
        "binascii",
        "collections",
        "collections.abc",
        "contextlib",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "functools",
        "hashlib",
        "html",
        "io",
        "itertools",
        "json",
        "lxml",
        "pathlib",
        "re",
        "sys",
        "tomllib",
        "typing",
        "urllib.parse",
    }
)


def test_the_hospital_never_sees_a_scenario() -> None:
    for name, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            modules = []
            if isinstance(node, ast.ImportFrom):
                modules = [f"{node.module}.{one.name}" for one in node.names]
            elif isinstance(node, ast.Import):
                modules = [one.name for one in node.names]
            for module in modules:
                ours = module.startswith(ALLOWED) and not module.startswith(
                    ("simulators.analyzer", "simulators.feed", "simulators.simulate")
                )
                assert ours or module.rpartition(".")[0] in STANDARD or module in STANDARD, (
                    f"{name} imports {module}"
                )
        assert not re.search(r"environ|argv|scenario|__file__|getpid", source), name


def test_it_is_told_its_role_its_store_its_patience_and_its_framing_and_no_more(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    class Config(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            asked.append(key)
            return super().__getitem__(key)

        def get(self, key: str, default: Any = None) -> Any:
            asked.append(key)
            return super().get(key, default)

    for role in BuiltInHospital().roles:
        config = Config(role=role, store=str(tmp_path / role), durable=False)
        _, store = BuiltInHospital().make(config, VirtualClock())
        store.close()

    assert set(asked) == {
        "role", "store", "durable", "answer_s", "retry_s", "defects", "hybrid",
    }  # fmt: skip


def test_a_role_that_it_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no PACS"):
        BuiltInHospital().make({"role": "PACS", "store": str(tmp_path / "x")}, VirtualClock())


def test_defects_are_what_the_configuration_says_and_the_patience_too(tmp_path: Path) -> None:
    config = {
        "role": "LIS", "store": str(tmp_path / "l"), "durable": False, "answer_s": 2, "retry_s": 3,
        "defects": ["lis-drops-unit"],
    }  # fmt: skip
    actor: Any
    actor, store = BuiltInHospital().make(config, VirtualClock())

    assert actor.defects == actor.outbox.defects == actor.inbox.defects == {"lis-drops-unit"}
    assert (actor.outbox.timing.answer_s, actor.outbox.timing.retry_s) == (2.0, 3.0)
    store.close()
