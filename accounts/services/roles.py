from django.contrib.auth.models import Group, Permission

from accounts.roles import ROLES
from audit.context import Installation, act_as
from audit.journal import change


def sync_roles_of_app(app_label: str) -> None:
    """Give each role exactly the permissions of `app_label` that accounts/roles.py names. Safe to run again."""
    permissions = {f"{app_label}.{p.codename}": p for p in Permission.objects.filter(content_type__app_label=app_label)}
    if not permissions:
        return
    with act_as(Installation(), source="migrate"), change("sync_roles"):
        _sync(app_label, permissions)


def _sync(app_label: str, permissions: dict[str, Permission]) -> None:
    for role in ROLES:
        group, _created = Group.objects.get_or_create(name=role.name)
        wanted = {permissions[name].pk for name in role.permissions if name in permissions}
        held = set(group.permissions.filter(content_type__app_label=app_label).values_list("pk", flat=True))
        group.permissions.remove(*(held - wanted))
        group.permissions.add(*(wanted - held))
