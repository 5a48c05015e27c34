"""The configuration of one connection: its file, secrets, credentials, mapping and rules."""
