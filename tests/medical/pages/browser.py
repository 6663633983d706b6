"""Pages in a real browser, which tells what it asks for, what it complains about, and what it paints."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

WIDE, PHONE = 1400, 375
_LOOKED_AT = 6
"""Pictures, at most, of which what is painted is looked at."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    "--disable-background-networking",
)


@dataclass
class Visit:
    """A page that is open."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    """Messages of the console, and errors of scripts."""
    requests: list[str] = field(default_factory=list)
    """All but those of what stands in the file."""

    @property
    def too_wide(self) -> bool:
        """Whether the page as a whole scrolls sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    def column(self, place: int, table: str = "table") -> list[str]:
        """What is shown in a column of a table, from above."""
        rows = f"{table} tbody tr:not([hidden])"
        script = f"rows => rows.map(row => row.cells[{place}].textContent)"
        return [str(text) for text in self.page.eval_on_selector_all(rows, script)]

    def sort(self, place: int, table: str = "table") -> str | None:
        """Clicks on a header; returns how its column is sorted then."""
        header = self.page.locator(f"{table} thead th").nth(place)
        header.locator("button").click()
        direction: str | None = header.get_attribute("aria-sort")
        return direction

    def unseen_pictures(self) -> list[str]:
        """The pictures that have not loaded, and of a few of them those of which but one colour is painted."""
        images = self.page.locator("img").all()
        loaded = self.page.eval_on_selector_all(
            "img", "all => all.map(image => image.complete && image.naturalWidth > 0)"
        )
        unseen = [image for image, there in zip(images, loaded, strict=True) if not there]
        few = images[:: -(-len(images) // _LOOKED_AT) or 1]
        unseen += [image for image in few if np.ptp(self._painted(image)) == 0]
        return [str(image.get_attribute("alt")) for image in unseen]

    def _painted(self, image: Any) -> NDArray[np.uint8]:
        with Image.open(BytesIO(image.screenshot())) as shot:
            return np.asarray(shot.convert("L"))


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a window; the test is skipped where there is none.

    While it is open its event loop runs: there can be no other one, so that it should not outlive a file of tests.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Any, path: Path, *, width: int = WIDE, scheme: str = "light") -> Iterator[Visit]:
    """Opens a file as a person does."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    visited = Visit(context.new_page())
    page = visited.page
    page.on("console", lambda message: visited.complaints.append(message.text))
    page.on("pageerror", lambda error: visited.complaints.append(str(error)))
    page.on("request", lambda request: visited.requests.append(request.url))
    page.goto(path.absolute().as_uri())
    visited.requests = [
        url for url in visited.requests if not url.startswith(("data:", path.absolute().as_uri()))
    ]
    try:
        yield visited
    finally:
        context.close()
