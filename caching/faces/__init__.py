"""What people and the control plane see of answers, patterns and terms, and do with them."""
