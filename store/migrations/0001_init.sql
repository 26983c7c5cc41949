-- +goose Up
-- Times are integers: microseconds since 1970, UTC. A column named *_seq holds the seq of a scan;
-- what begins at from_seq and ends before to_seq holds for the scans between; NULL means still.
-- Bodies lie apart from the rows that lists scan. org_id leads every unique key.

CREATE TABLE organizations (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    key        TEXT NOT NULL UNIQUE, -- fixed at the first start, part of every identity
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    org_id INTEGER NOT NULL REFERENCES organizations (id),
    name   TEXT NOT NULL, -- config_id, redaction_revision, horizon, pruned_at
    value  TEXT NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT;

CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY,
    org_id      INTEGER NOT NULL REFERENCES organizations (id),
    key         TEXT NOT NULL,
    name        TEXT NOT NULL,
    parent_id   INTEGER REFERENCES accounts (id),
    provider    TEXT NOT NULL,
    cloud       TEXT NOT NULL,
    cloud_id    TEXT NOT NULL DEFAULT '',
    first_name  TEXT NOT NULL,              -- from which, with the generation, the key is derived
    generation  INTEGER NOT NULL DEFAULT 1, -- where no cloud id tells accounts apart
    tags        TEXT NOT NULL DEFAULT '{}',
    settings    TEXT NOT NULL DEFAULT '{}',
    schedule    TEXT NOT NULL DEFAULT '{}',
    declared    INTEGER NOT NULL DEFAULT 0,
    paused      INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    archived_at INTEGER,
    UNIQUE (org_id, key)
) STRICT;
CREATE UNIQUE INDEX accounts_by_name ON accounts (org_id, name) WHERE archived_at IS NULL;

