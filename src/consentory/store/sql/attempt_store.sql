-- name: find_attempts
-- Of each subject known: failures, seconds since the last one, seconds for which it is proven. Primary key.
SELECT subject, failures, extract(epoch FROM now() - failed_at)::double precision,
  extract(epoch FROM trusted_until - now())::double precision
FROM auth_attempt WHERE subject = ANY(%(subjects)s::bytea[]);

-- name: count_failures
-- One more failure of each subject; after `seconds` without one they are forgotten. In one order, so that two that
-- share a subject wait for each other and never in a circle.
INSERT INTO auth_attempt (subject, failures, failed_at, kept_until)
SELECT subject, 1, now(), now() + make_interval(secs => %(seconds)s)
FROM unnest(%(subjects)s::bytea[]) AS subject ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET
  failures = CASE WHEN auth_attempt.failed_at > excluded.failed_at - make_interval(secs => %(seconds)s)
    THEN auth_attempt.failures + 1 ELSE 1 END,
  failed_at = excluded.failed_at,
  kept_until = greatest(auth_attempt.kept_until, excluded.kept_until);

-- name: trust_address
-- The right secret came: failures so far are forgotten.
INSERT INTO auth_attempt (subject, failures, trusted_until, kept_until)
VALUES (%(subject)s, 0, now() + make_interval(secs => %(seconds)s), now() + make_interval(secs => %(seconds)s))
ON CONFLICT (subject) DO UPDATE SET
  failures = 0, failed_at = NULL, trusted_until = excluded.trusted_until, kept_until = excluded.kept_until;

-- name: forget_attempts
-- Clears away a few that are over: more than a failure can add. Index auth_attempt_kept.
DELETE FROM auth_attempt WHERE subject IN (
  SELECT subject FROM auth_attempt WHERE kept_until < now() ORDER BY kept_until LIMIT 20 FOR UPDATE SKIP LOCKED);

-- name: commit_lazily
-- This transaction's commit does not wait for the disk: what it writes may be lost in a crash of the machine.
SELECT set_config('synchronous_commit', 'off', true);
