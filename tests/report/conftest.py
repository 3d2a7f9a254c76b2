"""The committed records."""

import pytest
from support import ROOT

from palingen.report.record_reader import read_records
from palingen.report.records import Records


@pytest.fixture(scope="session")
def committed() -> Records:
    """Records of the report, for tests that do not change them."""
    return read_records(ROOT / "report")
