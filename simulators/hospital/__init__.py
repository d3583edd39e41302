"""The built-in hospital: the systems that are tested by default."""
