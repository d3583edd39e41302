"""The sign-off report of an upgrade: everything that was found, and a conclusion nobody types."""
