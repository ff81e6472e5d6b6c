"""What an edit would have done to real traffic, before it is published."""
