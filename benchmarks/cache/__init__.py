"""Answers without a model: how many, and how many of them wrong, beside simpler rules."""
