"""A browser for the pages of a file of tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.medical.pages.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser
