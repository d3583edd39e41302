"""Scenarios: reading, binding, running them, and the command line around."""
