"""The harness's own quality, measured: defects caught, false alarms, judges that can fail."""
