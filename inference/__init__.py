"""The engines behind KORA: a plain package that knows no app and no framework."""
