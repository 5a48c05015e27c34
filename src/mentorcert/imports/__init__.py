"""Files in and out: reads, checks, imports and exports peer mentors and their certifications."""
