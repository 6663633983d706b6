"""The templates of this room, filled in: everything that comes from outside is escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from medical.pages.words import count, number


def render(template: str, **values: object) -> Markup:
    """Fills in a file of `templates`.

    Args:
        template: Its name, `table.html`.
        values: What it shows; text is escaped, `Markup` is not.

    Returns:
        HTML.
    """
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 - autoescaped


def source(name: str) -> Markup:
    """The text of a file of `templates` as it is: the style sheet, and the script."""
    loader = _environment().loader
    assert loader
    return Markup(loader.get_source(_environment(), name)[0])  # noqa: S704 - our own file


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("medical.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "count": count}
    return environment
