"""The hospital's side of the settlement interface alone: a local bridge, and a look at a centre."""
