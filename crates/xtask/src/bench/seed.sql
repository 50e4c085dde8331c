-- A marketplace to pay in: payees with a gig each, payers with a session each, confirmed bookings.
-- One text for both engines. Names in braces are filled in by `market.rs`.

INSERT INTO person (
    lane, id, uuid, email, full_name, password, active, verified, admin, session_version, created_at,
    updated_at
)
WITH RECURSIVE number(n) AS (
    SELECT CAST(0 AS BIGINT)
    UNION ALL
    SELECT n + 1 FROM number WHERE n + 1 < {payees}
)
SELECT n % 256, {first_payee} + n,
       '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + {first_payee} + n AS TEXT), 2),
       'payee' || CAST(n AS TEXT) || '@example.org', 'Payee ' || CAST(n AS TEXT), NULL, 1, 1, 0, 1, {now}, {now}
  FROM number;

INSERT INTO person (
    lane, id, uuid, email, full_name, password, active, verified, admin, session_version, created_at,
    updated_at
)
WITH RECURSIVE number(n) AS (
    SELECT CAST(0 AS BIGINT)
    UNION ALL
    SELECT n + 1 FROM number WHERE n + 1 < {payers}
)
SELECT n % 256, {first_payer} + n,
       '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + {first_payer} + n AS TEXT), 2),
       'payer' || CAST(n AS TEXT) || '@example.org', 'Payer ' || CAST(n AS TEXT), NULL, 1, 1,
       CASE WHEN n = 0 THEN 1 ELSE 0 END, 1, {now}, {now}
  FROM number;

INSERT INTO session (
    lane, id, person, token, rotations, version, used_at, created_at, expires_at, revoked_at
)
WITH RECURSIVE number(n) AS (
    SELECT CAST(0 AS BIGINT)
    UNION ALL
    SELECT n + 1 FROM number WHERE n + 1 < {payers}
)
SELECT n % 256, {first_session} + n, {first_payer} + n, 'none', '', 1, {now}, {now}, {later}, NULL
  FROM number;

INSERT INTO offer (
    lane, id, payee, category, service_type, title, short_description, full_description, price_minor,
    currency, session_minutes, tags, session_contents, state, created_at, updated_at
)
WITH RECURSIVE number(n) AS (
    SELECT CAST(0 AS BIGINT)
    UNION ALL
    SELECT n + 1 FROM number WHERE n + 1 < {payees}
)
SELECT n % 256, {first_offer} + n, {first_payee} + n, 'language', 'Conversation', 'Conversation in French',
       'An hour of talk', 'An hour of talk about whatever you like, at your level.', 5000, 'USD', 60, '[]',
       '[]', 'active', {now}, {now}
  FROM number;

INSERT INTO booking (
    lane, id, kind, payer, payee, offer, title, starts_at, ends_at, state, rate_minor, unit, currency,
    fee_mode, fee_rate_bps, fee_min_minor, payment, last_payment_error, notes, session_type,
    cancellation_reason, cancelled_by, completion, completed_at, wake_at, version, created_at, updated_at
)
WITH RECURSIVE number(n) AS (
    SELECT CAST(0 AS BIGINT)
    UNION ALL
    SELECT n + 1 FROM number WHERE n + 1 < {bookings}
)
SELECT (n * {stride}) % 256, {first_booking} + n * {stride}, 'booking', {first_payer} + n % {payers},
       {first_payee} + n % {payees}, {first_offer} + n % {payees}, 'Conversation in French', {later},
       {later} + 3600000000, 'confirmed', 5000, 'hour', 'USD', 'on_top', 500, 100, NULL, NULL, '',
       'video_call', NULL, NULL, NULL, NULL, {later}, 1, {now}, {now}
  FROM number;

UPDATE lane SET next = {next};
