"""Protocol cores: bytes and the time in, events and bytes out. No socket, clock, thread or log."""
