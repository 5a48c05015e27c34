"""Benchmarks of the registry: what each costs, against the least that PostgreSQL could do it in."""
