import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mfg_project.settings")

http = get_asgi_application()  # before anything that imports models

from channels.auth import AuthMiddlewareStack  # noqa: E402 imports models
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 beside the others
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 beside the others
from django.urls import path  # noqa: E402 beside the others

from audit.configuration import begin  # noqa: E402 imports models
from production.consumers import FloorConsumer  # noqa: E402 imports models

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/floor/", FloorConsumer.as_asgi())]))
        ),
    }
)

begin("live")
