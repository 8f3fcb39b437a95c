DROP MATERIALIZED VIEW mv_production_kpi_daily;
DROP TRIGGER production_operationrun_append_only ON production_operationrun;
DROP TRIGGER production_quantityreport_append_only ON production_quantityreport;
DO $$
DECLARE
    t text;
    n text;
BEGIN
    FOREACH t IN ARRAY ARRAY['equipment_linestateinterval', 'production_quantityreport', 'work_orders',
                             'production_scheduledshift']
    LOOP
        FOREACH n IN ARRAY ARRAY['insert', 'update_new', 'update_old', 'delete']
        LOOP
            EXECUTE format('DROP TRIGGER kpi_dirty_%s ON %I', n, t);
        END LOOP;
    END LOOP;
END $$;
DROP FUNCTION production_mark_shifts_dirty();
DROP FUNCTION production_mark_orders_dirty();
DROP FUNCTION production_mark_reports_dirty();
DROP FUNCTION production_mark_states_dirty();
DROP FUNCTION production_recompute_kpi_day(uuid, date);
DROP FUNCTION production_order_sums(uuid, timestamptz, timestamptz);
DROP FUNCTION production_count_sums(uuid, timestamptz, timestamptz);
DROP FUNCTION production_time_sums(uuid, timestamptz, timestamptz);
DROP FUNCTION production_shift_time(uuid, timestamptz, timestamptz);
DROP FUNCTION production_seconds_in(tstzmultirange);
DROP FUNCTION production_day_begin(date);
DROP FUNCTION production_day_of(timestamptz);
