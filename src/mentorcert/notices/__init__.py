"""Reminders before certifications expire, and digests for those who answer for them, by e-mail."""
