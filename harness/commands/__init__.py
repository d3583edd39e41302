"""The commands, a module for each group; ``harness.cli`` puts them together.

A module has ``add(commands)``, which adds its parsers, and functions that import the room they call
only when they are called: ``medharness --help`` must not wait for pytest or a database.
"""
