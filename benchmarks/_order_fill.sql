-- Orders for order_search.py; %(orders)s is its parameter. One in two hundred is open, as in a plant that keeps years.
CREATE TEMPORARY TABLE act AS SELECT id AS who FROM accounts_user WHERE username = 'bench';
INSERT INTO equipment_site (id, created_at, updated_at, created_by_id, updated_by_id, version, code, name, time_zone,
    production_day_start, singleton)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'B', 'Bench', 'Asia/Tokyo', '06:00', true FROM act;
INSERT INTO equipment_area (id, created_at, updated_at, created_by_id, updated_by_id, version, site_id, code, name)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, s.id, 'A', 'Hall' FROM act, equipment_site s;
INSERT INTO production_lines (id, created_at, updated_at, created_by_id, updated_by_id, version, area_id, line_code,
    line_name, efficiency_rate, is_active)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, a.id, 'L' || n, 'Line ' || n, 85, true
  FROM act, equipment_area a, generate_series(0, 19) n;
INSERT INTO materials (id, created_at, updated_at, created_by_id, updated_by_id, version, product_code, product_name,
    product_type, product_version, uom, is_active, target_yield_rate, overproduction_tolerance)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'SHF-' || n, 'Shaft ' || n, 'finished', '1', 'pcs', true, 95, 0
  FROM act, generate_series(0, 1999) n;
CREATE TEMPORARY TABLE line AS SELECT id, row_number() OVER () - 1 AS n FROM production_lines;
CREATE TEMPORARY TABLE product AS SELECT id, row_number() OVER () - 1 AS n FROM materials;
INSERT INTO batches (id, created_at, updated_at, created_by_id, updated_by_id, version, batch_number, product_id)
  SELECT gen_random_uuid(), now(), now(), who, who, 1, 'LOT-' || lpad(to_hex(o), 6, '0'), product.id
  FROM act, generate_series(0, %(orders)s / 4 - 1) o JOIN product ON product.n = o %% 2000;
CREATE TEMPORARY TABLE lot AS SELECT id, product_id, row_number() OVER () - 1 AS n FROM batches;
INSERT INTO work_orders (id, created_at, updated_at, created_by_id, updated_by_id, version, work_order_number, product_id,
    production_line_id, batch_id, planned_quantity, uom, status, status_before_hold, priority, scheduled_start,
    scheduled_end, actual_start, actual_end)
  SELECT gen_random_uuid(), at, at, who, who, 3, 'WO-' || to_char(at, 'YYMMDD') || '-' || lpad(o::text, 7, '0'),
         lot.product_id, line.id, lot.id, 20, 'pcs', status, '', 1 + o %% 10, at, at + interval '8 h',
         CASE WHEN status IN ('in_progress', 'completed') THEN at END,
         CASE WHEN status = 'completed' THEN at + interval '7 h' END
  FROM act, generate_series(0, %(orders)s - 1) o
  CROSS JOIN LATERAL (SELECT now() + interval '10 days' - o * interval '3 min' AS at,
      CASE WHEN o >= %(orders)s / 200 THEN 'completed'
           ELSE (ARRAY['created', 'planned', 'released', 'in_progress', 'on_hold'])[1 + o %% 5] END AS status) given
  JOIN lot ON lot.n = o / 4 JOIN line ON line.n = o %% 20;
