"""The staging portal: an HTTP server that stands in for the CRM portal, with faults on demand."""
