-- Every table begins with its lane; every key, unique index and foreign key too. One text for both engines.
-- Instants are microseconds UTC, money is minor units beside its currency, states are words.

CREATE TABLE setting (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE lane (
    lane BIGINT NOT NULL CHECK (lane BETWEEN 0 AND 255),
    next BIGINT NOT NULL CHECK (next >= 1),
    PRIMARY KEY (lane)
);

-- The last batch that a node's writer committed: how a lost answer to COMMIT is looked up.
CREATE TABLE writer_mark (
    lane BIGINT NOT NULL,
    node TEXT NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (lane, node)
);

CREATE TABLE claim (
    lane BIGINT NOT NULL,
    space TEXT NOT NULL CHECK (space IN ('email', 'uuid', 'subject', 'gateway_object', 'webhook_event', 'meeting')),
    name TEXT NOT NULL,
    target BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (lane, space, name)
);
CREATE INDEX claim_subject ON claim (target) WHERE space = 'subject';

CREATE TABLE person (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    email TEXT NOT NULL,
    full_name TEXT NOT NULL,
    password TEXT,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    verified BIGINT NOT NULL CHECK (verified IN (0, 1)),
    admin BIGINT NOT NULL CHECK (admin IN (0, 1)),
    session_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE INDEX person_created ON person (created_at, id);
CREATE INDEX person_admin ON person (created_at, id) WHERE admin = 1 AND active = 1;

CREATE TABLE teacher_profile (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    bio TEXT NOT NULL,
    qualification TEXT NOT NULL,
    experience_years BIGINT NOT NULL,
    about TEXT NOT NULL,
    teaching_languages TEXT NOT NULL,
    hourly_rate_minor BIGINT CHECK (hourly_rate_minor >= 0),
    profile_picture TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    native_language TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    verified BIGINT NOT NULL CHECK (verified IN (0, 1)),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    FOREIGN KEY (lane, id) REFERENCES person (lane, id)
);
CREATE INDEX teacher_profile_created ON teacher_profile (created_at, id);

CREATE TABLE student_profile (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    bio TEXT NOT NULL,
    profile_picture TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    native_language TEXT NOT NULL,
    learning_language TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    FOREIGN KEY (lane, id) REFERENCES person (lane, id)
);

CREATE TABLE session (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    person BIGINT NOT NULL,
    token TEXT NOT NULL,
    rotations TEXT NOT NULL,
    version BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (lane, id),
    FOREIGN KEY (lane, person) REFERENCES person (lane, id)
);
CREATE INDEX session_person ON session (lane, person);

CREATE TABLE one_time_token (
    lane BIGINT NOT NULL,
    person BIGINT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('password_reset', 'verify_email')),
    token TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (lane, person, purpose)
);

-- Guesses at one account or from one address, counted by all nodes together.
CREATE TABLE login_throttle (
    lane BIGINT NOT NULL,
    name TEXT NOT NULL,
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    blocked_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, name)
);

-- Logins on their way through a browser: what it carries is known by its digest, what it stands for is sealed.
CREATE TABLE login_slip (
    lane BIGINT NOT NULL,
    name TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('departure', 'ticket')),
    proof TEXT NOT NULL,
    sealed TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (lane, name)
);
CREATE INDEX login_slip_expires ON login_slip (expires_at);

CREATE TABLE offer (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    payee BIGINT NOT NULL,
    category TEXT NOT NULL CHECK (category IN ('language', 'astrology', 'general')),
    service_type TEXT NOT NULL,
    title TEXT NOT NULL,
    short_description TEXT NOT NULL,
    full_description TEXT NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    currency TEXT NOT NULL,
    session_minutes BIGINT NOT NULL,
    tags TEXT NOT NULL,
    session_contents TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'inactive', 'draft', 'suspended', 'archived')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE INDEX offer_payee ON offer (lane, payee);
CREATE UNIQUE INDEX offer_category ON offer (lane, payee, category) WHERE state <> 'archived';
CREATE INDEX offer_public ON offer (state, created_at, id);

