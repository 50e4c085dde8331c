-- The sandbox's books. Instants: microseconds UTC; money: minor units beside its currency.
CREATE TABLE IF NOT EXISTS counter (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seed INTEGER NOT NULL,
    next INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS charge (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('needs_method', 'needs_confirmation', 'needs_action', 'succeeded', 'cancelled')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    refunded INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND amount),
    customer TEXT,
    method TEXT,
    card TEXT,
    decline TEXT,
    movement TEXT CHECK ((movement IS NOT NULL) = (state = 'succeeded')),
    instance TEXT,
    op INTEGER,
    description TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS charge_created ON charge (created_at, id);

CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    charge TEXT NOT NULL REFERENCES charge (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    failure TEXT,
    due_at INTEGER,
    becomes TEXT CHECK (becomes IN ('succeeded', 'failed')),
    instance TEXT,
    op INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refund_created ON refund (created_at, id);
CREATE INDEX IF NOT EXISTS refund_due ON refund (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS dispute (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    charge TEXT NOT NULL REFERENCES charge (id),
    state TEXT NOT NULL CHECK (state IN ('needs_evidence', 'under_review', 'won', 'lost')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS dispute_charge ON dispute (charge);
CREATE INDEX IF NOT EXISTS dispute_due ON dispute (due_at) WHERE state IN ('needs_evidence', 'under_review');

CREATE TABLE IF NOT EXISTS payout (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('paid', 'failed')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    account_ending TEXT NOT NULL,
    failure TEXT,
    returns_at INTEGER,
    instance TEXT,
    op INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payout_due ON payout (returns_at) WHERE returns_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS customer (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    person TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS saved_card (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    customer TEXT NOT NULL REFERENCES customer (id),
    card TEXT NOT NULL,
    detached_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    request BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a delivery; a duplicate is a second row with the same event. Delivered rows are deleted.
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at, id) WHERE due_at IS NOT NULL;
