-- Key figures: sums per production day and line, kept up to date day by day, and the view on top.
-- Time model and formulas: ISO 22400-2 (PBT, APT, PRI·PQ); sums first, ratios last, no data is NULL.
-- PL/pgSQL keeps its plans for the session; the same functions in SQL are planned anew at every call.

-- A body that is parsed here and now: PostgreSQL 17 and newer refresh views with an empty search path, in which
-- a body kept as text would not find its table.
CREATE FUNCTION production_day_of(moment timestamptz) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
    (SELECT ((moment AT TIME ZONE time_zone) - (production_day_start - time '00:00'))::date FROM equipment_site),
    (moment AT TIME ZONE 'UTC')::date);

CREATE FUNCTION production_day_begin(day date) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(
        (SELECT (day + production_day_start) AT TIME ZONE time_zone FROM equipment_site),
        day::timestamp AT TIME ZONE 'UTC');
END $$;

CREATE FUNCTION production_seconds_in(ranges tstzmultirange) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r))), 0) FROM unnest(ranges) AS r);
END $$;

-- What the shift calendar says of a line's period, up to now; NULL where no calendar was kept yet.
CREATE FUNCTION production_shift_time(p_line uuid, p_from timestamptz, p_to timestamptz) RETURNS tstzmultirange
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT CASE WHEN EXISTS (SELECT FROM production_scheduledshift WHERE line_id = p_line AND starts_at < p_to)
                    THEN coalesce(range_agg(tstzrange(s.starts_at, s.ends_at)
                                            * tstzrange(p_from, greatest(least(p_to, now()), p_from))), '{}') END
        FROM production_scheduledshift s
        WHERE s.line_id = p_line AND NOT s.is_cancelled AND s.starts_at < p_to AND s.ends_at > p_from);
END $$;

