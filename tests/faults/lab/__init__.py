"""The fault laboratory: a provider that fails by script, and what KORA makes of each failure."""
