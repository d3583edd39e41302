"""Where bytes move: memory, TCP, TLS, processes, the relay."""
