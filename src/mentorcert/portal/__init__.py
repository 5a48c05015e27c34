"""The portal sync: sends each peer mentor's state to the CRM portal, and verifies what it shows."""
