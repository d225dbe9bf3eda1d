"""The tables of the store, and what brings an earlier format up to this one."""

from __future__ import annotations

FORMAT = 2

_ORIGINALS = """
CREATE TABLE originals (
    document_id TEXT PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    data BLOB NOT NULL
) STRICT
"""
UPGRADES = {1: _ORIGINALS}
"""What makes a store of each earlier format one of the next."""
SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    added_at TEXT NOT NULL,
    characters INTEGER NOT NULL,
    source BLOB NOT NULL,
    reading BLOB NOT NULL,
    boxes BLOB
) STRICT;
CREATE INDEX documents_by_sha256 ON documents (sha256);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    vector BLOB NOT NULL,
    sentences BLOB NOT NULL,
    sentence_vectors BLOB NOT NULL,
    UNIQUE (document_id, ordinal)
) STRICT;
CREATE TABLE snapshots (
    generation INTEGER NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (generation, file)
) STRICT;
{_ORIGINALS};
"""
