"""The embedder measured: forms of one model beside each other, and callers at once."""
