"""Checks DICOM objects offline: modules, values, pixels, and one object against another."""
