-- The same day's stops by reason: what was lost, and how often it began. Their seconds add up to `stopped_s`.
CREATE FUNCTION production_recompute_kpi_day_stops(p_line uuid, p_date date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a timestamptz := production_day_begin(p_date);
    z timestamptz := production_day_begin(p_date + 1);
    span tstzrange := tstzrange(a, greatest(least(z, now()), a));
    planned tstzmultirange := coalesce(production_shift_time(p_line, a, z), tstzmultirange(span));
BEGIN
    DELETE FROM production_kpi_day_stop WHERE line_id = p_line AND report_date = p_date;
    INSERT INTO production_kpi_day_stop (line_id, report_date, reason_id, stops, seconds)
    SELECT p_line, p_date, i.reason_id, count(*) FILTER (WHERE i.started_at >= a),
           sum(production_seconds_in(
               tstzmultirange(tstzrange(i.started_at, coalesce(i.ended_at, 'infinity')) * span) * planned))
    FROM equipment_linestateinterval i LEFT JOIN equipment_reasoncode reason ON reason.id = i.reason_id
    WHERE i.line_id = p_line AND i.state = 'stopped' AND NOT coalesce(reason.is_planned, false)
      AND tstzrange(i.started_at, i.ended_at, '[)') && span
    GROUP BY i.reason_id;
END $$;
