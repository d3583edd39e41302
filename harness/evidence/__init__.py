"""What happened, and what it means: the trace and the judges."""
