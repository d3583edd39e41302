"""From what was recorded at a site to a case without a person in it."""
