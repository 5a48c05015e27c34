"""Long work that the pages ask for, and a process with the owner's rights does."""
