"""Messages from the portal: received, stored, and applied by rules."""
