"""Choose and carry out: signals, rules, policy, execution, and the data-plane API."""
