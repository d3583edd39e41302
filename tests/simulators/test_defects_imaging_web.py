"""The defects beside DIMSE: each is in the code, has its row, its requirement, and a scenario."""

import tomllib
from pathlib import Path

from harness import resources
from harness.selfcheck.fault_classes import IMAGING, catalogue
from simulators.hospital import defects, defects_imaging_web

DEFECTS = defects_imaging_web.DEFECTS
FOLDER = Path(defects.__file__).parent


def test_every_id_is_looked_for_once_or_more():
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in FOLDER.glob("*.py")
        if not path.name.startswith("defects")
    )
    for one in DEFECTS:
        suffix = one.id.removeprefix("ris-")  # what an inbox asks is built from its prefix
        assert f'"{one.id}"' in text or f'"{suffix}"' in text, one.id
    defects.check([one.id for one in DEFECTS])


def test_every_defect_stands_for_a_row_and_a_requirement_of_its_interface():
    rows = catalogue(IMAGING)
    table = tomllib.loads(resources.fixture("requirements.toml").read_text("utf-8"))
    needs = {one["id"]: one["interface"] for one in table["requirement"]}
    scenarios = "".join(
        path.read_text(encoding="utf-8")
        for path in resources.fixture("requirements.toml")
        .parents[1]
        .glob("scenarios/imaging/*.feature")
    )
    for one in DEFECTS:
        assert one.source in rows, one.id
        assert not rows[one.source].open, one.id
        assert needs[one.requirement] in {"PACS-WEB", "PACS-TLS", "RIS-ORD"}, one.id
        assert f"@{one.requirement} " in scenarios, one.id
