"""medharness: an integration test harness for hospital interfaces."""

__version__ = "0.1.0"
