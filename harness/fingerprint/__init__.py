"""The mapping fingerprint: one message with a token in every leaf, and where each one landed."""
