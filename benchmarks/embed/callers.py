"""The embedder as it ships, asked one after the other and by many at once, in a fresh process."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.embed import texts
from inference import embedding
from inference.embedding import Terms
from inference.embeddings import minilm
from inference.store.models import Store

CALLERS = 32


def main() -> None:
    folder, threads, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    store = Store(folder / "models")
    minilm.place(store)
    terms = Terms(model=minilm.REFERENCE, models=store.folder, threads=threads)
    embedder = embedding.open_embedder(embedding.DEFAULT, terms)
    embedding.embed(embedder, ["warm"])
    asked = texts.questions(2 * number)
    began = time.perf_counter()
    for text in asked[:number]:
        embedding.embed(embedder, [text])
    serial_s = time.perf_counter() - began
    began = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(lambda text: embedding.embed(embedder, [text]), asked[number:]))
    together_s = time.perf_counter() - began
    embedder.close()
    print(json.dumps({"serial_s": number / serial_s, "together_s": number / together_s}))


if __name__ == "__main__":
    main()
