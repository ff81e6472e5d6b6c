"""Which backend answers: what is possible first, then what is best, then a little exploring."""
