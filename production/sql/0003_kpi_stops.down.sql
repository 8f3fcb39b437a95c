DROP FUNCTION production_recompute_kpi_day_stops(uuid, date);
