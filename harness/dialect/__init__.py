"""The dialect of a site: what its senders really write, learned from traffic and kept as text."""
