"""What a door wrote, seen from both sides: the rows of every regulated table before and after, and the journal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

from django.db import connection

from tests.audit.journal import entries, label, last_id, regulated, shown

Rows = dict[tuple[str, str], dict[str, Any]]  # (label of the model, key) -> the row as the journal may tell it


class Written:
    """What changed in the tables, and what the journal says changed."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[Any, Any]] = {}
        self.entries: list[dict[str, Any]] = []

    @property
    def models(self) -> set[str]:
        return {model for model, _key in self.rows}

    def differences(self, **facts: Any) -> list[Any]:
        """Where journal and tables disagree, and entries that say another person or door than `facts`."""
        wrong: list[Any] = []
        told: dict[tuple[str, str], tuple[Any, Any]] = {}
        labels = {model._meta.db_table: label(model) for model in regulated()}
        for entry in self.entries:
            place = labels[entry["table_name"]], entry["pk"]
            told[place] = _followed(told.get(place), entry)
            wrong += [(place, name, entry[name]) for name, value in facts.items() if entry[name] != value]
        for place in told.keys() | self.rows.keys():
            if told.get(place) != self.rows.get(place):
                wrong.append((place, "journal", told.get(place), "tables", self.rows.get(place)))
        return wrong

    def twice(self) -> list[tuple[str, str]]:
        """Rows with more than one entry in one request: a door that writes a row once has one entry of it."""
        places = [(entry["table_name"], entry["pk"], entry["request_id"]) for entry in self.entries]
        return sorted({place[:2] for place in places if places.count(place) > 1})


def _followed(before: tuple[Any, Any] | None, entry: dict[str, Any]) -> tuple[Any, Any]:
    """(old, new) values of a row after one more entry; of an update only what it says changed."""
    if before is None:
        return entry["old"], entry["new"]
    old, new = before
    if entry["op"] == "U":
        return (old if old is None else {**entry["old"], **old}), {**(new or {}), **entry["new"]}
    return old, entry["new"]


@contextmanager
def observed() -> Iterator[Written]:
    written, before, start = Written(), _rows(), last_id()
    yield written
    after = _rows()
    written.entries = entries(start)
    for place in before.keys() | after.keys():
        old, new = before.get(place), after.get(place)
        if old != new:
            written.rows[place] = _changed(old, new)


def _changed(old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[Any, Any]:
    if old is None or new is None:
        return old, new
    names = [name for name in new if old.get(name) != new[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


def _rows() -> Rows:
    found: Rows = {}
    with connection.cursor() as cursor:
        for model in regulated():
            cursor.execute(f"SELECT to_jsonb(t) FROM {connection.ops.quote_name(model._meta.db_table)} t")
            for (text,) in cursor.fetchall():
                row = _parsed(text)
                found[label(model), str(row[model._meta.pk.column])] = shown(model, row)
    return found


def _parsed(text: str) -> dict[str, Any]:
    return json.loads(text, parse_float=str)


class Form(HTMLParser):
    """The values a browser would send of the first form that saves."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._textarea = self._select = ""
        self._is_inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self._is_inside = (given.get("id") or "").endswith("_form")
        if not self._is_inside:
            return
        if tag == "input" and name and "disabled" not in given:
            kind = given.get("type") or "text"
            if kind in ("checkbox", "radio"):
                if "checked" in given:
                    self.values.setdefault(name, []).append(given.get("value") or "on")
            elif kind not in ("submit", "button"):
                self.values[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
            self.values.setdefault(name, "")
        elif tag == "option" and self._select and "selected" in given:
            self.values[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._textarea, self.values[name] = name, ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self._is_inside:
            self.values[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""
