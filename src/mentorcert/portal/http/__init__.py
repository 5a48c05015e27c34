"""HTTP with a portal: transport, authentication, tokens."""
