"""Data sets: the protocol, loaders of the official formats, and the cache of parsed arrays."""
