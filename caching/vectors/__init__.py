"""Where stored questions lie, and how the nearest are found."""
