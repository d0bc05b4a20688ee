"""The connection that databases are made and dropped on."""

from __future__ import annotations

import threading

import psycopg

from swe_db.config import Config
from swe_db.isolation.cluster import Cluster
from swe_db.servers.server import PostgresServer
from swe_db.servers.url import url_postgres

THREADS = 8
SESSIONS = "FROM pg_stat_activity WHERE application_name = 'swe-db' AND pid <> pg_backend_pid()"


def test_threads_share_one_new_connection(postgres: PostgresServer) -> None:
    """After a test has ended the connection, all threads go on with one other, and none waits for another's lock."""
    cluster = Cluster(url_postgres(Config(postgres_url=postgres.url)).start(), locale="C", timezone="UTC")
    begin = threading.Barrier(THREADS)
    answers: list[bool] = []

    def ask() -> None:
        begin.wait()
        answers.append(cluster.exists("postgres"))

    for _ in range(5):
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid, 60000) {SESSIONS}")
        threads = [threading.Thread(target=ask, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert not any(thread.is_alive() for thread in threads)
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute(f"SELECT count(*) {SESSIONS}").fetchone() == (1,)
    assert answers == [True] * THREADS * 5
    cluster.close()
