"""Questions and answers that a team brings along, and what they would do."""
