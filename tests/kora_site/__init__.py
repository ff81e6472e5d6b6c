"""Tests of kora_site."""