CREATE TABLE booking (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('booking', 'gig_purchase')),
    payer BIGINT NOT NULL,
    payee BIGINT NOT NULL,
    offer BIGINT NOT NULL,
    title TEXT NOT NULL,
    starts_at BIGINT,
    ends_at BIGINT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'completed', 'cancelled')),
    rate_minor BIGINT NOT NULL CHECK (rate_minor >= 0),
    unit TEXT NOT NULL CHECK (unit IN ('hour', 'session')),
    currency TEXT NOT NULL,
    fee_mode TEXT NOT NULL CHECK (fee_mode IN ('on_top', 'deducted')),
    fee_rate_bps BIGINT NOT NULL CHECK (fee_rate_bps BETWEEN 0 AND 10000),
    fee_min_minor BIGINT NOT NULL CHECK (fee_min_minor >= 0),
    payment BIGINT,
    last_payment_error TEXT,
    notes TEXT NOT NULL,
    session_type TEXT NOT NULL,
    cancellation_reason TEXT,
    cancelled_by BIGINT,
    completion TEXT CHECK (completion IN ('student', 'teacher', 'auto')),
    completed_at BIGINT,
    wake_at BIGINT,
    proposed_starts_at BIGINT,
    proposed_ends_at BIGINT,
    proposed_by BIGINT,
    proposal_reason TEXT,
    proposal_version BIGINT,
    proposal_outcome TEXT CHECK (proposal_outcome IN ('confirmed', 'declined')),
    room TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CHECK (starts_at < ends_at),
    CHECK (proposed_starts_at < proposed_ends_at),
    CHECK (payer <> payee)
) WITH (fillfactor = 70);
CREATE INDEX booking_payee ON booking (lane, payee, created_at, id);
CREATE INDEX booking_payer ON booking (payer, created_at, id);
-- By start, unscheduled last: how parties see them.
CREATE INDEX booking_payee_start ON booking (lane, payee, (COALESCE(starts_at, -1)), id);
CREATE INDEX booking_payer_start ON booking (payer, (COALESCE(starts_at, -1)), id);
CREATE INDEX booking_wake ON booking (wake_at, id) WHERE wake_at IS NOT NULL;

-- At a provider that has to be called. Made while `reference` stands; another one may exist while `unsure` does.
CREATE TABLE meeting (
    lane BIGINT NOT NULL,
    booking BIGINT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT,
    starts_at BIGINT,
    ends_at BIGINT,
    unsure BIGINT NOT NULL CHECK (unsure IN (0, 1)),
    sweep_at BIGINT,
    fence BIGINT NOT NULL,
    lease_until BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, booking)
);

CREATE TABLE busy (
    lane BIGINT NOT NULL,
    party BIGINT NOT NULL,
    day BIGINT NOT NULL,
    booking BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (lane, party, day, booking)
);

-- By the wall clock of the payee's zone: seconds of the local day; `date` is a local day number.
CREATE TABLE availability (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    payee BIGINT NOT NULL,
    weekday BIGINT NOT NULL CHECK (weekday IN (0, 1, 2, 3, 4, 5, 6)),
    from_second BIGINT NOT NULL CHECK (from_second >= 0),
    until_second BIGINT NOT NULL CHECK (until_second <= 86400),
    date BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    CHECK (from_second < until_second)
);
CREATE INDEX availability_payee ON availability (lane, payee);

CREATE TABLE payment (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('booking', 'gig_purchase', 'course', 'event', 'wallet_topup')),
    payer BIGINT NOT NULL,
    payee BIGINT NOT NULL,
    booking BIGINT,
    offer BIGINT NOT NULL,
    currency TEXT NOT NULL,
    list_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    base_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    subsidy_minor BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,
    hourly_minor BIGINT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'cancelled', 'partially_refunded', 'refunded', 'disputed')),
    gateway TEXT NOT NULL,
    op BIGINT,
    reference TEXT,
    card_brand TEXT,
    card_last_four TEXT,
    used_saved_card BIGINT NOT NULL CHECK (used_saved_card IN (0, 1)),
    failure TEXT,
    captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0),
    refund_reserved_minor BIGINT NOT NULL CHECK (refund_reserved_minor >= 0),
    paid_at BIGINT,
    released_at BIGINT,
    wake_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    CHECK (refunded_minor + refund_reserved_minor <= captured_minor),
    CHECK (captured_minor IN (0, total_minor)),
    CHECK (total_minor + subsidy_minor = fee_minor + share_minor),
    CHECK (total_minor >= 0 AND fee_minor >= 0 AND subsidy_minor >= 0 AND share_minor >= 0)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX payment_booking ON payment (lane, booking);
CREATE INDEX payment_payee ON payment (lane, payee, created_at, id);
CREATE INDEX payment_payer ON payment (payer, created_at, id);
CREATE INDEX payment_created ON payment (created_at, id);
CREATE INDEX payment_wake ON payment (wake_at, id) WHERE wake_at IS NOT NULL;

