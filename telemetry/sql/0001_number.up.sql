CREATE SEQUENCE telemetry_series_number AS integer;
