"""The model files of this machine: what there is, where it came from, what each says of itself."""
