"""Organisations, their chapters, types and memberships, and the data of their people."""
