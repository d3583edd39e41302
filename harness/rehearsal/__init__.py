"""Comparisons beyond two runs of one site: rehearsal against production, and a recorded day."""
