"""Standing in line between two real systems: a recording, and faults on purpose."""
