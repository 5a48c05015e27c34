"""A project's own organisations, chapters and roles, which feed those of the registry."""
