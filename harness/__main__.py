"""``python -m harness`` is ``medharness``."""

import sys

from harness.cli import main

sys.exit(main())
