"""The tables of a cluster's truth in PostgreSQL."""

from __future__ import annotations

FORMAT = 1
SCHEMA_NAME = "pincite"
ORDINALS = 1 << 20
"""A passage's id is its document's version times this plus its ordinal: neighbours have neighbouring ids."""

SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA_NAME};
SET search_path TO {SCHEMA_NAME};
CREATE SEQUENCE versions;
CREATE TABLE state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    format int NOT NULL,
    model text NOT NULL,
    dimension int NOT NULL,
    generation bigint NOT NULL DEFAULT 0,
    documents bigint NOT NULL DEFAULT 0,
    passages bigint NOT NULL DEFAULT 0,
    passage_words bigint NOT NULL DEFAULT 0,
    sentences bigint NOT NULL DEFAULT 0,
    sentence_words bigint NOT NULL DEFAULT 0,
    mark numeric(40) NOT NULL DEFAULT 0
);
CREATE TABLE documents (
    id text PRIMARY KEY,
    version bigint NOT NULL,
    origin text NOT NULL,
    title text NOT NULL,
    sha256 text NOT NULL,
    media_type text NOT NULL,
    added_at text NOT NULL,
    characters bigint NOT NULL,
    passages int NOT NULL,
    source bytea NOT NULL,
    reading bytea NOT NULL,
    boxes bytea
);
CREATE INDEX documents_by_sha256 ON documents (sha256);
CREATE TABLE originals (
    document_id text PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    data bytea NOT NULL
);
CREATE TABLE passages (
    id bigint PRIMARY KEY,
    document_id text NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal int NOT NULL,
    start int NOT NULL,
    stop int NOT NULL,
    vector bytea NOT NULL,
    words bytea NOT NULL,
    sentences bytea NOT NULL,
    sentence_vectors bytea NOT NULL,
    sentence_words bytea NOT NULL,
    sentence_lengths bytea NOT NULL
);
CREATE INDEX passages_by_document ON passages (document_id, start);
CREATE TABLE words (
    code bigint PRIMARY KEY,
    passages bigint NOT NULL,
    sentences bigint NOT NULL
);
CREATE TABLE word_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    codes bytea NOT NULL,
    passages bytea NOT NULL,
    sentences bytea NOT NULL
);
CREATE TABLE changes (
    version bigint PRIMARY KEY,
    document_id text NOT NULL
);
CREATE TABLE collections (
    name text PRIMARY KEY
);
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    origin text NOT NULL,
    sha256 text NOT NULL,
    data bytea NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'failed')),
    attempts int NOT NULL DEFAULT 0,
    worker text,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    problem text,
    UNIQUE (origin, sha256)
);
CREATE INDEX jobs_to_do ON jobs (id) WHERE state = 'waiting';
"""
