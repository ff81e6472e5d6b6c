"""Money, answers and time when things fail: a whole KORA, broken on purpose."""
