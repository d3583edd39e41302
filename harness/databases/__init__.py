"""Databases of a site by URL: where each leads, how it is opened, and what its account may do."""
