"""What can be told from a prompt, computed once and named; signals never choose."""
