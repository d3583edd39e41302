"""A site: init, doctor."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.commands import common
from harness.i18n import tr


def add(commands: Any) -> None:
    """``init`` and ``doctor``."""
    init = common.add(commands, "init", _init, tr("write a commented site profile"))
    init.add_argument("file", metavar="FILE", help=tr("where to write it"))
    doctor = common.add(commands, "doctor", _doctor, tr("check a profile's endpoints, read-only"))
    common.profile(doctor)


def _init(args: argparse.Namespace) -> int:
    from harness.init import write_template  # noqa: PLC0415 - only where it is needed

    path = write_template(Path(args.file))
    print(tr("written: {path}", path=path))
    if args.json:
        common.print_json({"written": str(path), "exit_code": 0})
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from harness import doctor, profile  # noqa: PLC0415 - only where it is needed
    from harness.site.echo_table import echo_table  # noqa: PLC0415 - as above

    loaded = profile.load_profile(args.profile)
    checks = doctor.examine(loaded, announce=print)
    for check in checks:
        print(f"{check.status:8} {check.name:32} {check.place:32} {check.detail}")
        if check.remedy and check.status in {"warn", "fail"}:
            print(f"{'':8} → {check.remedy}")
    cells = [cell for check in checks for cell in check.cells]
    for line in echo_table(cells):
        print(line)
    code = 1 if any(check.status == "fail" for check in checks) else 0
    if args.json:
        names = ("name", "place", "status", "detail", "remedy")
        rows = [{name: str(getattr(check, name)) for name in names} for check in checks]
        echoes = [cell.data() for cell in cells]
        common.print_json({"checks": rows, "echoes": echoes, "exit_code": code})
    return code
