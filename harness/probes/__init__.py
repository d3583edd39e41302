"""Read-only looks at the system under test."""
