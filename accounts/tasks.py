from celery import shared_task

from accounts.services import passwords
from accounts.services.users import system_user
from audit.context import act_as


@shared_task(name="accounts.deactivate_dormant")
def deactivate_dormant() -> int:
    """Safe to run twice: who is inactive already stays so."""
    with act_as(system_user(), source="task:accounts.deactivate_dormant"):
        return passwords.deactivate_dormant()
