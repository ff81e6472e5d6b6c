"""Requests that come twice under one `Idempotency-Key`, and are answered once."""
