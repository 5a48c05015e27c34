"""Templates, languages and charts."""
