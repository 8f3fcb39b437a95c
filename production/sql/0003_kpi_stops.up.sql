-- The same day's stops by reason: what was lost, and how often it began. Their seconds add up to `stopped_s`.
-- MATERIALIZED: the bounds and the calendar are worked out once, not for every interval.
CREATE FUNCTION production_recompute_kpi_day_stops(p_line uuid, p_date date) RETURNS void LANGUAGE sql AS $$
    DELETE FROM production_kpi_day_stop WHERE line_id = p_line AND report_date = p_date;
    WITH bounds AS MATERIALIZED (
        SELECT production_day_begin(p_date) AS a, production_day_begin(p_date + 1) AS z
    ), day AS MATERIALIZED (
        SELECT a, tstzrange(a, greatest(least(z, now()), a)) AS span, production_shift_time(p_line, a, z) AS shifts
        FROM bounds
    )
    INSERT INTO production_kpi_day_stop (line_id, report_date, reason_id, stops, seconds)
    SELECT p_line, p_date, i.reason_id, count(*) FILTER (WHERE i.started_at >= day.a),
           sum(production_seconds_in(
               tstzmultirange(tstzrange(i.started_at, coalesce(i.ended_at, 'infinity')) * day.span)
               * coalesce(day.shifts, tstzmultirange(day.span))))
    FROM day, equipment_linestateinterval i LEFT JOIN equipment_reasoncode reason ON reason.id = i.reason_id
    WHERE i.line_id = p_line AND i.state = 'stopped' AND NOT coalesce(reason.is_planned, false)
      AND tstzrange(i.started_at, i.ended_at, '[)') && day.span
    GROUP BY i.reason_id
$$;
