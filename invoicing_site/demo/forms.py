"""A browser without script, as far as the smoke run needs one: pages, their forms, their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

SKIPPED_INPUTS = {"submit", "button", "image", "reset", "file"}


@dataclass
class Form:
    """A form as it would be submitted: names with values in order, and its submit buttons."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    """(name, value, formaction) of each submit button."""
    unticked: set[str] = field(default_factory=set)
    """names of boxes and choices that are sent only when they are ticked"""

    def filled(self, values: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return what is sent with these values typed in. Raises KeyError for unknown names."""
        names = {name for name, _ in self.fields} | self.unticked
        if strangers := set(values) - names:
            raise KeyError(f"The form {self.action} has no {sorted(strangers)}: {sorted(names)}")
        kept = [(name, value) for name, value in self.fields if name not in values]
        return kept + list(values.items())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self.by_id: dict[str, Form] = {}
        self._inside: list[Form] = []
        self._select = ""
        self._chosen: str | None = None
        self._area: str | None = None
        self._typed = ""
        self._hidden = 0
        # Controls that name their form may stand before it.
        self._elsewhere: list[tuple[str, dict[str, str], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"script", "style", "template"}:
            self._hidden += 1
        elif self._hidden:
            return
        elif tag == "form":
            form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(form)
            self._inside.append(form)
            self.by_id[given.get("id", "")] = form
        elif tag == "select":
            self._select, self._chosen = given.get("name", ""), None
        elif tag == "option" and self._select:
            if self._chosen is None or "selected" in given:
                self._chosen = given.get("value", "")
        elif tag == "textarea":
            self._area, self._typed = given.get("name", ""), ""
        elif tag in {"input", "button"}:
            self._control(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "template"} and self._hidden:
            self._hidden -= 1
        elif tag == "form" and self._inside:
            self._inside.pop()
        elif tag == "select" and self._select:
            self._add(self._select, self._chosen or "")
            self._select = ""
        elif tag == "textarea" and self._area is not None:
            self._add(self._area, self._typed.removeprefix("\n"))
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._typed += data
        elif not self._hidden and data.strip():
            self.text.append(data.strip())

    def _control(self, tag: str, given: dict[str, str]) -> None:
        kind = given.get("type", "submit" if tag == "button" else "text").lower()
        if "disabled" in given:
            return
        if "form" in given:
            self._elsewhere.append((kind, given, given["form"]))
        elif self._inside:
            _put(self._inside[-1], kind, given)

    def close(self) -> None:
        """Give controls that stand elsewhere to their forms."""
        super().close()
        for kind, given, name in self._elsewhere:
            if name in self.by_id:
                _put(self.by_id[name], kind, given)

    def _add(self, name: str, value: str) -> None:
        if self._inside and name:
            self._inside[-1].fields.append((name, value))


def _put(form: Form, kind: str, given: Mapping[str, str]) -> None:
    name, value = given.get("name", ""), given.get("value", "")
    if kind == "submit":
        form.buttons.append((name, value, given.get("formaction", "")))
    elif kind in {"checkbox", "radio"}:
        if "checked" in given and name:
            form.fields.append((name, value or "on"))
        else:
            form.unticked.add(name)
    elif kind not in SKIPPED_INPUTS and name:
        form.fields.append((name, value))


@dataclass
class Page:
    """A page that was loaded: its address, its forms, its words."""

    url: str
    status: int
    html: str
    forms: list[Form]
    text: str

    def form(self, marker: str) -> Form:
        """Return the form whose action or field names contain `marker`. Raises LookupError."""
        for each in self.forms:
            named = {name for name, _ in each.fields} | each.unticked
            if marker in each.action or marker in named:
                return each
        seen = [f"{each.action} {[name for name, _ in each.fields]}" for each in self.forms]
        raise LookupError(f"{self.url} (HTTP {self.status}) has no form with {marker}: {seen}")


class Browser:
    """Loads pages and submits forms, with cookies, as a person without script would."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> Page:
        """Load a page. Raises requests.HTTPError for 4xx and 5xx."""
        return self._page(self.session.get(urljoin(self.base, path), timeout=60))

    def submit(
        self, page: Page, marker: str, values: Mapping[str, str] | None = None, *, button: str = ""
    ) -> Page:
        """Fill in the form with `marker` and press its submit button (`button`: its name, its
        value or a part of its own address)."""
        form = page.form(marker)
        sent = form.filled(values or {})
        action = form.action
        for name, value, formaction in form.buttons:
            if button and (button in {name, value} or button in formaction):
                sent += [(name, value)] if name else []
                action = formaction or action
                break
        address = urljoin(page.url, action)
        headers = {"Referer": page.url, "Origin": self.base}
        if form.method == "get":
            return self._page(self.session.get(address, params=sent, timeout=60))
        return self._page(self.session.post(address, data=sent, headers=headers, timeout=60))

    def _page(self, answer: requests.Response) -> Page:
        if not answer.ok:
            words = _read(answer.text).text
            raise requests.HTTPError(
                f"HTTP {answer.status_code} from {answer.url}: {' '.join(words)[:400]}"
            )
        reader = _read(answer.text)
        return Page(
            answer.url, answer.status_code, answer.text, reader.forms, " ".join(reader.text)
        )


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader
