"""What OpenAI's chat says, put into a model's own words, and its words put back."""
