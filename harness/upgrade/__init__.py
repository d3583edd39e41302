"""Upgrade verification: what a run observed before and after, and what really differs."""
