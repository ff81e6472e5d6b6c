"""Failures and what is done about them."""
