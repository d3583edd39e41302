"""Exploring settlement: every message, every fault and every power cut, and what the books say."""
