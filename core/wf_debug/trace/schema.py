"""The recording's file format: one SQLite database.

`records` is the truth, each record whole as JSON. `timeline`, `deliveries` and `logs` are derived from it
while appending, so that views read windows of rows by position without parsing history.
"""

from __future__ import annotations

APPLICATION_ID = 0x57465243
"""Marks the file as a recording ("WFRC") in SQLite's header."""
SCHEMA_VERSION = 1
"""Raised when an older wf-tui could not read the file any more."""

TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    invocation INTEGER,  -- NULL for log lines too, they have their own table
    event INTEGER,
    body TEXT NOT NULL
);
CREATE INDEX records_invocation ON records (invocation, run) WHERE invocation IS NOT NULL;
CREATE INDEX records_event ON records (event, run) WHERE event IS NOT NULL;
CREATE TABLE timeline (
    pos INTEGER PRIMARY KEY,  -- dense from 0
    seq INTEGER NOT NULL,
    run TEXT NOT NULL,
    t REAL NOT NULL,
    wall REAL NOT NULL,
    kind TEXT NOT NULL,
    event INTEGER,
    type TEXT NOT NULL,
    preview TEXT NOT NULL,
    producer TEXT NOT NULL,
    producer_invocation INTEGER,
    consumers TEXT NOT NULL,  -- step names, each between blanks
    duration REAL,
    outcome TEXT NOT NULL,
    version INTEGER NOT NULL,
    problem INTEGER NOT NULL,
    deliveries TEXT NOT NULL  -- JSON: [[step, invocation, state, duration], ..]
);
CREATE INDEX timeline_seq ON timeline (seq);
CREATE INDEX timeline_event ON timeline (event, run) WHERE event IS NOT NULL;
CREATE TABLE deliveries (
    event INTEGER NOT NULL,
    run TEXT NOT NULL,
    invocation INTEGER NOT NULL,
    PRIMARY KEY (event, run, invocation)
) WITHOUT ROWID;
CREATE TABLE logs (
    pos INTEGER PRIMARY KEY,  -- dense from 0
    seq INTEGER NOT NULL,
    run TEXT NOT NULL,
    t REAL NOT NULL,
    wall REAL NOT NULL,
    step TEXT,
    invocation INTEGER,
    attempt INTEGER NOT NULL,
    source TEXT NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX logs_invocation ON logs (invocation, run) WHERE invocation IS NOT NULL;
"""

INSERT_RECORD = "INSERT INTO records (seq, run, kind, invocation, event, body) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_ROW = f"INSERT INTO timeline VALUES ({', '.join('?' * 17)})"
UPDATE_ROW = """UPDATE timeline
SET preview = ?, consumers = ?, duration = ?, outcome = ?, version = ?, problem = ?, deliveries = ?
WHERE pos = ?"""
INSERT_DELIVERY = "INSERT OR IGNORE INTO deliveries (event, run, invocation) VALUES (?, ?, ?)"
INSERT_LOG = f"INSERT INTO logs VALUES ({', '.join('?' * 11)})"
PUT_META = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"

TIMELINE_COLUMNS = """seq, run, t, wall, kind, event, type, preview, producer, producer_invocation, consumers,
duration, outcome, version"""
LOG_COLUMNS = "seq, run, t, wall, step, invocation, attempt, source, level, text"