CREATE TABLE op (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
    payment BIGINT NOT NULL,
    refund BIGINT,
    payer BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    customer TEXT,
    method TEXT,
    confirmer TEXT NOT NULL CHECK (confirmer IN ('server', 'client')),
    action_allowed BIGINT NOT NULL CHECK (action_allowed IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('intent', 'in_flight', 'waiting', 'unknown', 'succeeded', 'failed', 'cancelled', 'returned', 'late')),
    cancel_wanted BIGINT NOT NULL CHECK (cancel_wanted IN (0, 1)),
    reference TEXT,
    movement TEXT,
    fence BIGINT NOT NULL,
    lease_until BIGINT,
    first_sent_at BIGINT,
    tries BIGINT NOT NULL,
    deadline BIGINT,
    wake_at BIGINT,
    error TEXT,
    decline_code TEXT,
    error_message TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    FOREIGN KEY (lane, payment) REFERENCES payment (lane, id),
    -- Whatever is live has somebody who will look at it.
    CHECK (wake_at IS NOT NULL OR state NOT IN ('intent', 'in_flight', 'waiting', 'unknown'))
);
-- At most one live-or-successful charge a payment; late money is told apart.
CREATE UNIQUE INDEX op_one_charge ON op (lane, payment) WHERE kind = 'charge' AND state IN ('intent', 'in_flight', 'waiting', 'unknown', 'succeeded');
CREATE INDEX op_payment ON op (lane, payment);
CREATE INDEX op_wake ON op (wake_at, id) WHERE wake_at IS NOT NULL;

CREATE TABLE refund (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    payment BIGINT NOT NULL,
    payer BIGINT NOT NULL,
    booking BIGINT,
    requested_by BIGINT,
    cause TEXT NOT NULL CHECK (cause IN ('cancelled', 'declined', 'expired', 'late_capture', 'requested', 'gateway')),
    reason TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    fee_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,
    subsidy_minor BIGINT NOT NULL,
    from_pending_minor BIGINT NOT NULL,
    from_available_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'rejected', 'processing', 'processed', 'failed')),
    op BIGINT,
    failure TEXT,
    admin_notes TEXT NOT NULL,
    reviewed_by BIGINT,
    reviewed_at BIGINT,
    processed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id),
    FOREIGN KEY (lane, payment) REFERENCES payment (lane, id),
    CHECK (amount_minor + subsidy_minor = fee_minor + share_minor),
    CHECK (fee_minor >= 0 AND share_minor >= 0 AND subsidy_minor >= 0)
);
CREATE INDEX refund_payment ON refund (lane, payment);
-- At most one request a payment waits for a decision.
CREATE UNIQUE INDEX refund_one_open ON refund (lane, payment) WHERE state IN ('requested', 'approved');
CREATE INDEX refund_payer ON refund (payer, created_at, id);
CREATE INDEX refund_asker ON refund (requested_by, created_at, id) WHERE requested_by IS NOT NULL;
CREATE INDEX refund_state ON refund (state, created_at, id);
CREATE INDEX refund_created ON refund (created_at, id);

CREATE TABLE card (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    person BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    customer TEXT NOT NULL,
    token TEXT NOT NULL,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL,
    exp_month BIGINT NOT NULL,
    exp_year BIGINT NOT NULL,
    is_default BIGINT NOT NULL CHECK (is_default IN (0, 1)),
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE UNIQUE INDEX card_token ON card (lane, person, gateway, token);

CREATE TABLE customer (
    lane BIGINT NOT NULL,
    person BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (lane, person, gateway)
);
CREATE INDEX customer_created ON customer (created_at, person);

CREATE TABLE entry (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    recipe TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lane, id)
);
-- A second posting of the same event is impossible even if the code above is wrong.
CREATE UNIQUE INDEX entry_once ON entry (lane, subject, subject_id, recipe);
CREATE INDEX entry_at ON entry (at, id);

CREATE TABLE posting (
    lane BIGINT NOT NULL,
    entry BIGINT NOT NULL,
    number BIGINT NOT NULL,
    account TEXT NOT NULL,
    owner BIGINT NOT NULL,
    currency TEXT NOT NULL,
    posted_minor BIGINT NOT NULL,
    pending_minor BIGINT NOT NULL,
    PRIMARY KEY (lane, entry, number),
    FOREIGN KEY (lane, entry) REFERENCES entry (lane, id)
);
CREATE INDEX posting_account ON posting (lane, account, owner, currency);

CREATE TABLE balance (
    lane BIGINT NOT NULL,
    account TEXT NOT NULL,
    owner BIGINT NOT NULL,
    currency TEXT NOT NULL,
    posted_minor BIGINT NOT NULL,
    pending_minor BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    PRIMARY KEY (lane, account, owner, currency)
) WITH (fillfactor = 70);

