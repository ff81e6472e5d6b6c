"""BERT-like GGUF files computed by ONNX Runtime, from a graph that is made in memory."""
