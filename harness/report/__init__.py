"""The run as a model, and its pages: ``run.json``, JUnit, HTML, evidence archive."""
