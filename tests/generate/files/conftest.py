"""Data sets in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.data_sets import DataSet
from support.file_sets import written


@pytest.fixture(scope="session")
def csv_files(small: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scale `small` as CSV."""
    return written(small, tmp_path_factory.mktemp("csv") / "out", "csv")


@pytest.fixture(scope="session")
def parquet_files(small: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scale `small` as Parquet."""
    return written(small, tmp_path_factory.mktemp("parquet") / "out", "parquet")
