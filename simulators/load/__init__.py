"""Load: many users of a hospital at once, what they were told, and what is there afterwards."""
