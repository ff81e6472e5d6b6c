"""What people and programs see of the decision layer, and how they change it."""
