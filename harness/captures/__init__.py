"""Recorded bytes of an instrument, read back: records, findings, and what nothing could read."""