-- The sums of days that reports are read from; only folding the deltas below writes them.
CREATE TABLE rollup (
    lane BIGINT NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('created', 'captured', 'large', 'refunded', 'request')),
    day BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('booking', 'gig_purchase', 'course', 'event', 'wallet_topup')),
    currency TEXT NOT NULL,
    label TEXT NOT NULL,
    number BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    base_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,
    hourly_minor BIGINT NOT NULL,
    rated BIGINT NOT NULL,
    PRIMARY KEY (lane, measure, day, kind, currency, label)
);

-- Sums over all days: by hour, method, person and the like.
CREATE TABLE rollup_total (
    lane BIGINT NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('hour', 'method', 'latency', 'attempt', 'payer', 'payee', 'payer_standing', 'payee_standing', 'payer_partner', 'payee_partner', 'payer_returned', 'payee_returned')),
    label TEXT NOT NULL,
    part TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('booking', 'gig_purchase', 'course', 'event', 'wallet_topup')),
    currency TEXT NOT NULL,
    last_day BIGINT NOT NULL,
    number BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    base_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,
    hourly_minor BIGINT NOT NULL,
    rated BIGINT NOT NULL,
    PRIMARY KEY (lane, measure, label, part, kind, currency)
) WITH (fillfactor = 70);

-- What a total was when a day began on which something was added to it.
CREATE TABLE rollup_opening (
    lane BIGINT NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('hour', 'method', 'latency', 'attempt', 'payer', 'payee')),
    label TEXT NOT NULL,
    part TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('booking', 'gig_purchase', 'course', 'event', 'wallet_topup')),
    currency TEXT NOT NULL,
    day BIGINT NOT NULL,
    number BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    base_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,
    hourly_minor BIGINT NOT NULL,
    rated BIGINT NOT NULL,
    PRIMARY KEY (lane, measure, label, part, kind, currency, day)
);

-- What a commit changed in the sums, until it is folded into them.
CREATE TABLE rollup_delta (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lane, id)
);

CREATE TABLE event (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lane, id)
);

CREATE TABLE job (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'dead')),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    run_at BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE UNIQUE INDEX job_once ON job (lane, kind, key);
CREATE INDEX job_due ON job (run_at, id) WHERE state = 'queued';

CREATE TABLE inbox (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    gateway TEXT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    hint TEXT NOT NULL CHECK (hint IN ('charge', 'refund', 'dispute', 'card', 'payout', 'other')),
    object TEXT NOT NULL,
    charge TEXT,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'processed', 'ignored', 'parked', 'failed', 'dead')),
    attempts BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    error TEXT,
    wake_at BIGINT,
    received_at BIGINT NOT NULL,
    processed_at BIGINT,
    PRIMARY KEY (lane, id)
);
CREATE INDEX inbox_wake ON inbox (wake_at, id) WHERE wake_at IS NOT NULL;

CREATE TABLE idempotency (
    lane BIGINT NOT NULL,
    person BIGINT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    op BIGINT,
    status BIGINT,
    answer TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (lane, person, operation, key)
) WITH (fillfactor = 70);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE audit (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    actor BIGINT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    object_id BIGINT NOT NULL,
    change TEXT NOT NULL,
    at BIGINT NOT NULL,
    origin_mark TEXT,
    PRIMARY KEY (lane, id)
);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_actor ON audit (actor, at, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_object ON audit (object, object_id, at, id);

-- Personal data, so beside what is sealed: it is erased with its actor, in whose lane it lives.
CREATE TABLE audit_origin (
    lane BIGINT NOT NULL,
    actor BIGINT NOT NULL,
    audit BIGINT NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (lane, actor, audit)
);

-- The chain that seals audit and events; all its rows live in one lane.
CREATE TABLE audit_block (
    lane BIGINT NOT NULL,
    number BIGINT NOT NULL,
    previous TEXT NOT NULL,
    stretches TEXT NOT NULL,
    at BIGINT NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (lane, number)
);

CREATE TABLE audit_cursor (
    lane BIGINT NOT NULL,
    sealed_lane BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (lane, sealed_lane)
);

CREATE TABLE alert (
    lane BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject BIGINT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lane, id)
);
CREATE INDEX alert_at ON alert (at, id);

CREATE TABLE alert_ack (
    lane BIGINT NOT NULL,
    alert BIGINT NOT NULL,
    person BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lane, alert)
);

INSERT INTO lane (lane, next)
WITH RECURSIVE number(n) AS (
    SELECT CAST(0 AS BIGINT)
    UNION ALL
    SELECT n + 1 FROM number WHERE n < 255
)
SELECT n, 1 FROM number;
