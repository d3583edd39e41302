"""One centre as a process: ``python -m simulators.centre``."""

from __future__ import annotations

import sys

from simulators.centre.simulate import Centres
from simulators.shell import Shell

if __name__ == "__main__":
    sys.exit(Shell(Centres().make, grouped=True).run())
