"""Planned faults: what is done, to what, and proof that it was."""
