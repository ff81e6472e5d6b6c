"""Texts become vectors: the model that KORA brings, its tokenizer, its engine, a remote one."""
