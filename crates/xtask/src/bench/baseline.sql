-- One payment as a careful application without batching makes it: the rows Bursar writes for it, in
-- number and width, one transaction a step and one statement a table. The steps: the payment begins, the
-- gateway has answered, its webhook arrives, the receipt's job is taken, the job is done. What Bursar also
-- reads is left out.
-- pgbench takes a colon before a word for a variable, even inside a text: hence \x3a.
\set k :client_id + :clients * :i
\set i :i + 1
\set lane :k % 256
\set booking :first_booking + :k
\set payment :first_payment + :k
\set op :first_op + :k
\set entry :first_entry + :k
\set event :first_event + :k
\set job :first_job + :k
\set inbox :first_inbox + :k
\set payer :first_payer + :k % :payers
\set payee :first_payee + :k % :payees
\set offer :first_offer + :k % :payees

BEGIN;
INSERT INTO payment (
    lane, id, kind, payer, payee, booking, offer, currency, list_minor, discount_minor, base_minor, fee_minor,
    subsidy_minor, total_minor, share_minor, state, gateway, op, reference, card_brand, card_last_four,
    used_saved_card, failure, captured_minor, refunded_minor, refund_reserved_minor, paid_at, released_at,
    wake_at, created_at, updated_at
) VALUES (
    :lane, :payment, 'booking', :payer, :payee, :booking, :offer, 'USD', 5000, 0, 5000, 250, 0, 5250, 5000,
    'processing', 'sandbox', :op, NULL, NULL, NULL, 0, NULL, 0, 0, 0, NULL, NULL, NULL, :now, :now
);
INSERT INTO op (
    lane, id, kind, payment, refund, payer, gateway, amount_minor, currency, customer, method, confirmer,
    action_allowed, state, cancel_wanted, reference, movement, fence, lease_until, first_sent_at, tries,
    deadline, wake_at, error, decline_code, error_message, created_at, updated_at
) VALUES (
    :lane, :op, 'charge', :payment, NULL, :payer, 'sandbox', 5250, 'USD', NULL, 'pm_card_visa', 'server', 0,
    'in_flight', 0, NULL, NULL, 1, :now, :now, 1, NULL, :now, NULL, NULL, NULL, :now, :now
);
UPDATE booking SET payment = :payment, last_payment_error = NULL, updated_at = :now
 WHERE lane = :lane AND id = :booking;
INSERT INTO idempotency (
    lane, person, operation, key, body_hash, op, status, answer, created_at, expires_at
) VALUES (
    :payer % 256, :payer, 'process_booking_payment', lpad(CAST(:k AS text), 64, '0'),
    'a4d1c5e0b2f3947861a5d4c3b2e1f0987766554433221100ffeeddccbbaa9988', :op, NULL, NULL, :now, :now
);
COMMIT;

BEGIN;
UPDATE op
   SET state = 'succeeded', reference = 'pi_sbx00000000n000' || CAST(:k AS text),
       movement = 'ch_sbx00000000n000' || CAST(:k AS text), lease_until = NULL, wake_at = NULL,
       updated_at = :now
 WHERE lane = :lane AND id = :op;
UPDATE payment
   SET state = 'completed', reference = 'pi_sbx00000000n000' || CAST(:k AS text), card_brand = 'visa',
       card_last_four = '4242', captured_minor = total_minor, paid_at = :now, updated_at = :now
 WHERE lane = :lane AND id = :payment;
UPDATE booking SET wake_at = :now, updated_at = :now WHERE lane = :lane AND id = :booking;
INSERT INTO claim (lane, space, name, target, created_at) VALUES
    (CAST(:lane AS bigint), 'gateway_object', E'sandbox\x3api_sbx00000000n000' || CAST(:k AS text), CAST(:op AS bigint), CAST(:now AS bigint)),
    (CAST(:lane AS bigint), 'gateway_object', E'sandbox\x3ach_sbx00000000n000' || CAST(:k AS text), CAST(:op AS bigint), CAST(:now AS bigint));
INSERT INTO entry (lane, id, recipe, subject, subject_id, currency, at)
VALUES (CAST(:lane AS bigint), CAST(:entry AS bigint), 'charge', 'op', CAST(:op AS bigint), 'USD', CAST(:now AS bigint));
INSERT INTO posting (lane, entry, number, account, owner, currency, posted_minor, pending_minor) VALUES
    (CAST(:lane AS bigint), CAST(:entry AS bigint), 1, E'clearing\x3asandbox', 0, 'USD', 5250, 0),
    (CAST(:lane AS bigint), CAST(:entry AS bigint), 2, E'payee\x3apending', CAST(:payee AS bigint), 'USD', -5000, 0),
    (CAST(:lane AS bigint), CAST(:entry AS bigint), 3, 'fees', 0, 'USD', -250, 0);
INSERT INTO balance AS b (lane, account, owner, currency, posted_minor, pending_minor, postings) VALUES
    (CAST(:lane AS bigint), E'clearing\x3asandbox', 0, 'USD', 5250, 0, 1),
    (CAST(:lane AS bigint), 'fees', 0, 'USD', -250, 0, 1),
    (CAST(:lane AS bigint), E'payee\x3apending', CAST(:payee AS bigint), 'USD', -5000, 0, 1)
ON CONFLICT (lane, account, owner, currency) DO UPDATE
   SET posted_minor = b.posted_minor + excluded.posted_minor,
       pending_minor = b.pending_minor + excluded.pending_minor,
       postings = b.postings + excluded.postings;
INSERT INTO event (lane, id, kind, subject, at, body) VALUES (
    :lane, :event, 'payment.completed', :payment, :now,
    '{"payment_id": 512000000,"kind":"booking","total_minor": 5250,"fee_minor": 250,"share_minor": 5000,"currency":"USD"}'
);
INSERT INTO job (lane, id, kind, key, body, state, attempts, run_at, last_error, created_at) VALUES (
    :lane, :job, 'receipt', CAST(:payment AS text),
    '{"payment_id": 512000000,"kind":"booking","total_minor": 5250,"fee_minor": 250,"share_minor": 5000,"currency":"USD"}',
    'queued', 0, :now, NULL, :now
);
UPDATE idempotency SET status = 200, answer = :answer
 WHERE lane = :payer % 256 AND person = :payer AND operation = 'process_booking_payment'
   AND key = lpad(CAST(:k AS text), 64, '0');
COMMIT;

BEGIN;
INSERT INTO claim (lane, space, name, target, created_at) VALUES
    (CAST(:lane AS bigint), 'webhook_event', E'sandbox\x3aevt_sbx00000000n000' || CAST(:k AS text), CAST(:inbox AS bigint), CAST(:now AS bigint));
INSERT INTO inbox (
    lane, id, gateway, event, kind, hint, object, charge, body, state, attempts, failures, error, wake_at,
    received_at, processed_at
) VALUES (
    :lane, :inbox, 'sandbox', 'evt_sbx00000000n000' || CAST(:k AS text), 'payment_intent.succeeded', 'charge',
    'pi_sbx00000000n000' || CAST(:k AS text), NULL, :body, 'processed', 0, 0, NULL, NULL, :now, :now
);
COMMIT;

UPDATE job SET attempts = 1, run_at = CAST(:now AS bigint) + 1 WHERE lane = :lane AND id = :job;

UPDATE job SET state = 'done' WHERE lane = :lane AND id = :job;
