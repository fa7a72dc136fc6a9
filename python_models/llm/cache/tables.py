"""The tables of the cache file, by version."""

from __future__ import annotations

from python_models.llm.cache.checksum import CHECKED_COMPUTED_COLUMNS, CHECKED_REPLY_COLUMNS

APPLICATION_ID = 0x7AC05
SCHEMA_VERSION = 3
"""2 added checksums, and what was imported among the computed values; 3 the tokens that an endpoint wrote to its cache.
Older files are brought up to it."""

TABLES = """
CREATE TABLE replies (
    request_key BLOB NOT NULL PRIMARY KEY,   -- sha256 of the request
    stage TEXT NOT NULL,                     -- the stage that paid for it
    model TEXT NOT NULL,
    attempt INTEGER NOT NULL,                -- from 1
    reply TEXT,                              -- as received; NULL when the model refused
    refusal TEXT,
    finish_reason TEXT,
    n_prompt_tokens INTEGER,
    n_cached_tokens INTEGER,                 -- the part of the prompt that the endpoint had cached
    n_completion_tokens INTEGER,
    latency_ms REAL,
    requested_at INTEGER NOT NULL,           -- microseconds since 1970, UTC
    is_batch INTEGER NOT NULL,               -- 1: through the batch API, at half the price
    is_imported INTEGER NOT NULL,            -- 1: paid for on another machine
    is_free INTEGER NOT NULL,                -- 1: from a model on this machine
    checksum BLOB NOT NULL DEFAULT x'',      -- of the other columns but is_imported
    n_cache_write_tokens INTEGER             -- the part of the prompt that the endpoint wrote to its cache
);
CREATE TABLE computed (
    kind TEXT NOT NULL,                      -- the model that computed it
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    checksum BLOB NOT NULL DEFAULT x'',      -- of kind, key and value
    is_imported INTEGER NOT NULL DEFAULT 0,  -- 1: computed on another machine
    PRIMARY KEY (kind, key)
);
-- Requests under way while a spending limit is set, and those whose outcome was never known: they may have been paid.
CREATE TABLE reservations (
    reservation_id INTEGER PRIMARY KEY,
    request_key BLOB NOT NULL,
    stage TEXT NOT NULL,
    model TEXT NOT NULL,
    n_prompt_tokens INTEGER NOT NULL,        -- at most
    n_completion_tokens INTEGER NOT NULL,    -- at most
    is_batch INTEGER NOT NULL,
    sent_at INTEGER NOT NULL
);
CREATE TABLE batches (
    token TEXT NOT NULL PRIMARY KEY,         -- made here and sent along, so that a batch can be found after a kill
    batch_id TEXT,                           -- given by the endpoint; NULL until its answer is known
    stage TEXT NOT NULL,
    base_url TEXT NOT NULL,
    n_requests INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL                     -- 'open'; 'collected' when its replies are stored; 'lost' if never made,
                                             -- 'given_up' by command
);
CREATE TABLE batch_requests (
    request_key BLOB NOT NULL,
    token TEXT NOT NULL,
    model TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (request_key, token)
);
"""


_CHECKSUM = f"row_checksum({CHECKED_REPLY_COLUMNS.removesuffix(', n_cache_write_tokens')})"
# What each version lacks. Rows of version 1 get the checksums of the day on which they are brought up to date; rows of
# version 2 stay as they are.
UPGRADES = {
    1: (
        "ALTER TABLE replies ADD COLUMN checksum BLOB NOT NULL DEFAULT x''",
        "ALTER TABLE computed ADD COLUMN checksum BLOB NOT NULL DEFAULT x''",
        "ALTER TABLE computed ADD COLUMN is_imported INTEGER NOT NULL DEFAULT 0",
        f"UPDATE replies SET checksum = {_CHECKSUM}",  # noqa: S608
        f"UPDATE computed SET checksum = row_checksum({CHECKED_COMPUTED_COLUMNS})",  # noqa: S608
    ),
    2: ("ALTER TABLE replies ADD COLUMN n_cache_write_tokens INTEGER",),
}
# The same for a file that must not be written: views of this connection alone stand before its tables.
VIEWS = {
    1: (
        f"CREATE TEMP VIEW replies AS SELECT rowid AS rowid, *, {_CHECKSUM} AS checksum,"  # noqa: S608
        " NULL AS n_cache_write_tokens FROM main.replies",
        f"CREATE TEMP VIEW computed AS SELECT rowid AS rowid, *, row_checksum({CHECKED_COMPUTED_COLUMNS}) AS checksum,"  # noqa: S608
        " 0 AS is_imported FROM main.computed",
    ),
    2: ("CREATE TEMP VIEW replies AS SELECT rowid AS rowid, *, NULL AS n_cache_write_tokens FROM main.replies",),
}
