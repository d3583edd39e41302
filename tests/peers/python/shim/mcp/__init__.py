"""Stands in for the face of a peer that is not met here."""
