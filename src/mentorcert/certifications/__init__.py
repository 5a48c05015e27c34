"""Certifications and their history: reads, changes, bulk changes, search."""
