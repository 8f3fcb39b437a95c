-- Only its owner may refresh a materialized view; the application is not the owner and refreshes through this.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
CREATE FUNCTION production_refresh_kpi_view() RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_production_kpi_daily;
END $$;
