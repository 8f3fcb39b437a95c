from django.urls import path

from production.views import (
    board,
    device,
    kpi,
    order_detail,
    order_forms,
    order_steps,
    orders,
    stops,
    terminal,
    terminal_codes,
)

app_name = "production"

urlpatterns = [
    path("board/", board.board, name="board"),
    path("board/grid/", board.board_grid, name="board-grid"),
    path("board/lines/<uuid:pk>/", board.board_tile, name="board-line"),
    path("lines/<uuid:pk>/", board.line, name="line"),
    path("lines/<uuid:pk>/state/", stops.set_state, name="line-state"),
    path("lines/<uuid:pk>/stop/", stops.stop_line, name="line-stop"),
    path("stops/<int:pk>/explain/", stops.explain, name="stop-explain"),
    path("terminal/", terminal.terminal, name="terminal"),
    path("terminal/codes/", terminal_codes.terminal_codes, name="terminal-codes"),
    path("terminal/device/", device.device, name="terminal-device"),
    path("terminal/line/<path:code>/", terminal.terminal_line, name="terminal-line"),
    path("terminal/live/<uuid:pk>/", terminal.terminal_live, name="terminal-live"),
    path("terminal/scan/<uuid:pk>/", terminal.scan, name="terminal-scan"),
    path("terminal/jobs/<uuid:pk>/start/", terminal.start, name="terminal-start"),
    path("terminal/jobs/<uuid:pk>/report/", terminal.report, name="terminal-report"),
    path("terminal/jobs/<uuid:pk>/hold/", terminal.hold, name="terminal-hold"),
    path("terminal/jobs/<uuid:pk>/complete/", terminal.complete, name="terminal-complete"),
    path("terminal/reports/<uuid:pk>/undo/", terminal.undo, name="terminal-undo"),
    path("kpi/", kpi.kpi, name="kpi"),
    path("kpi.csv", kpi.kpi_csv, name="kpi-csv"),
    path("kpi/scrap/", kpi.kpi_scrap, name="kpi-scrap"),
    path("orders/", orders.work_order_list, name="work-order-list"),
    path("orders.csv", orders.work_order_csv, name="work-order-csv"),
    path("orders/new/", order_forms.work_order_create, name="work-order-create"),
    path("orders/<uuid:pk>/", order_detail.work_order_detail, name="work-order-detail"),
    path("orders/<uuid:pk>/runs/", order_detail.work_order_runs, name="work-order-runs"),
    path("orders/<uuid:pk>/edit/", order_forms.work_order_edit, name="work-order-edit"),
    *(
        path(f"orders/<uuid:pk>/{step}/", order_steps.work_order_step, {"step": step}, name=f"work-order-{step}")
        for step in order_steps.SERVICES
    ),
]
