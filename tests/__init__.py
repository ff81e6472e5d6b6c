"""The tests of KORA; they mirror the tree."""
