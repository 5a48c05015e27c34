"""The access rules once more, in Python, to judge by what Postgres lets somebody see and do."""
