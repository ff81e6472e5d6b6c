"""What can be answered without a model: exact answers now; semantic matches and patterns next."""
