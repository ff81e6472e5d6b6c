"""Who may go on now, and who goes first: rate limits, turns between teams, honest waiting times."""
