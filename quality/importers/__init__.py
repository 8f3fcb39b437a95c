"""Importers of foreign data sets: read here, written by the services of the apps below."""
