"""What outcomes have taught: how good each backend is at what, how long answers become."""
