"""The people of the demo plant, one per role. Their password is public, so none of this exists in production."""

from django.conf import settings

from accounts.models import User
from accounts.services.qualifications import qualify_for_the_demo
from accounts.services.users import person, program_user

PASSWORD = "genba-demo-2026"  # noqa: S105 public on purpose
SIMULATOR = "simulator"

# The user name is the role.
PEOPLE = {
    "operator": "Sato Hanako",
    "supervisor": "Tanaka Kenji",
    "inspector": "Suzuki Aiko",
    "qa_manager": "Maria Lindqvist",
    "maintenance": "Yamamoto Takeshi",
    "planner": "Daniel Okafor",
    "auditor": "Watanabe Yumi",
    "integration": "ERP interface",
}


class NotADemo(RuntimeError):
    """The plant is a real one: nothing of the demo may touch it."""


def require_demo() -> None:
    if settings.PRODUCTION:
        raise NotADemo("The demo runs only with GENBA_MODE=demo (or test).")


def make_people() -> dict[str, User]:
    """Safe to run again: who exists keeps the password."""
    require_demo()
    people = {role: person(role, printed_name=name, role=role, password=PASSWORD) for role, name in PEOPLE.items()}
    for user in people.values():
        if user.is_person:
            qualify_for_the_demo(user)
    return people


def simulator_user() -> User:
    """The simulated machines: a program like any other that talks to Genba, without a password or a signature."""
    return program_user(SIMULATOR, printed_name="Machine simulator", role="integration")


def demo_supervisor() -> User | None:
    """Who signs for the demo's own orders, with the public password; None once a visitor changed that password.

    Checked here without counting: a wrong attempt would lock the visitor out of signing.
    """
    require_demo()
    supervisor = User.objects.filter(username="supervisor", is_active=True).first()
    return supervisor if supervisor and supervisor.check_password(PASSWORD) else None
