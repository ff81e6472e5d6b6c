"""The supervisor behind `make up`: embedded services, first run, children, draining."""
