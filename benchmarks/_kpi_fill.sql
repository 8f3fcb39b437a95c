-- A year of facts for kpi_view.py; %(orders)s, %(lines)s and %(days)s are its parameters.
CREATE TEMPORARY TABLE act AS SELECT id AS who FROM accounts_user WHERE username = 'bench';
INSERT INTO equipment_site (id, created_at, updated_at, created_by_id, updated_by_id, version, code, name, time_zone,
    production_day_start, singleton)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'B', 'Bench', 'Asia/Tokyo', '06:00', true FROM act;
INSERT INTO equipment_area (id, created_at, updated_at, created_by_id, updated_by_id, version, site_id, code, name)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, s.id, 'A', 'Hall' FROM act, equipment_site s;
INSERT INTO production_lines (id, created_at, updated_at, created_by_id, updated_by_id, version, area_id, line_code,
    line_name, efficiency_rate, is_active)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, a.id, 'L' || n, 'Line ' || n, 85, true
  FROM act, equipment_area a, generate_series(1, %(lines)s) n;
INSERT INTO materials (id, created_at, updated_at, created_by_id, updated_by_id, version, product_code, product_name,
    product_type, product_version, uom, is_active, target_yield_rate, overproduction_tolerance)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'P' || n, 'Product ' || n, 'finished', '1', 'pcs', true, 95, 0
  FROM act, generate_series(1, 500) n;
INSERT INTO equipment_reasoncode (id, created_at, updated_at, created_by_id, updated_by_id, version, kind, code, name,
    name_ja, is_planned, sort_order, is_active)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'stop', 'R' || n, 'Reason ' || n, '', n = 1, n, true
  FROM act, generate_series(1, 8) n;
INSERT INTO production_shift (id, created_at, updated_at, created_by_id, updated_by_id, version, name, start_time,
    end_time, weekdays, is_active)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'S' || n, '06:00', '14:00', '{1,2,3,4,5,6,7}', true
  FROM act, generate_series(0, 2) n;

CREATE TEMPORARY TABLE line AS SELECT id, row_number() OVER () - 1 AS n FROM production_lines;
CREATE TEMPORARY TABLE product AS SELECT id, row_number() OVER () - 1 AS n FROM materials;
CREATE TEMPORARY TABLE reason AS SELECT id, row_number() OVER () AS n FROM equipment_reasoncode;
CREATE TEMPORARY TABLE shift AS SELECT id, row_number() OVER () - 1 AS n FROM production_shift;
CREATE TEMPORARY TABLE span AS
  SELECT production_day_begin(production_day_of(now()) - %(days)s) AS first, %(days)s * 86400.0 AS seconds;

INSERT INTO production_scheduledshift (line_id, shift_id, production_date, starts_at, ends_at, is_cancelled)
  SELECT line.id, shift.id, (first + d * interval '1 day')::date, first + d * interval '1 day' + shift.n * interval '8 h',
         first + d * interval '1 day' + (shift.n + 1) * interval '8 h', false
  FROM span, line, shift, generate_series(0, %(days)s - 1) d;

-- Sixty states a day: half running, the others in turn.
INSERT INTO equipment_linestateinterval (line_id, state, started_at, ended_at, reason_id, comment, source, reported_by_id)
  SELECT line.id, CASE WHEN k %% 2 = 0 THEN 'running' ELSE (ARRAY['stopped', 'setup', 'stopped', 'idle'])[1 + k / 2 %% 4] END,
         first + k * interval '24 min', first + (k + 1) * interval '24 min',
         CASE WHEN k %% 4 = 1 THEN reason.id END, '', 'machine', who
  FROM span, act, line, generate_series(0, %(days)s * 60 - 1) k JOIN reason ON reason.n = 1 + k %% 8;

CREATE TEMPORARY TABLE made AS
  SELECT gen_random_uuid() AS id, gen_random_uuid() AS job_id, o AS n, line.id AS line_id, product.id AS product_id,
         first + interval '1 s' * (seconds * o / %(orders)s) AS ended_at
  FROM span, generate_series(1, %(orders)s) o
  JOIN line ON line.n = o %% %(lines)s JOIN product ON product.n = o %% 500;
INSERT INTO work_orders (id, created_at, updated_at, created_by_id, updated_by_id, version, work_order_number, product_id,
    production_line_id, planned_quantity, actual_quantity, uom, status, status_before_hold, priority, scheduled_start,
    scheduled_end, actual_start, actual_end)
  SELECT id, ended_at, ended_at, who, who, 3, 'WO-' || n, product_id, line_id, 20, 19, 'pcs', 'completed', '', 5,
         ended_at - interval '1 h', ended_at + interval '1 min' * (n %% 7 - 1), ended_at - interval '10 min', ended_at
  FROM made, act;
INSERT INTO production_joborder (id, created_at, updated_at, created_by_id, updated_by_id, version, work_order_id, sequence,
    operation_name, run_time_seconds, setup_time_seconds, production_line_id, status, actual_start, actual_end, good, scrap,
    rework)
  SELECT job_id, ended_at, ended_at, who, who, 3, id, 10, 'Make', 15, 0, line_id, 'completed',
         ended_at - interval '10 min', ended_at, 19, 1, 0
  FROM made, act;
INSERT INTO production_quantityreport (id, job_order_id, production_line_id, good, scrap, rework, comment, reported_at,
    reported_by_id, source, client_token, created_at)
  SELECT gen_random_uuid(), job_id, line_id, 19, 1, 0, '', ended_at, who, 'machine', gen_random_uuid(), ended_at
  FROM made, act;
