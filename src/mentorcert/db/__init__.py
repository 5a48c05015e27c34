"""The database: where it is, how to reach it, and its migrations."""
