"""The schedule's pages in the dress of the rest: django-celery-beat brings the plain admin's classes."""

from django.contrib import admin
from django_celery_beat import admin as beat
from django_celery_beat import models
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget


class TaskSelect(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    template_name = "unfold/widgets/select.html"


class PeriodicTaskForm(beat.PeriodicTaskForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, ModelAdmin):
    form = PeriodicTaskForm


class IntervalScheduleAdmin(beat.IntervalScheduleAdmin, ModelAdmin):
    pass


class CrontabScheduleAdmin(beat.CrontabScheduleAdmin, ModelAdmin):
    pass


class ClockedScheduleAdmin(beat.ClockedScheduleAdmin, ModelAdmin):
    pass


class SolarScheduleAdmin(beat.SolarScheduleAdmin, ModelAdmin):
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
