"""A cheap answer first, a cheap look at it, and one better backend where it does not hold."""
