"""At a real site: what persons do, which way a call takes, what is left behind, and the night."""
