"""What the commands about the journal share: who acts, and how a month is written."""

import argparse
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from audit.context import act_as
from audit.errors import DomainError


def a_month(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 a month, not a moment
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no month like 2026-11") from None


def add_user(parser: CommandParser) -> None:
    parser.add_argument("--user", required=True, help="user name of the person who does this")


@contextmanager
def doing(username: str, command: str) -> Iterator[None]:
    """As this person; what the services refuse ends the command."""
    people = get_user_model()._default_manager.filter(is_active=True, is_person=True)
    user = people.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no active user {username} who is a person.")
    try:
        with act_as(user, source=f"command:{command}"):
            yield
    except DomainError as refused:
        raise CommandError(str(refused)) from refused
