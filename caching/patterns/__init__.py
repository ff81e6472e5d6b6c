"""Repeated work that is recognised: templates filled instead of generated, plans reused."""
