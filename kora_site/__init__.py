"""Where the apps become one product: settings, doors, supervisor, console frame."""
