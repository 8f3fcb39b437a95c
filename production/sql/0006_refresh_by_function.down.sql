DROP FUNCTION production_refresh_kpi_view();
