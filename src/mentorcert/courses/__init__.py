"""Courses: planned, signed up for, attended, and closed by certifying who attended."""
