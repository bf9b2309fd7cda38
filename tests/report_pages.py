"""What every page of a report must keep, checked on its HTML."""

import re
from html.parser import HTMLParser


class Reader(HTMLParser):
    """Collects the links of a page, and checks that its elements close in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open, self.links, self.ids, self.labels = [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.links += [values[name] for name in ("src", "href", "xlink:href") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        self.labels += [values["aria-label"]] if values.get("role") == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(page: str, plots: int) -> None:
    """Check that a page is whole, needs no other file, and describes its plots to those who cannot see them."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert all(link.startswith("#") for link in reader.links), reader.links
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert re.findall(r"<(?:script|img|link|iframe)\b", page) == []
    assert len(reader.labels) == plots
    assert all(len(label) > 20 for label in reader.labels)
    assert "#010203" not in page, "ink that does not change with the page"
