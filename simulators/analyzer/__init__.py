"""Lab analyzers, driven by model files in ``fixtures/analyzers``."""
