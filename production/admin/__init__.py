from production.admin import jobs, kpi, master_data, work_orders

__all__ = ["jobs", "kpi", "master_data", "work_orders"]
