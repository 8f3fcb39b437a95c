from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "mfg_project.common"
    label = "common"
