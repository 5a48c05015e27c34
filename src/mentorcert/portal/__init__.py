"""Tells the CRM portal what the registry says of each peer mentor, and checks that it says so too."""
