"""Scenarios that ship, and the sentences that they are written in."""
