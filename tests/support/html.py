"""Pages as tests look at them."""

from html.parser import HTMLParser

_VOID = {"img", "meta", "link", "br", "line", "path", "rect", "input"}


class Page(HTMLParser):
    """The elements of a page, and their texts.

    ``elements`` has a tag and attributes for each; ``tables`` the cells of each by its caption;
    ``text`` all that is read, with single blanks.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self.tables, self._texts = [], {}, []
        self._open, self._cell, self._caption = [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in _VOID:
            return
        self._open.append(tag)
        if tag == "caption":
            self._caption = ""
        elif tag == "tr" and "tbody" in self._open:
            self.tables[self._caption].append([])
        elif tag in ("td", "th") and "tbody" in self._open:
            self._cell = ""

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass
        if tag == "caption":
            self.tables[self._caption] = []
        elif tag in ("td", "th") and self._cell is not None:
            self.tables[self._caption][-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        if "style" in self._open or "script" in self._open:
            return
        self._texts.append(data)
        if "caption" in self._open:
            self._caption += data
        elif self._cell is not None:
            self._cell += data

    @property
    def text(self):
        return " ".join(" ".join(self._texts).split())

    def all(self, tag):
        """Attributes of every element of a tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def rows(self, caption):
        """Rows of a table by what heads them."""
        return {first: others for first, *others in self.tables[caption]}
