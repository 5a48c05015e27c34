"""Compares what the portal shows with what it should show, and repairs the difference."""
