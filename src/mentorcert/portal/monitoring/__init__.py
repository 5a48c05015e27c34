"""The health of the sync: checks, alerts, metrics and endpoints."""
