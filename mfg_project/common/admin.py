"""The schedule's pages in the dress of the rest: django-celery-beat brings the plain admin's classes."""

from typing import Any

from django.contrib import admin
from django_celery_beat import admin as beat
from django_celery_beat import models
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from audit.journal import change


class TaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    template_name = "unfold/widgets/select.html"


class PeriodicTaskForm(beat.PeriodicTaskForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


class OneChange:
    """Each edit of the schedule is one change in the journal: the forms and actions are the library's."""

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        with change("edit_schedule"):
            super().save_model(*args, **kwargs)

    def delete_model(self, *args: Any, **kwargs: Any) -> None:
        with change("remove_schedule"):
            super().delete_model(*args, **kwargs)

    def delete_queryset(self, *args: Any, **kwargs: Any) -> None:
        with change("remove_schedule"):
            super().delete_queryset(*args, **kwargs)


class PeriodicTaskAdmin(OneChange, beat.PeriodicTaskAdmin, ModelAdmin):
    form = PeriodicTaskForm

    def changelist_view(self, *args: Any, **kwargs: Any) -> Any:
        with change("edit_schedule"):  # the library's actions switch tasks on and off in here
            return super().changelist_view(*args, **kwargs)


class IntervalScheduleAdmin(OneChange, beat.IntervalScheduleAdmin, ModelAdmin):
    pass


class CrontabScheduleAdmin(OneChange, beat.CrontabScheduleAdmin, ModelAdmin):
    pass


class ClockedScheduleAdmin(OneChange, beat.ClockedScheduleAdmin, ModelAdmin):
    pass


class SolarScheduleAdmin(OneChange, beat.SolarScheduleAdmin, ModelAdmin):
    pass


for model, model_admin in {
    models.PeriodicTask: PeriodicTaskAdmin,
    models.IntervalSchedule: IntervalScheduleAdmin,
    models.CrontabSchedule: CrontabScheduleAdmin,
    models.ClockedSchedule: ClockedScheduleAdmin,
    models.SolarSchedule: SolarScheduleAdmin,
}.items():
    admin.site.unregister(model)
    admin.site.register(model, model_admin)
