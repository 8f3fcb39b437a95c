import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mfg_project.settings")

application = get_wsgi_application()

from audit.configuration import begin  # noqa: E402 imports models

begin("pages")
