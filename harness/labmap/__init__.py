"""Item maps of lab interfaces (driver tables): read, check, compare, prove row by row."""
