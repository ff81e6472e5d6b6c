"""What is asked: read out of a request, compared by meaning or to the letter."""
