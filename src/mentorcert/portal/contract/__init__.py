"""The contract with the portal: messages, signatures, schemas; versions side by side."""
