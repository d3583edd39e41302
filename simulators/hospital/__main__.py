"""One system of the built-in hospital as a process: ``python -m simulators.hospital``."""

from __future__ import annotations

import sys

from simulators.hospital.built_in import BuiltInHospital
from simulators.shell import Shell

if __name__ == "__main__":
    sys.exit(Shell(BuiltInHospital().make).run())
