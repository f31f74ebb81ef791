"""What every test run shares, the notebooks' kernels included."""

from __future__ import annotations

import os

import pytest

# Set before torch is imported; kernels that nbval starts inherit it. With these small
# models a second thread costs more than it brings.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("PYTHONHASHSEED", "0")
os.environ.pop("MPLBACKEND", None)  # or a cell would draw no figure


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of the real data sets where no mirror of them is named."""
    if os.environ.get("COURSE_DATA_MIRROR"):
        return
    reason = "needs COURSE_DATA_MIRROR, a folder that holds the real data sets"
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=reason))
