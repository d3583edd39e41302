"""The sentences: what each means for the world of a scenario. They know no socket and no byte."""
