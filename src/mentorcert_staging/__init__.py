"""The staging portal: a real HTTP server that plays the CRM portal, and fails on demand."""
