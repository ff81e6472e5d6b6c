"""Ordered rules: what is asked of a request, and what follows where it holds."""
