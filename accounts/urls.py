from django.contrib.auth import views as auth_views
from django.urls import path
from django.views.generic import RedirectView

from accounts import device_views, provider_views, second_step, security_views, signing_views, views

app_name = "accounts"

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("login/code/", second_step.code, name="login-code"),
    path("provider/", provider_views.begin, name="provider"),
    path("provider/confirm/", provider_views.confirm, name="provider-confirm"),
    path("provider/callback/", provider_views.callback, name="provider-callback"),
    path("logout/", auth_views.LogoutView.as_view(next_page="home"), name="logout"),
    path("password/", views.PasswordChangeView.as_view(), name="password-change"),
    path(
        "password/done/",
        auth_views.PasswordChangeDoneView.as_view(template_name="accounts/password_change_done.html"),
        name="password-change-done",
    ),
    path("reset/<uidb64>/<token>/", views.PasswordLinkView.as_view(), name="password-link"),
    path("signing/", signing_views.own, name="own-signing"),
    path("signing/statement/", signing_views.statement, name="statement"),
    path("signing/authenticator/", signing_views.authenticator, name="authenticator"),
    path("signing/authenticator/code/", signing_views.authenticator_code, name="authenticator-code"),
    path("signing/pin/", signing_views.pin, name="pin"),
    path("security/", security_views.security, name="security"),
    path("security/<uuid:pk>/unlock/", security_views.unlock, name="unlock"),
    path("security/notices/<uuid:pk>/acknowledge/", security_views.acknowledge, name="acknowledge"),
    path("security/devices/", device_views.devices, name="devices"),
    path("security/devices/<uuid:pk>/", device_views.device, name="device"),
    path("security/devices/<uuid:pk>/revoke/<str:what>/", device_views.revoke, name="device-revoke"),
    path("security/devices/<uuid:pk>/code/", device_views.issue, name="temporary-code"),
    path("demo/", views.demo_login, name="demo-login"),
]

# The admin has no door of its own: one login page, one way out, one place to change a password.
admin_doors = [
    path("login/", views.admin_login),
    path("logout/", auth_views.LogoutView.as_view(next_page="home")),
    path("password_change/", RedirectView.as_view(pattern_name="accounts:password-change")),
    path("password_change/done/", RedirectView.as_view(pattern_name="accounts:password-change-done")),
]
