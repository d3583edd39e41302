"""Ledgers of money: read them, pair them, prove that nothing was lost, say what differs and why."""
