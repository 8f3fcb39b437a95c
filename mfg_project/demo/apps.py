from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demo plant and its simulated machines. Installed in demo and test mode only (settings)."""

    name = "mfg_project.demo"
    label = "demo"
