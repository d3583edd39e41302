"""The devices and centres that we play, and the built-in hospital."""
