"""Policies as versions: drafts, what changed, publishing in one step, and back again."""
