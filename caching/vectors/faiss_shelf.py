"""One partition's vectors in memory: few are compared one by one, many by a graph."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

if TYPE_CHECKING:
    from caching.values import Vector

NEIGHBOURS_EACH = 16
EF_CONSTRUCTION = 64
EF_SEARCH = 100
LINK_BYTES = 4 * 2 * NEIGHBOURS_EACH
ROW_BYTES = 160
"""What the books about a row take in Python."""
FEWEST_DEAD = 100
DEAD_SHARE = 0.2


class Shelf:
    """Slots are only ever added; what was removed stays dead until the shelf is put in order."""

    def __init__(self, dimensions: int, *, read_whole: int) -> None:
        self._dimensions = dimensions
        self._read_whole = read_whole
        self._vectors: Any = faiss.IndexFlatIP(dimensions)
        self._graph: Any = None
        self._entries: list[int] = []
        """By slot; 0 where it is dead."""
        self._slots: dict[int, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def bytes(self) -> int:
        links = LINK_BYTES if self._graph is not None else 0
        return len(self._entries) * (4 * self._dimensions + links + ROW_BYTES)

    def entries(self) -> list[int]:
        with self._lock:
            return list(self._slots)

    def put(self, entry_id: int, vector: Vector) -> None:
        with self._lock:
            self._kill(entry_id)
            self._slots[entry_id] = len(self._entries)
            self._entries.append(entry_id)
            row = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
            self._flat_or_graph().add(row)
            if self._graph is None and len(self._slots) > self._read_whole:
                self._order()

    def take(self, entry_id: int) -> None:
        with self._lock:
            self._kill(entry_id)
            dead = len(self._entries) - len(self._slots)
            if dead > FEWEST_DEAD and dead > DEAD_SHARE * len(self._entries):
                self._order()

    def search(self, vector: Vector, k: int) -> list[tuple[int, float]]:
        row = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        with self._lock:
            wanted = min(k, len(self._slots))
            if not wanted:
                return []
            found = self._by_graph(row, k) if self._graph is not None else []
            if len(found) < wanted:
                dead = len(self._entries) - len(self._slots)
                found = self._living(*self._flat().search(row, wanted + dead))
            return found[:wanted]

    def _by_graph(self, row: Vector, k: int) -> list[tuple[int, float]]:
        terms = faiss.SearchParametersHNSW(  # type: ignore[attr-defined]
            efSearch=max(EF_SEARCH, 2 * k)
        )
        return self._living(*self._graph.search(row, 2 * k, params=terms))

    def _living(self, scores: Any, slots: Any) -> list[tuple[int, float]]:
        pairs = zip(slots[0].tolist(), scores[0].tolist(), strict=True)
        return [(self._entries[slot], score) for slot, score in pairs if self._is_alive(slot)]

    def _is_alive(self, slot: int) -> bool:
        return slot >= 0 and self._entries[slot] != 0

    def _flat(self) -> Any:
        return self._vectors if self._graph is None else faiss.downcast_index(self._graph.storage)

    def _kill(self, entry_id: int) -> None:
        slot = self._slots.pop(entry_id, None)
        if slot is not None:
            self._entries[slot] = 0

    def _order(self) -> None:
        """Without the dead, and as a graph if there are many."""
        slots = sorted(self._slots.values())
        kept = self._flat().reconstruct_n(0, len(self._entries))[slots]
        self._entries = [self._entries[slot] for slot in slots]
        self._slots = {entry_id: slot for slot, entry_id in enumerate(self._entries)}
        self._graph, self._vectors = None, faiss.IndexFlatIP(self._dimensions)
        if len(slots) > self._read_whole:
            self._graph = faiss.IndexHNSWFlat(
                self._dimensions, NEIGHBOURS_EACH, faiss.METRIC_INNER_PRODUCT
            )
            self._graph.hnsw.efConstruction = EF_CONSTRUCTION
        if slots:
            self._flat_or_graph().add(kept)

    def _flat_or_graph(self) -> Any:
        return self._vectors if self._graph is None else self._graph
