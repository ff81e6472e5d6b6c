"""SLAs: which requests fall under one, which targets they missed and why, and what that burns."""