CREATE TABLE scans (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    org_id          INTEGER NOT NULL REFERENCES organizations (id),
    account_id      INTEGER NOT NULL REFERENCES accounts (id),
    trigger         TEXT NOT NULL,
    status          TEXT NOT NULL,
    plan            TEXT NOT NULL DEFAULT '', -- digest of what it judges by
    resumable       INTEGER NOT NULL DEFAULT 1, -- if it did not come to its end, the next scan goes on with it
    contended       INTEGER NOT NULL DEFAULT 0, -- two scopes had a record of one part: it goes on only with all scopes listed anew
    cancel_by       TEXT NOT NULL DEFAULT '', -- who asked for its end
    error           TEXT NOT NULL DEFAULT '',
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER,
    audited         INTEGER NOT NULL DEFAULT 0,
    resources       INTEGER NOT NULL DEFAULT 0,
    added           INTEGER NOT NULL DEFAULT 0,
    changed         INTEGER NOT NULL DEFAULT 0,
    removed         INTEGER NOT NULL DEFAULT 0,
    opened          INTEGER NOT NULL DEFAULT 0,
    resolved        INTEGER NOT NULL DEFAULT 0,
    evaluated       INTEGER NOT NULL DEFAULT 0,
    gaps            INTEGER NOT NULL DEFAULT 0,
    scopes_planned  INTEGER NOT NULL DEFAULT 0,
    scopes_complete INTEGER NOT NULL DEFAULT 0,
    violating       INTEGER NOT NULL DEFAULT 0, -- pairs of resource and policy at its end
    compliant       INTEGER NOT NULL DEFAULT 0,
    unknown         INTEGER NOT NULL DEFAULT 0,
    excused         INTEGER NOT NULL DEFAULT 0,
    progress        TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX scans_by_account ON scans (org_id, account_id, seq);
CREATE INDEX scans_running ON scans (account_id) WHERE status = 'running';
CREATE INDEX scans_by_end ON scans (org_id, finished_at);

CREATE TABLE leases (
    org_id     INTEGER NOT NULL REFERENCES organizations (id),
    name       TEXT NOT NULL,    -- 'account/<id>' or 'file'
    owner      TEXT NOT NULL,    -- 'host:pid:random'
    epoch      INTEGER NOT NULL, -- grows with every taking; every commit checks it
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT;

CREATE TABLE scan_scopes (
    scan_seq    INTEGER NOT NULL REFERENCES scans (seq),
    org_id      INTEGER NOT NULL,
    name        TEXT NOT NULL,
    region      TEXT NOT NULL,
    types       TEXT NOT NULL, -- JSON list
    whole       TEXT NOT NULL, -- JSON list
    revision    TEXT NOT NULL,
    listing     TEXT NOT NULL,
    class       TEXT NOT NULL DEFAULT '',
    permission  TEXT NOT NULL DEFAULT '',
    error       TEXT NOT NULL DEFAULT '',
    gaps        INTEGER NOT NULL DEFAULT 0,
    resources   INTEGER NOT NULL DEFAULT 0,
    duration_us INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (scan_seq, name)
) STRICT;

CREATE TABLE scan_gaps (
    scan_seq   INTEGER NOT NULL REFERENCES scans (seq),
    org_id     INTEGER NOT NULL,
    scope      TEXT NOT NULL,
    ordinal    INTEGER NOT NULL,
    region     TEXT NOT NULL,
    type       TEXT NOT NULL,
    facet      TEXT NOT NULL,
    class      TEXT NOT NULL,
    permission TEXT NOT NULL,
    place      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (scan_seq, scope, ordinal)
) STRICT;

-- What a scan has seen, per finished scope; dropped when the scan is over for good.
CREATE TABLE scan_seen (
    scan_seq INTEGER NOT NULL REFERENCES scans (seq),
    scope    TEXT NOT NULL,
    part     TEXT NOT NULL,
    keys     BLOB NOT NULL,
    PRIMARY KEY (scan_seq, scope, part)
) STRICT;

-- What the account's last scan left for the next, dropped when one begins: the resources that were
-- read, part by part, and in the order of the listings with their records' fingerprints.
CREATE TABLE last_scans (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    basis      TEXT NOT NULL,
    contested  BLOB NOT NULL
) STRICT;

CREATE TABLE last_seen (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    part       TEXT NOT NULL,
    keys       BLOB NOT NULL,
    PRIMARY KEY (account_id, part)
) STRICT;

-- True only together with a row of last_scans.
CREATE TABLE trails (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    scope      TEXT NOT NULL,
    chunk      INTEGER NOT NULL,
    steps      BLOB NOT NULL,
    PRIMARY KEY (account_id, scope, chunk)
) STRICT;

-- Records of lower rank than the current version, until the scan knows whether that one still is.
CREATE TABLE scan_deferred (
    scan_seq     INTEGER NOT NULL REFERENCES scans (seq),
    resource_key INTEGER NOT NULL,
    part         TEXT NOT NULL,
    head         TEXT NOT NULL, -- JSON
    body         TEXT NOT NULL,
    hash         BLOB NOT NULL,
    unread       TEXT NOT NULL,
    rank_time    INTEGER NOT NULL,
    rank_scope   TEXT NOT NULL,
    rank_line    INTEGER NOT NULL,
    PRIMARY KEY (scan_seq, resource_key, part)
) STRICT;

CREATE TABLE scan_log (
    id       INTEGER PRIMARY KEY,
    org_id   INTEGER NOT NULL,
    scan_seq INTEGER NOT NULL REFERENCES scans (seq),
    at       INTEGER NOT NULL,
    level    TEXT NOT NULL,
    scope    TEXT NOT NULL,
    message  TEXT NOT NULL
) STRICT;
CREATE INDEX scan_log_by_scan ON scan_log (scan_seq, id);

-- Coverage is kept as intervals, one row per state, so that any past moment can be asked for.
CREATE TABLE coverage (
    id            INTEGER PRIMARY KEY,
    org_id        INTEGER NOT NULL,
    account_id    INTEGER NOT NULL REFERENCES accounts (id),
    region        TEXT NOT NULL,
    type          TEXT NOT NULL,
    facet         TEXT NOT NULL,
    listing       TEXT NOT NULL,
    class         TEXT NOT NULL,
    permission    TEXT NOT NULL,
    place         TEXT NOT NULL,
    reason        TEXT NOT NULL,
    gaps          INTEGER NOT NULL,
    from_seq      INTEGER NOT NULL,
    to_seq        INTEGER,
    complete_seq  INTEGER -- the last scan that read it completely, as of from_seq
) STRICT;
CREATE UNIQUE INDEX coverage_now ON coverage (org_id, account_id, region, type, facet) WHERE to_seq IS NULL;
CREATE INDEX coverage_then ON coverage (org_id, account_id, from_seq);

CREATE TABLE resources (
    key           INTEGER PRIMARY KEY,
    org_id        INTEGER NOT NULL,
    account_id    INTEGER NOT NULL REFERENCES accounts (id),
    type          TEXT NOT NULL,
    identity      TEXT NOT NULL,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    region        TEXT NOT NULL,
    uid           TEXT NOT NULL,
    tags          TEXT NOT NULL,
    ancestors     TEXT NOT NULL,
    from_seq      INTEGER NOT NULL, -- of its present life
    changed_seq   INTEGER NOT NULL,
    gone_seq      INTEGER,          -- deleted or out of scope since
    gone_why      TEXT NOT NULL DEFAULT '',
    version       INTEGER NOT NULL DEFAULT 1, -- counts versions of any part, over all lives
    missing_class TEXT NOT NULL DEFAULT '',
    missing_seq   INTEGER,
    misses        INTEGER NOT NULL DEFAULT 0, -- consecutive scans that did not list it
    UNIQUE (org_id, account_id, type, identity)
) STRICT;
CREATE INDEX resources_alive ON resources (account_id, key) WHERE gone_seq IS NULL;
CREATE INDEX resources_by_type ON resources (org_id, type, key) WHERE gone_seq IS NULL;

CREATE TABLE parts (
    id           INTEGER PRIMARY KEY,
    resource_key INTEGER NOT NULL REFERENCES resources (key),
    part         TEXT NOT NULL,
    from_seq     INTEGER NOT NULL,
    to_seq       INTEGER,
    hash         BLOB NOT NULL,
    unread       TEXT NOT NULL,
    rank_time    INTEGER NOT NULL,
    rank_scope   TEXT NOT NULL,
    rank_line    INTEGER NOT NULL,
    stale_class  TEXT NOT NULL DEFAULT '',
    stale_seq    INTEGER,
    redaction    INTEGER NOT NULL,
    region       TEXT NOT NULL -- the resource's, as of this version
) STRICT;
CREATE UNIQUE INDEX parts_now ON parts (resource_key, part) WHERE to_seq IS NULL;
CREATE INDEX parts_then ON parts (resource_key, part, from_seq);

-- When a resource (part '') or a part of it could not be seen although it was not proved gone.
CREATE TABLE unseen (
    resource_key INTEGER NOT NULL REFERENCES resources (key),
    part         TEXT NOT NULL,
    class        TEXT NOT NULL,
    since_seq    INTEGER NOT NULL, -- by whatever class
    from_seq     INTEGER NOT NULL,
    to_seq       INTEGER,
    PRIMARY KEY (resource_key, part, from_seq)
) STRICT;
CREATE INDEX unseen_now ON unseen (resource_key) WHERE to_seq IS NULL;

CREATE TABLE bodies (
    part_id INTEGER PRIMARY KEY REFERENCES parts (id),
    head    TEXT NOT NULL, -- JSON: id, name, region, uid, tags, ancestors as of this version
    body    TEXT NOT NULL
) STRICT;

CREATE TABLE packs (
    id           INTEGER PRIMARY KEY,
    org_id       INTEGER NOT NULL REFERENCES organizations (id),
    name         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    version_tag  TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    readme       TEXT NOT NULL,
    runtime      TEXT NOT NULL,
    digest       TEXT NOT NULL,
    builtin      INTEGER NOT NULL,
    declared     INTEGER NOT NULL,
    initial      TEXT NOT NULL, -- JSON of policy.Config
    policies     TEXT NOT NULL, -- JSON of the policies, static facts included
    created_at   INTEGER NOT NULL,
    completed_at INTEGER,
    archived_at  INTEGER,
    UNIQUE (org_id, name, version)
) STRICT;
CREATE INDEX packs_by_digest ON packs (org_id, digest);

CREATE TABLE pack_archives (
    digest  TEXT PRIMARY KEY,
    archive BLOB NOT NULL
) STRICT;

CREATE TABLE policy_groups (
    id          INTEGER PRIMARY KEY,
    org_id      INTEGER NOT NULL REFERENCES organizations (id),
    name        TEXT NOT NULL,
    entity      TEXT NOT NULL,
    mode        TEXT NOT NULL,
    is_default  INTEGER NOT NULL DEFAULT 0,
    declared    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;
CREATE UNIQUE INDEX policy_groups_by_name ON policy_groups (org_id, name) WHERE archived_at IS NULL;

CREATE TABLE group_accounts (
    group_id   INTEGER NOT NULL REFERENCES policy_groups (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    region     TEXT NOT NULL DEFAULT '', -- a filter; '' is the whole account
    declared   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, account_id, region)
) STRICT;
CREATE INDEX group_accounts_by_account ON group_accounts (account_id);

-- An account joins the default group once; a removal sticks.
CREATE TABLE default_joins (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    joined_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE group_stacks (
    group_id INTEGER NOT NULL REFERENCES policy_groups (id),
    project  TEXT NOT NULL,
    stack    TEXT NOT NULL,
    PRIMARY KEY (group_id, project, stack)
) STRICT;

CREATE TABLE group_packs (
    group_id    INTEGER NOT NULL REFERENCES policy_groups (id),
    pack        TEXT NOT NULL,
    version_tag TEXT NOT NULL DEFAULT '', -- '' is the latest
    config      TEXT NOT NULL DEFAULT '{}',
    declared    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, pack)
) STRICT;

CREATE TABLE verdicts (
    resource_key  INTEGER NOT NULL REFERENCES resources (key),
    pack_digest   TEXT NOT NULL,
    config_digest TEXT NOT NULL,
    pack          TEXT NOT NULL,
    region        TEXT NOT NULL, -- in which the counters hold it
    content       BLOB NOT NULL,
    judged        BLOB NOT NULL,
    outcomes      TEXT NOT NULL, -- lines of policy, outcome code and reason
    unknowns      INTEGER NOT NULL,
    PRIMARY KEY (resource_key, pack_digest, config_digest)
) STRICT;
CREATE INDEX verdicts_unknown ON verdicts (resource_key) WHERE unknowns > 0;

-- What account policies said of the account itself.
CREATE TABLE account_verdicts (
    account_id    INTEGER NOT NULL REFERENCES accounts (id),
    pack_digest   TEXT NOT NULL,
    config_digest TEXT NOT NULL,
    pack          TEXT NOT NULL,
    content       BLOB NOT NULL, -- of everything that was read
    judged        BLOB NOT NULL,
    outcomes      TEXT NOT NULL,
    unknowns      INTEGER NOT NULL,
    PRIMARY KEY (account_id, pack_digest, config_digest)
) STRICT;

CREATE TABLE verdict_counts (
    org_id        INTEGER NOT NULL,
    account_id    INTEGER NOT NULL REFERENCES accounts (id),
    region        TEXT NOT NULL,
    type          TEXT NOT NULL,
    pack          TEXT NOT NULL,
    pack_digest   TEXT NOT NULL, -- '' with config_digest '': over all configs of the pack, a pair counts once
    config_digest TEXT NOT NULL,
    policy        TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    number        INTEGER NOT NULL,
    PRIMARY KEY (org_id, account_id, region, type, pack, pack_digest, config_digest, policy, outcome)
) STRICT;

CREATE TABLE violations (
    key              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL,
    org_id           INTEGER NOT NULL,
    account_id       INTEGER NOT NULL REFERENCES accounts (id),
    resource_key     INTEGER REFERENCES resources (key), -- NULL: the account itself
    pack             TEXT NOT NULL,
    policy           TEXT NOT NULL,
    violation_key    TEXT NOT NULL,
    severity         TEXT NOT NULL,
    level            TEXT NOT NULL,
    pack_version     INTEGER NOT NULL,
    message          TEXT NOT NULL,
    state            TEXT NOT NULL,
    resolution       TEXT NOT NULL DEFAULT '',
    triage           TEXT NOT NULL DEFAULT 'open',
    priority         TEXT NOT NULL DEFAULT 'p4',
    assignee         TEXT NOT NULL DEFAULT '',
    resource_uid     TEXT NOT NULL DEFAULT '',
    first_seq        INTEGER NOT NULL,
    opened_seq       INTEGER NOT NULL,
    resolved_seq     INTEGER,
    unverified_seq   INTEGER, -- the first scan that could not verify it
    verified_seq     INTEGER, -- the last one before that could
    updated_at       INTEGER NOT NULL,
    UNIQUE (org_id, id)
) STRICT;
CREATE INDEX violations_by_resource ON violations (resource_key);
CREATE INDEX violations_of_accounts ON violations (account_id) WHERE resource_key IS NULL;
CREATE INDEX violations_open_account ON violations (org_id, account_id, severity, key) WHERE state = 'open';
CREATE INDEX violations_open_pack ON violations (org_id, pack, policy, severity, key) WHERE state = 'open';

-- How many violations there are of a kind.
CREATE TABLE violation_counts (
    org_id     INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    state      TEXT NOT NULL,
    pack       TEXT NOT NULL,
    policy     TEXT NOT NULL,
    severity   TEXT NOT NULL,
    number     INTEGER NOT NULL,
    PRIMARY KEY (org_id, account_id, state, pack, policy, severity)
) STRICT;

CREATE TABLE violation_groups (
    id            INTEGER PRIMARY KEY,
    violation_key INTEGER NOT NULL REFERENCES violations (key),
    group_name    TEXT NOT NULL,
    level         TEXT NOT NULL,
    severity      TEXT NOT NULL,
    pack_version  INTEGER NOT NULL,
    message       TEXT NOT NULL,
    from_seq      INTEGER NOT NULL,
    to_seq        INTEGER
) STRICT;
CREATE INDEX violation_groups_then ON violation_groups (violation_key, from_seq);
CREATE UNIQUE INDEX violation_groups_now ON violation_groups (violation_key, group_name) WHERE to_seq IS NULL;
CREATE INDEX violation_groups_by_group ON violation_groups (group_name, violation_key) WHERE to_seq IS NULL;

-- The history of a violation: changes of state, level, groups and triage. Messages have none.
CREATE TABLE violation_events (
    id            INTEGER PRIMARY KEY,
    org_id        INTEGER NOT NULL,
    violation_key INTEGER NOT NULL REFERENCES violations (key),
    scan_seq      INTEGER,
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL, -- opened, reopened, resolved, unverified, verified, level, groups, triage
    actor         TEXT NOT NULL,
    detail        TEXT NOT NULL  -- JSON
) STRICT;
CREATE INDEX violation_events_by_violation ON violation_events (violation_key, id);
CREATE INDEX violation_events_by_scan ON violation_events (scan_seq, kind);

CREATE TABLE exceptions (
    key         INTEGER PRIMARY KEY,
    org_id      INTEGER NOT NULL REFERENCES organizations (id),
    name        TEXT NOT NULL,
    scope       TEXT NOT NULL, -- JSON: policies, packs, accounts, resources, tags
    owner       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    ticket      TEXT NOT NULL,
    approver    TEXT NOT NULL,
    declared    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    removed_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX exceptions_by_name ON exceptions (org_id, name) WHERE removed_at IS NULL;

-- Which violations an exception covers; it excuses them while it is not expired.
CREATE TABLE violation_exceptions (
    violation_key INTEGER NOT NULL REFERENCES violations (key),
    exception_key INTEGER NOT NULL REFERENCES exceptions (key),
    from_at       INTEGER NOT NULL,
    to_at         INTEGER,
    PRIMARY KEY (violation_key, exception_key, from_at)
) STRICT;
CREATE INDEX violation_exceptions_now ON violation_exceptions (exception_key) WHERE to_at IS NULL;

CREATE TABLE audit_log (
    id     INTEGER PRIMARY KEY,
    org_id INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT NOT NULL,
    after  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (org_id, at);

CREATE TABLE score_history (
    org_id     INTEGER NOT NULL,
    day        TEXT NOT NULL, -- YYYY-MM-DD, UTC
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    group_name TEXT NOT NULL, -- '' is the account over all groups
    pack       TEXT NOT NULL, -- '' is all packs
    violating  INTEGER NOT NULL,
    compliant  INTEGER NOT NULL,
    unknown    INTEGER NOT NULL,
    excused    INTEGER NOT NULL,
    PRIMARY KEY (org_id, day, account_id, group_name, pack)
) STRICT;

CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY,
    org_id        INTEGER NOT NULL,
    sink          TEXT NOT NULL,
    violation_key INTEGER NOT NULL REFERENCES violations (key),
    event_id      INTEGER NOT NULL REFERENCES violation_events (id),
    attempts      INTEGER NOT NULL DEFAULT 0,
    next_at       INTEGER NOT NULL,
    dead_at       INTEGER,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (next_at) WHERE dead_at IS NULL;
