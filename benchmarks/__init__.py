"""What KORA claims about speed, measured again on the machine at hand."""
