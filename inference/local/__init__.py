"""Local inference: models in llama.cpp, many requests in one batch."""
