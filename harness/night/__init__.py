"""The night of an upgrade: in which order, with whom, what is rewired, and when to go back."""
