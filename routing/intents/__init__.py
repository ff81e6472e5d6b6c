"""What kind of request this is and how hard: rules, then examples, else no word."""