-- Planned time is what the shift calendar says plus what was worked outside it; planned stops and maintenance
-- come off, and so does time nobody knows anything about: it is counted as `no_data_s`, not as idle.
CREATE FUNCTION production_time_sums(
    p_line uuid, p_from timestamptz, p_to timestamptz,
    OUT planned_busy_s double precision, OUT running_s double precision, OUT setup_s double precision,
    OUT stopped_s double precision, OUT idle_s double precision, OUT maintenance_s double precision,
    OUT no_data_s double precision
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    WITH span AS (
        SELECT tstzrange(p_from, greatest(least(p_to, now()), p_from)) AS r
    ), states AS (
        SELECT i.state, coalesce(reason.is_planned, false) AS is_planned,
               tstzrange(i.started_at, coalesce(i.ended_at, 'infinity')) * span.r AS r
        FROM equipment_linestateinterval i
        LEFT JOIN equipment_reasoncode reason ON reason.id = i.reason_id, span
        WHERE i.line_id = p_line AND tstzrange(i.started_at, i.ended_at, '[)') && span.r  -- as its index has it
    ), by_state AS (
        SELECT coalesce(range_agg(r) FILTER (WHERE state = 'running'), '{}') AS running,
               coalesce(range_agg(r) FILTER (WHERE state = 'setup'), '{}') AS setup,
               coalesce(range_agg(r) FILTER (WHERE state = 'stopped' AND NOT is_planned), '{}') AS stopped,
               coalesce(range_agg(r) FILTER (WHERE state = 'idle' AND NOT is_planned), '{}') AS idle,
               coalesce(range_agg(r) FILTER (WHERE state = 'maintenance'
                        OR (is_planned AND state IN ('stopped', 'idle'))), '{}') AS down,
               coalesce(range_agg(r) FILTER (WHERE state <> 'no_data'), '{}') AS known
        FROM states
    ), planned AS MATERIALIZED (
        SELECT production_shift_time(p_line, p_from, p_to) + b.running + b.setup AS r FROM by_state b
    )
    SELECT CASE WHEN NOT isempty(b.known) AND planned.r IS NOT NULL
                THEN production_seconds_in((planned.r - b.down) * b.known) END,
           production_seconds_in(b.running), production_seconds_in(b.setup),
           production_seconds_in(b.stopped * coalesce(planned.r, b.known)),
           production_seconds_in(b.idle * coalesce(planned.r, b.known)),
           production_seconds_in(b.down),
           CASE WHEN planned.r IS NOT NULL THEN production_seconds_in(planned.r - b.known) END
    INTO planned_busy_s, running_s, setup_s, stopped_s, idle_s, maintenance_s, no_data_s
    FROM by_state b, planned;
END $$;

CREATE FUNCTION production_count_sums(
    p_line uuid, p_from timestamptz, p_to timestamptz,
    OUT good numeric, OUT scrap numeric, OUT rework numeric, OUT standard_s double precision, OUT finished numeric
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT coalesce(sum(q.good), 0), coalesce(sum(q.scrap), 0), coalesce(sum(q.rework), 0),
           coalesce(sum((q.good + q.scrap + q.rework) * j.run_time_seconds), 0)::double precision,
           coalesce(sum(q.good) FILTER (WHERE NOT EXISTS (
               SELECT FROM production_joborder later
               WHERE later.work_order_id = j.work_order_id AND later.sequence > j.sequence
                 AND later.status <> 'cancelled')), 0)
    INTO good, scrap, rework, standard_s, finished
    FROM production_quantityreport q JOIN production_joborder j ON j.id = q.job_order_id
    WHERE q.production_line_id = p_line AND q.reported_at >= p_from AND q.reported_at < p_to;
END $$;

-- Orders count on the day they were scheduled to start; completions on the day they really ended (X-09).
CREATE FUNCTION production_order_sums(
    p_line uuid, p_from timestamptz, p_to timestamptz,
    OUT total_work_orders integer, OUT completed_work_orders integer, OUT on_time_completions integer,
    OUT completed_planned_quantity numeric, OUT completed_good_quantity numeric,
    OUT processing_hours double precision
) LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT (SELECT count(*)::integer FROM work_orders w
            WHERE w.production_line_id = p_line AND w.scheduled_start >= p_from AND w.scheduled_start < p_to
              AND w.status <> 'cancelled'),
           count(*)::integer, (count(*) FILTER (WHERE w.actual_end <= w.scheduled_end))::integer,
           coalesce(sum(w.planned_quantity), 0), coalesce(sum(w.actual_quantity), 0),
           coalesce(sum(extract(epoch FROM w.actual_end - w.actual_start)) / 3600, 0)::double precision
    INTO total_work_orders, completed_work_orders, on_time_completions, completed_planned_quantity,
         completed_good_quantity, processing_hours
    FROM work_orders w
    WHERE w.production_line_id = p_line AND w.status = 'completed'
      AND w.actual_end >= p_from AND w.actual_end < p_to;
END $$;

CREATE FUNCTION production_recompute_kpi_day(p_line uuid, p_date date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a timestamptz := production_day_begin(p_date);
    z timestamptz := production_day_begin(p_date + 1);
BEGIN
    INSERT INTO production_kpi_day AS k (
        line_id, report_date, planned_busy_s, running_s, setup_s, stopped_s, idle_s, maintenance_s, no_data_s,
        good, scrap, rework, standard_s, finished, total_work_orders, completed_work_orders, on_time_completions,
        completed_planned_quantity, completed_good_quantity, processing_hours)
    SELECT p_line, p_date, t.*, c.*, o.*
    FROM production_time_sums(p_line, a, z) t, production_count_sums(p_line, a, z) c, production_order_sums(p_line, a, z) o
    ON CONFLICT (report_date, line_id) DO UPDATE SET
        planned_busy_s = excluded.planned_busy_s, running_s = excluded.running_s, setup_s = excluded.setup_s,
        stopped_s = excluded.stopped_s, idle_s = excluded.idle_s, maintenance_s = excluded.maintenance_s,
        no_data_s = excluded.no_data_s, good = excluded.good, scrap = excluded.scrap, rework = excluded.rework,
        standard_s = excluded.standard_s, finished = excluded.finished,
        total_work_orders = excluded.total_work_orders, completed_work_orders = excluded.completed_work_orders,
        on_time_completions = excluded.on_time_completions,
        completed_planned_quantity = excluded.completed_planned_quantity,
        completed_good_quantity = excluded.completed_good_quantity, processing_hours = excluded.processing_hours;
END $$;

-- Triggers only note which day and line is out of date: one row per statement, day and line, without a unique
-- key, so that no writer ever waits for another (X-04). They catch bulk writes and raw SQL as well.
CREATE FUNCTION production_mark_states_dirty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_kpi_dirty_day (line_id, report_date)
    SELECT DISTINCT c.line_id, d::date
    FROM changed c, generate_series(production_day_of(c.started_at)::timestamp,
         production_day_of(coalesce(c.ended_at, now()))::timestamp, interval '1 day') d;
    RETURN NULL;
END $$;

CREATE FUNCTION production_mark_reports_dirty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_kpi_dirty_day (line_id, report_date)
    SELECT DISTINCT c.production_line_id, production_day_of(c.reported_at) FROM changed c;
    RETURN NULL;
END $$;

CREATE FUNCTION production_mark_orders_dirty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_kpi_dirty_day (line_id, report_date)
    SELECT DISTINCT c.production_line_id, production_day_of(m.moment)
    FROM changed c, LATERAL (VALUES (c.scheduled_start), (c.actual_end)) AS m (moment)
    WHERE c.production_line_id IS NOT NULL AND m.moment IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION production_mark_shifts_dirty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_kpi_dirty_day (line_id, report_date)
    SELECT DISTINCT c.line_id, d::date
    FROM changed c, generate_series(production_day_of(c.starts_at)::timestamp,
         production_day_of(c.ends_at)::timestamp, interval '1 day') d
    WHERE c.starts_at <= now();  -- a shift to come has no figures yet
    RETURN NULL;
END $$;

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('equipment_linestateinterval', 'production_mark_states_dirty'),
        ('production_quantityreport', 'production_mark_reports_dirty'),
        ('work_orders', 'production_mark_orders_dirty'),
        ('production_scheduledshift', 'production_mark_shifts_dirty')) AS v (tbl, fn)
    LOOP
        EXECUTE format('CREATE TRIGGER kpi_dirty_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.tbl, t.fn);
        EXECUTE format('CREATE TRIGGER kpi_dirty_update_new AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.tbl, t.fn);
        EXECUTE format('CREATE TRIGGER kpi_dirty_update_old AFTER UPDATE ON %I REFERENCING OLD TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.tbl, t.fn);
        EXECUTE format('CREATE TRIGGER kpi_dirty_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', t.tbl, t.fn);
    END LOOP;
END $$;

-- Counts and runs are written once; a mistake is reversed by another row.
CREATE TRIGGER production_quantityreport_append_only BEFORE UPDATE OR DELETE ON production_quantityreport
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE production_quantityreport ENABLE ALWAYS TRIGGER production_quantityreport_append_only;
CREATE TRIGGER production_operationrun_append_only BEFORE UPDATE OR DELETE ON production_operationrun
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE production_operationrun ENABLE ALWAYS TRIGGER production_operationrun_append_only;

CREATE MATERIALIZED VIEW mv_production_kpi_daily AS
SELECT k.report_date, k.line_id AS production_line_id, l.line_name,
       k.total_work_orders, k.completed_work_orders, k.on_time_completions,
       100.0 * k.on_time_completions / nullif(k.completed_work_orders, 0)::double precision AS on_time_delivery_rate,
       k.finished AS total_quantity_produced, k.good, k.scrap, k.rework,
       (100 * k.completed_good_quantity / nullif(k.completed_planned_quantity, 0))::double precision
           AS avg_yield_percentage,
       k.processing_hours / nullif(k.completed_work_orders, 0) AS avg_processing_hours,
       k.planned_busy_s, k.running_s, k.setup_s, k.stopped_s, k.idle_s, k.maintenance_s, k.no_data_s, k.standard_s,
       f.availability, f.effectiveness, f.quality_rate, f.oee AS avg_oee, f.oee AS estimated_oee
FROM production_kpi_day k
JOIN production_lines l ON l.id = k.line_id,
LATERAL (
    SELECT nullif(k.good + k.scrap + k.rework, 0) AS pieces
) made,
LATERAL (
    SELECT 100 * k.running_s / nullif(k.planned_busy_s, 0) AS availability,
           CASE WHEN made.pieces IS NOT NULL THEN 100 * k.standard_s / nullif(k.running_s, 0) END AS effectiveness,
           (100 * k.good / made.pieces)::double precision AS quality_rate
) r,
LATERAL (  -- a day that is known to have been lost whole is 0, a running line nobody counted on is not known
    SELECT r.availability, r.effectiveness, r.quality_rate,
           CASE WHEN r.availability = 0 AND made.pieces IS NULL THEN 0
                ELSE r.availability * r.effectiveness * r.quality_rate / 10000 END AS oee
) f
WHERE k.report_date BETWEEN production_day_of(now()) - 89 AND production_day_of(now());

CREATE UNIQUE INDEX idx_mv_production_kpi_daily_unique ON mv_production_kpi_daily (report_date, production_line_id);
