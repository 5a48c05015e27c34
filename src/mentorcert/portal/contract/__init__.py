"""What a portal is told, and in which form: messages, signatures, schemas; versions side by side."""
