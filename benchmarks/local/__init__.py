"""The local engine beside others that run the same file: `python -m benchmarks local`."""
