"""Who: organisations, teams, members and their roles, API keys, and the audit log."""
