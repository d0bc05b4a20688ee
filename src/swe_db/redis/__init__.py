"""Services on Redis for production code: client, cache, rate limiter, sessions, locks, pub/sub."""
