"""Watching an upgrade window: what is lost, repeated, late, out of order, and for how long."""
