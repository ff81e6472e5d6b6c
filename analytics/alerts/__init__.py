"""Alerts: what people should know is raised once, told to their channels, and resolved."""

from analytics.alerts.raising import raise_alert, resolve

__all__ = ["raise_alert", "resolve"]
