"""A test case of the standard library gets the same."""

from __future__ import annotations

import unittest

import pytest
from tracker import reports, service


@pytest.mark.usefixtures("swe_env")
class ServiceTest(unittest.TestCase):
    """Each method has a database of its own."""

    def setUp(self) -> None:
        """Add a task: the servers are there before setUp runs."""
        self.task_id = service.add_task("integration-hub", "Speak SOAP")

    def test_finish(self) -> None:
        """A finished task counts as done."""
        service.finish_task(self.task_id)
        self.assertEqual(reports.status_counts("integration-hub"), {"done": 1})  # noqa: PT009 - it is a TestCase

    def test_claim(self) -> None:
        """A claimed task is in progress, and the one of the other test is not there."""
        self.assertEqual(service.claim_task("integration-hub", "yuki"), self.task_id)  # noqa: PT009
        self.assertEqual(reports.status_counts("integration-hub"), {"in_progress": 1})  # noqa: PT009
