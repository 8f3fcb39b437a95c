"""A problem at the push of a button: what a visitor watches the board, the terminal and the figures react to."""

import datetime as dt
from uuid import UUID

from audit.context import act_as
from equipment.enums import LineState, StateSource
from equipment.models import LineStateInterval
from equipment.scope import require_line
from equipment.services.line_states import set_line_state
from mfg_project.demo.people import require_demo, simulator_user

LASTS = dt.timedelta(seconds=90)
ALARM = "Alarm 417: light curtain interrupted"  # text of the machine, not of Genba: the same in every language


def cause_problem(line_id: UUID) -> LineStateInterval:
    """Stop a line the way its machine would, without a reason: somebody has to explain it.

    The simulator finds a stop that is not its own and leaves it alone for `LASTS`. A line that stands already
    stays as it is.
    """
    require_demo()
    require_line(line_id)  # of who presses the button, before the machine acts
    with act_as(simulator_user(), source="demo"):
        return set_line_state(line_id=line_id, state=LineState.STOPPED, comment=ALARM, source=StateSource.MACHINE)
