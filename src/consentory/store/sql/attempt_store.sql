-- name: find_attempts
-- For each known subject: its failures, the seconds since the last one, the seconds for which it is still trusted.
-- Primary key.
SELECT subject, failures, extract(epoch FROM now() - failed_at)::double precision,
  extract(epoch FROM trusted_until - now())::double precision
FROM auth_attempt WHERE subject = ANY(%(subjects)s::bytea[]);

-- name: count_failures
-- Adds one failure to each subject. Failures are forgotten after `seconds` without a new one. The subjects are in one
-- order, so that two transactions with a common subject do not deadlock.
INSERT INTO auth_attempt (subject, failures, failed_at, kept_until)
SELECT subject, 1, now(), now() + make_interval(secs => %(seconds)s)
FROM unnest(%(subjects)s::bytea[]) AS subject ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET
  failures = CASE WHEN excluded.failed_at - auth_attempt.failed_at < make_interval(secs => %(seconds)s)
    THEN auth_attempt.failures + 1 ELSE 1 END,
  failed_at = excluded.failed_at,
  kept_until = greatest(auth_attempt.kept_until, excluded.kept_until);

-- name: trust_address
-- After a right secret: forgets the failures so far.
INSERT INTO auth_attempt (subject, failures, trusted_until, kept_until)
VALUES (%(subject)s, 0, now() + make_interval(secs => %(seconds)s), now() + make_interval(secs => %(seconds)s))
ON CONFLICT (subject) DO UPDATE SET
  failures = 0, failed_at = NULL, trusted_until = excluded.trusted_until, kept_until = excluded.kept_until;

-- name: forget_attempts
-- Deletes a few rows whose time is over. It deletes more rows than one failure adds. Index auth_attempt_kept.
DELETE FROM auth_attempt WHERE subject IN (
  SELECT subject FROM auth_attempt WHERE kept_until < now() ORDER BY kept_until LIMIT 20 FOR UPDATE SKIP LOCKED);

-- name: commit_lazily
-- The commit of this transaction does not wait for the disk. A crash of the machine may lose its changes.
SELECT set_config('synchronous_commit', 'off', true);
