from equipment.events import publish


def publish_order(work_order_id: object) -> None:
    publish("order", work_order_id)


def publish_kpis() -> None:
    publish("kpi")
