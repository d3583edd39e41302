"""The contract of a system, without traffic: what an upgrade changes before anything is sent."""
