from django.contrib.auth.models import Group

from accounts.models import User
from accounts.roles import ROLE_BY_NAME

SYSTEM_USERNAME = "system"


def system_user() -> User:
    """The name under which scheduled tasks write. It holds no permission and cannot log in."""
    return program_user(SYSTEM_USERNAME, printed_name="Genba (system)")


def program_user(username: str, *, printed_name: str, role: str | None = None) -> User:
    """A named program: no password, cannot sign; `role` gives it the rights it needs. Safe to run again."""
    user, created = User.objects.get_or_create(
        username=username, defaults={"printed_name": printed_name, "is_person": False}
    )
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def person(username: str, *, printed_name: str, role: str, password: str) -> User:
    """A person with one role. An existing user keeps its password."""
    user, created = User.objects.get_or_create(username=username, defaults={"printed_name": printed_name})
    if created:
        user.set_password(password)
    user.is_staff = ROLE_BY_NAME[role].uses_admin
    user.save()
    user.groups.add(Group.objects.get(name=role))
    return user
