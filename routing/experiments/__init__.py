"""Two or more ways side by side on live traffic, until one is known to be best."""
