"""The scheduler of Celery beat. What it changes of the schedule itself is its own doing, and in the journal as such."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from audit.context import Installation, act_as
from audit.journal import change


class Beat(Installation):
    printed_name = "Genba (schedule)"


class Entry(ModelEntry):
    @classmethod
    def from_entry(cls, name: str, app: Any = None, **entry: Any) -> "Entry":
        """A task of this version's code is written into the schedule; an administrator's switch stays as it is."""
        with act_as(Beat(), source="beat"), change("set_up_schedule"):
            return super().from_entry(name, app=app, **entry)

    def _disable(self, model: Any) -> None:
        """A task that is over, or that cannot be read, is switched off."""
        with act_as(Beat(), source="beat"), change("disable_task"):
            super()._disable(model)

    def is_due(self) -> Any:
        """Asked all the time; only a task that was to run once, and has run, is switched off by the question."""
        if not (self.model.one_off and self.model.enabled and self.model.total_run_count):
            return super().is_due()
        with act_as(Beat(), source="beat"), change("disable_task"):
            return super().is_due()


class Scheduler(DatabaseScheduler):
    Entry = Entry
