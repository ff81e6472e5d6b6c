"""Whether a stored answer is right for a question like its own, and what shows it."""
